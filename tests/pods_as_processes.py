"""A backend whose pods are sandboxes of this machine: the whole way of a pod's runner, without a cluster.

Each runs `python -m himalia.runner.pod` from the zip that real pods get, and reaches the service over HTTP alone. For
a platform: `HIMALIA_BACKEND=pods_as_processes:ProcessPods`, with this folder on the Python path.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from himalia.core.settings import Settings
from himalia.engine.backends.base import Backend, Batch, Ended, Known, Launch, Seen
from himalia.engine.backends.kubernetes.inject import FILE, runner_zip
from himalia.engine.backends.local.machine import this_machine
from himalia.engine.backends.local.process import SandboxProcess
from himalia.engine.backends.local.sandbox import Sandbox, SandboxError, start
from himalia.engine.folders import Folders
from himalia.engine.reception import Reception
from himalia.engine.resources import Machine
from himalia.environments.interpreter import base_prefixes

USER = (1000, 100)
"""Who everybody is in a pod."""
AFTER_GRACE_S = 20.0
"""How long after the grace of a stop a pod may still be there before it is ended from outside."""


@dataclass
class _Pod:
    """One sandbox, seen by `<workload>-<attempt>` and rank."""

    name: str
    rank: int
    folder: Path
    process: SandboxProcess
    watch: int | None = None
    told: bool = field(default=False)


class ProcessPods(Backend):
    """Everything of a pod lies in `<home>/pods/<name>/<rank>`, as its disk would."""

    reception: Reception

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folders = Folders(settings.home)
        self.pods: dict[tuple[str, int], _Pod] = {}
        self.reception = Reception(self._pass_on)
        self._batches: asyncio.Queue[Batch] = asyncio.Queue()
        self._timers: list[asyncio.TimerHandle] = []
        self._root = settings.home / "pods"
        self._machine = this_machine()

    async def open(self, known: Sequence[Known]) -> None:
        self._root.mkdir(mode=0o711, exist_ok=True)
        self._root.chmod(0o711)
        (self._root / FILE).write_bytes(runner_zip().data)
        names = {one.name for one in known}
        for state in self._root.glob("*/*/state.json"):
            process = SandboxProcess.from_state(json.loads(state.read_text()))
            pod = _Pod(state.parent.parent.name, int(state.parent.name), state.parent, process)
            if pod.name in names:
                self.reception.expect(pod.name)
                self._watch(pod)
            else:
                await asyncio.to_thread(process.stop, 0.0)
                shutil.rmtree(pod.folder)

    async def close(self) -> None:
        self.reception.close()
        for timer in self._timers:
            timer.cancel()
        for pod in self.pods.values():
            self._unwatch(pod)

    async def end_all(self) -> None:
        pods = list(self.pods.values())
        await asyncio.gather(*(asyncio.to_thread(pod.process.stop, 2.0) for pod in pods))

    # The seam

    def start(self, launch: Launch) -> None:
        if (launch.name, 0) in self.pods:
            return
        if launch.environment and not (self.folders.environment(launch.environment) / "bin/python").exists():
            message = f"The image of the environment {launch.environment} is not there."
            self._report(Ended(launch.name, "environment_missing", message, final=False))
            return
        self.reception.expect(launch.name)
        for rank in range(launch.replicas):
            try:
                self._start(launch, rank)
            except (OSError, SandboxError) as error:
                self._report(Ended(launch.name, "start_failed", str(error), final=False, rank=rank))

    def _start(self, launch: Launch, rank: int) -> None:
        folder = self._root / launch.name / str(rank)
        uid, gid = self._user(launch)
        for name in ("job", "run", "launch"):
            (folder / name).mkdir(parents=True)
            os.chown(folder / name, uid, gid)
        file = folder / "launch" / "launch.json"
        file.write_text(json.dumps(self._launch(launch)))
        file.chmod(0o440)
        os.chown(file, uid, gid)
        python = str(self.folders.environment(launch.environment) / "bin/python")
        command = [python if launch.environment else sys.executable, "-m", "himalia.runner.pod"]
        with (folder / "log").open("ab") as log:
            sandbox = self._sandbox(launch, rank, folder, uid, gid)
            process = start(sandbox, [*command, "--launch", "/run/himalia-launch/launch.json"], log)
        (folder / "state.json").write_text(json.dumps(process.to_state()))
        self._watch(_Pod(launch.name, rank, folder, process))

    def stop(self, name: str, grace_s: float, reason: str) -> None:
        self.reception.stop(name, grace_s, reason)
        for pod in self._of(name):
            later = asyncio.get_running_loop().call_later(grace_s + AFTER_GRACE_S, self._end, pod)
            self._timers.append(later)

    def advise_stop(self, name: str) -> None:
        self.reception.advise_stop(name)

    def observe(self, names: Sequence[str]) -> dict[str, Seen]:
        return {name: Seen.RUNNING if self._of(name) else Seen.GONE for name in names}

    async def changes(self) -> AsyncIterator[Batch]:
        while True:
            yield await self._batches.get()

    def machines(self) -> list[Machine]:
        return [self._machine]

    def addresses(self, name: str) -> list[str]:
        return []

    async def logs(self, name: str, rank: int = 0) -> bytes:
        path = self._root / name / str(rank) / "log"
        return await asyncio.to_thread(path.read_bytes) if path.exists() else b""

    # Pods

    def _of(self, name: str) -> list[_Pod]:
        return [pod for pod in self.pods.values() if pod.name == name and pod.process.alive()]

    def _watch(self, pod: _Pod) -> None:
        self.pods[pod.name, pod.rank] = pod
        pod.watch = pod.process.outer.open()
        if pod.watch is None:
            asyncio.get_running_loop().call_soon(self._gone, pod)
        else:
            asyncio.get_running_loop().add_reader(pod.watch, self._gone, pod)

    def _unwatch(self, pod: _Pod) -> None:
        if pod.watch is not None:
            asyncio.get_running_loop().remove_reader(pod.watch)
            os.close(pod.watch)
            pod.watch = None

    def _gone(self, pod: _Pod) -> None:
        self._unwatch(pod)
        if pod.told:
            self._remove(pod)
        else:
            self._report(Ended(pod.name, "lost", final=False, rank=pod.rank))

    def _remove(self, pod: _Pod) -> None:
        self._end(pod)
        if self.pods.pop((pod.name, pod.rank), None) is not None:
            shutil.rmtree(pod.folder)
        if not any(one.name == pod.name for one in self.pods.values()):
            self.reception.forget(pod.name)
            shutil.rmtree(self._root / pod.name, ignore_errors=True)

    def _end(self, pod: _Pod) -> None:
        pod.process.stop(0.0)

    def _report(self, *ends: Ended) -> None:
        self._pass_on(Batch(ends, lambda: None))

    def _pass_on(self, batch: Batch) -> None:
        def durable() -> None:
            batch.durable()
            for report in batch.reports:
                pod = self.pods.get((report.name, report.rank)) if isinstance(report, Ended) else None
                if pod is not None:
                    pod.told = True
                    if not pod.process.alive():
                        self._remove(pod)

        self._batches.put_nowait(Batch(batch.reports, durable))

    # What a pod is given

    def _launch(self, launch: Launch) -> dict[str, Any]:
        calls_api = not (launch.isolated or launch.purpose == "overlay")
        task = {
            **launch.task,
            "directory": f"/job/{launch.name}",
            "environment": {"HIMALIA_PROJECT": launch.project.name, **launch.variables},
            "inputs": {
                path: f"/checkouts/{one['tree']}/{one['path']}".rstrip("/")
                for path, one in launch.inputs.items()
            },
            "calls_api": calls_api,
            "kernel_group": launch.kernel_group,
            "secret_environment": dict(launch.secrets),
            "secret_files": dict(launch.secrets),
            "memory_bytes": launch.limit.memory_bytes or None,
            "time_limit_s": launch.time_limit_s,
            "log_limit_bytes": self.settings.log_limit_bytes,
            "token": launch.token,
        }
        if launch.replicas > 1:
            task["hosts"] = ["127.0.0.1"] * launch.replicas
        identity = {"name": launch.name, "workload": launch.workload, "attempt": launch.attempt}
        return {**identity, "url": self.settings.reached_at, "task": task, "grace_s": 2.0}

    def _user(self, launch: Launch) -> tuple[int, int]:
        if not self.folders.root:
            return os.getuid(), os.getgid()
        return launch.person.uid or USER[0], launch.person.gid or USER[1]

    def _shared(self, launch: Launch) -> Path:
        """The project's shared folder, as a claim that belongs to whom pods run as."""
        folder = self.folders.shared(launch.project)
        if self.folders.root and launch.project.gid is None:
            os.chown(folder, *USER)
        return folder

    def _sandbox(self, launch: Launch, rank: int, folder: Path, uid: int, gid: int) -> Sandbox:
        prefix = self.folders.environment(launch.environment)
        group = launch.project.gid
        return Sandbox(
            user="user",
            uid=uid,
            gid=gid,
            groups=(group,) if group is not None and not launch.isolated else (),
            home="/job",
            directory="/job",
            writable={
                "/job": folder / "job",
                f"/shared/{launch.project.name}": self._shared(launch),
            },
            readable={
                "/run/himalia-launch": folder / "launch",
                "/opt/runner": self._root,
                "/checkouts": self.folders.checkouts(launch.project),
            },
            prefixes=(prefix, *base_prefixes(prefix)) if launch.environment else (),
            sockets=folder / "run",
            environment={
                "LANG": "C.UTF-8",
                "PATH": f"{prefix}/bin:/usr/local/bin:/usr/bin:/bin",
                "PYTHONPATH": f"/opt/runner/{FILE}",
                "HIMALIA_NOTEBOOK_PYTHON": sys.executable,
                "JOB_COMPLETION_INDEX": str(rank),
            },
        )
