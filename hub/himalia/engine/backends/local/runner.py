"""One resident runner: its sandbox, its folders, and how it is found again."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from himalia.core.settings import Settings
from himalia.engine.backends.base import Account, Batch, Place
from himalia.engine.backends.local.link import LinkError, RunnerLink
from himalia.engine.backends.local.process import SandboxProcess
from himalia.engine.backends.local.sandbox import API_INSIDE, Sandbox, SandboxError, start
from himalia.engine.folders import Folders
from himalia.environments.interpreter import base_prefixes

log = logging.getLogger(__name__)

CONNECT_S = 20.0


@dataclass(frozen=True, slots=True)
class RunnerKey:
    """What workloads must share to share a runner; `alone` names the only one that a runner is for.

    With `own_network` that is a group, whose ranks reach each other, and nobody else, over loopback.
    """

    person: str
    project: str
    environment: str
    overlay: str | None = None
    building: bool = False
    alone: str | None = None
    isolated: bool = False
    own_network: bool = False


@dataclass
class Runner:
    """A runner and everything needed to start it again. `identifier` also names its sockets' directory.

    `trees` are the inputs of the one workload of an isolated runner, the only check-outs that are seen in it;
    `opened` are folders of the machine that it sees, read-only: an administrator has opened them (`import_paths`).
    """

    key: RunnerKey
    account: Account
    project: Place
    devices: tuple[str, ...]
    sockets: Path
    token: str = field(repr=False)
    trees: tuple[str, ...] = ()
    opened: tuple[str, ...] = ()
    process: SandboxProcess | None = None

    @property
    def identifier(self) -> str:
        """What its files and its log are called by."""
        return self.sockets.name

    def state(self) -> dict[str, Any]:
        """What is written down, to find it again after a restart of the service."""
        return {
            "key": asdict(self.key),
            "account": asdict(self.account),
            "project": asdict(self.project),
            "devices": self.devices,
            "sockets": str(self.sockets),
            "token": self.token,
            "trees": self.trees,
            "opened": self.opened,
            "process": self.process.to_state() if self.process else None,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Runner:
        """The inverse of `state`."""
        process = state["process"]
        return cls(
            RunnerKey(**state["key"]),
            Account(**state["account"]),
            Place(**state["project"]),
            tuple(state["devices"]),
            Path(state["sockets"]),
            state["token"],
            tuple(state.get("trees", ())),
            tuple(state.get("opened", ())),
            SandboxProcess.from_state(process) if process else None,
        )


class Runners:
    """Makes, finds and removes runners."""

    def __init__(self, settings: Settings, folders: Folders) -> None:
        self.settings = settings
        self.folders = folders
        self.states = settings.home / "run" / "runners"

    def make(
        self,
        key: RunnerKey,
        account: Account,
        project: Place,
        devices: tuple[str, ...],
        trees: tuple[str, ...] = (),
        opened: tuple[str, ...] = (),
    ) -> Runner:
        """A new runner, not started."""
        sockets = self.folders.sockets(account)
        return Runner(key, account, project, devices, sockets, secrets.token_urlsafe(32), trees, opened)

    def found(self) -> list[Runner]:
        """The runners that an earlier service wrote down."""
        runners = []
        for path in sorted(self.states.glob("*.json")):
            try:
                runners.append(Runner.from_state(json.loads(path.read_text())))
            except (ValueError, KeyError, TypeError) as error:
                log.warning("The state of runner %s cannot be read, so it is dropped: %s", path.stem, error)
                path.unlink()
        return runners

    def launch(self, runner: Runner) -> None:
        """Start the runner's sandbox; blocks for some ten milliseconds. Raises SandboxError, OSError."""
        (runner.sockets / "runner.sock").unlink(missing_ok=True)
        reading, writing = os.pipe()
        os.write(writing, runner.token.encode() + b"\n")
        os.close(writing)
        log_path = self.settings.home / "logs" / f"runner-{runner.identifier}.log"
        try:
            with log_path.open("ab") as output:
                runner.process = start(self._sandbox(runner), self._command(runner), output, stdin=reading)
        finally:
            os.close(reading)
        self._write(runner)

    def _write(self, runner: Runner) -> None:
        path = self.states / f"{runner.identifier}.json"
        temporary = path.with_suffix(".new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(runner.state(), file)
        temporary.replace(path)

    def remove(self, runner: Runner) -> None:
        """Forget a runner that has ended."""
        (self.states / f"{runner.identifier}.json").unlink(missing_ok=True)
        self.folders.remove(runner.sockets)
        work = self._work(runner)
        self.folders.remove(work if runner.key.isolated else work / f".runner-{runner.identifier}")
        (self.settings.home / "logs" / f"runner-{runner.identifier}.log").unlink(missing_ok=True)

    def _work(self, runner: Runner) -> Path:
        """What is /job in the sandbox: an isolated one sees no other workload's folder."""
        if runner.key.isolated:
            return self.folders.work_alone(runner.account, runner.project, runner.key.alone or "")
        return self.folders.work(runner.account, runner.project)

    def prefix(self, runner: Runner) -> Path:
        """The environment that the runner's workloads use; the platform's own where they name none."""
        if not runner.key.environment:
            return Path(sys.prefix)
        if runner.key.overlay is not None and not runner.key.building:
            return self.folders.overlay(runner.account, runner.key.overlay)
        return self.folders.environment(runner.key.environment)

    def _command(self, runner: Runner) -> list[str]:
        inside = "/run/himalia"
        return [
            sys.executable,
            "-m",
            "himalia.runner.resident",
            *("--socket", f"{inside}/runner.sock"),
            *("--run-socket", f"{inside}/run.sock"),
            *("--state", f"/job/.runner-{runner.identifier}"),
            *("--api", f"{API_INSIDE}/api.sock"),
            *("--notebook-python", sys.executable),
            *("--warm", str(self.settings.warm_kernels)),
            *("--warm-idle", str(self.settings.warm_kernel_idle_s)),
            *("--idle", str(self.settings.runner_idle_s)),
        ]

    def _allowed(self, opened: tuple[str, ...]) -> tuple[str, ...]:
        """The folders, if they are open still. They are named by the administrator alone: what a person asked for
        lies below, and is looked up inside the sandbox only, where no link leads out. Raises SandboxError."""
        allowed = {str(folder) for folder in self.settings.import_paths}
        for folder in opened:
            if folder not in allowed or not Path(folder).is_dir():
                raise SandboxError(f"{folder} is not a folder to import from any more.")
        return opened

    def _sandbox(self, runner: Runner) -> Sandbox:
        account, project, key = runner.account, runner.project, runner.key
        base = self.folders.environment(key.environment)
        writable = {"/job": self._work(runner)}
        readable = {API_INSIDE: self.settings.home / "s" / "service"}
        checkouts, overlays = self.folders.checkouts(project), self.folders.overlays(account)
        if key.isolated:
            readable |= {f"/checkouts/{tree}": checkouts / tree for tree in runner.trees}
            readable |= {opened_inside(folder): Path(folder) for folder in self._allowed(runner.opened)}
            if key.overlay is not None:
                # All of them: what lies below is the person's, who could put a link in place of one.
                readable[str(overlays)] = overlays
        else:
            readable["/checkouts"] = checkouts
            writable[f"/shared/{project.name}"] = self.folders.shared(project)
            (writable if key.building else readable)[str(overlays)] = overlays
        prefixes = (base, *base_prefixes(base)) if key.environment else ()
        uid, gid = account.uid or os.getuid(), account.gid or os.getgid()
        return Sandbox(
            user=_user_name(account.name),
            uid=uid,
            gid=gid,
            groups=(project.gid,) if project.gid is not None and not key.isolated else (),
            home="/job",
            directory="/job",
            writable=writable,
            readable=readable,
            prefixes=prefixes,
            devices=runner.devices,
            sockets=runner.sockets,
            share_net=not (key.isolated or key.own_network),
            environment={"LANG": "C.UTF-8", "PATH": "/usr/local/bin:/usr/bin:/bin"},
        )


def opened_inside(folder: str) -> str:
    """Where a folder of the machine that an administrator has opened is inside a sandbox."""
    return f"/imports{folder}"


def _user_name(name: str) -> str:
    """A name that passwd(5) can hold."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in name)[:32]
    return kept if kept and kept != "root" else "user"


async def connect(
    runner: Runner, take: Callable[[Batch], None], timeout_s: float = CONNECT_S
) -> tuple[RunnerLink, asyncio.StreamReader] | None:
    """A connection to a runner that may still be starting; None when it ended meanwhile."""
    link = RunnerLink(runner.sockets / "runner.sock", runner.token, take)
    deadline = asyncio.get_running_loop().time() + timeout_s
    delay = 0.005
    while runner.process is not None and runner.process.alive():
        try:
            return link, await link.connect()
        except (FileNotFoundError, ConnectionError):
            pass
        except (OSError, LinkError) as error:
            log.warning("Runner %s cannot be connected to: %s", runner.identifier, error)
            return None
        if asyncio.get_running_loop().time() > deadline:
            return None
        await asyncio.sleep(delay)  # the socket appears when the interpreter is up
        delay = min(delay * 1.5, 0.1)
    return None
