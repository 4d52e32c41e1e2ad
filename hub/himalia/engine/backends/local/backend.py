"""Workloads as processes of this machine, in their person's sandbox, started by resident runners."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from himalia.core.settings import Settings
from himalia.engine.backends.base import (
    WHOLE,
    Backend,
    Batch,
    Ended,
    Known,
    Launch,
    OfAttempt,
    Recalled,
    Report,
    Seen,
    Started,
)
from himalia.engine.backends.local.link import LinkError, RunnerLink
from himalia.engine.backends.local.machine import device_files, this_machine
from himalia.engine.backends.local.members import Members
from himalia.engine.backends.local.process import SandboxError
from himalia.engine.backends.local.runner import (
    Runner,
    RunnerKey,
    Runners,
    connect,
)
from himalia.engine.backends.local.tasks import SERVE, all_devices, task
from himalia.engine.folders import Folders
from himalia.engine.resources import Machine

log = logging.getLogger(__name__)


@dataclass
class _Resident:
    """A runner that is being started or runs. `starts` are those whose start it has not reported yet."""

    runner: Runner
    link: RunnerLink | None = None
    starts: dict[str, Launch] = field(default_factory=dict)
    members: Members = field(default_factory=Members)
    waiting: list[dict[str, Any]] = field(default_factory=list)
    task: asyncio.Task[None] | None = None

    def send(self, message: dict[str, Any]) -> None:
        if self.link is not None and self.link.connected:
            self.link.send(message)
        else:
            self.waiting.append(message)


class LocalBackend(Backend):
    """See docs/architecture.md, "Runner protocol"."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folders = Folders(settings.home)
        self.runners = Runners(settings, self.folders)
        self._residents: dict[RunnerKey, _Resident] = {}
        self._of: dict[str, _Resident] = {}
        self._batches: asyncio.Queue[Batch] = asyncio.Queue()
        self._machine = this_machine()
        self._again: set[str] = set()
        self._ending: dict[RunnerKey, asyncio.Future[None]] = {}
        self._closing = False

    async def open(self, known: Sequence[Known]) -> None:
        of_runner: dict[RunnerKey, list[Known]] = {}
        for one in known:
            of_runner.setdefault(_key(one, one.person, one.project), []).append(one)
        for runner in await asyncio.to_thread(self.runners.found):
            if not await self._find(runner, of_runner.get(runner.key, [])):
                await asyncio.to_thread(self._end, runner, 0.0)

    async def _find(self, runner: Runner, known: Sequence[Known]) -> bool:
        """Connect to a runner of an earlier service; False when it is gone.

        Of those `known`, what it no longer runs has ended meanwhile, and it reports that now.
        """
        if runner.process is None or not await asyncio.to_thread(runner.process.alive):
            return False
        resident = _Resident(runner)
        for one in known:
            resident.members.add(one.name, one.replicas, one.ended)
        connected = await connect(runner, lambda batch: self._take(resident, batch))
        if connected is None:
            return False
        resident.link, reader = connected
        self._residents[runner.key] = resident
        for name in resident.link.running:
            if (whose := resident.members.whose(name)) is not None:
                self._of[whose[0]] = resident
        resident.task = asyncio.create_task(self._listen(resident, reader))
        return True

    async def close(self) -> None:
        self._closing = True
        for resident in self._residents.values():
            if resident.link is not None:
                resident.link.drop()
            if resident.task is not None:
                resident.task.cancel()
        tasks = [r.task for r in self._residents.values() if r.task is not None]
        await asyncio.gather(*tasks, return_exceptions=True)

    async def end_all(self, grace_s: float = 2.0) -> None:
        """End every resident runner; for an orderly stop of the platform."""
        self._closing = True
        residents, self._residents = list(self._residents.values()), {}
        for resident in residents:
            if resident.task is not None:
                resident.task.cancel()
            if resident.link is not None:
                resident.link.drop()
        await asyncio.gather(*(asyncio.to_thread(self._end, r.runner, grace_s) for r in residents))

    def _end(self, runner: Runner, grace_s: float) -> None:
        if runner.process is not None:
            runner.process.stop(grace_s)
        self.runners.remove(runner)

    # The seam

    def start(self, launch: Launch) -> None:
        if launch.name in self._of and launch.replicas == 1:
            return
        if (
            launch.environment
            and not self.folders.environment(launch.environment).joinpath("bin/python").exists()
        ):
            message = (
                f"The environment {launch.environment} is not on this machine. An administrator makes it "
                f"with: himalia environments create {launch.environment}"
            )
            self._report(Ended(launch.name, "environment_missing", message, final=False, rank=WHOLE))
            return
        resident = self._resident(launch)
        if launch.name not in self._of:
            resident.members.add(launch.name, launch.replicas)
        self._of[launch.name] = resident
        resident.starts[launch.name] = launch
        prefix = self.runners.prefix(resident.runner)
        for name in resident.members.names(launch.name):
            _, rank = resident.members.whose(name) or ("", 0)
            made = task(launch, resident.runner, prefix, self.settings.log_limit_bytes, rank)
            resident.send({"op": "start", "name": name, "task": made, "after": launch.after})

    def stop(self, name: str, grace_s: float, reason: str) -> None:
        resident = self._of.get(name)
        if resident is None:
            return
        for member in resident.members.names(name):
            resident.send({"op": "stop", "name": member, "grace_s": grace_s, "reason": reason})

    def advise_stop(self, name: str) -> None:
        resident = self._of.get(name)
        if resident is not None:
            resident.send({"op": "should_stop", "names": resident.members.names(name)})

    def lane(self, known: Known) -> Hashable | None:
        key = _key(known, known.person, known.project)
        return None if key.building or key.alone else key

    def recall(self, names: Sequence[str]) -> None:
        by_runner: dict[RunnerKey, list[str]] = {}
        for name in names:
            resident = self._of.get(name)
            if resident is not None:
                by_runner.setdefault(resident.runner.key, []).append(name)
        for key, together in by_runner.items():
            self._residents[key].send({"op": "recall", "names": together})

    def observe(self, names: Sequence[str]) -> dict[str, Seen]:
        seen = {}
        for name in names:
            resident = self._of.get(name)
            if resident is None:
                seen[name] = Seen.GONE
            elif resident.link is None:
                seen[name] = Seen.STARTING
            else:
                seen[name] = Seen.RUNNING
        return seen

    async def changes(self) -> AsyncIterator[Batch]:
        while True:
            yield await self._batches.get()

    def machines(self) -> list[Machine]:
        return [self._machine]

    def addresses(self, name: str) -> list[str]:
        resident = self._of.get(name)
        if resident is None or not resident.runner.key.isolated:
            return []
        return [f"unix:{resident.runner.sockets / SERVE}"]

    async def logs(self, name: str, rank: int = 0) -> bytes:
        resident = self._of.get(name)
        if resident is None:
            return b""
        path = self.settings.home / "logs" / f"runner-{resident.runner.identifier}.log"
        return await asyncio.to_thread(path.read_bytes) if path.exists() else b""

    # Runners

    def _resident(self, launch: Launch) -> _Resident:
        key = _key(launch, launch.person.id, launch.project.id)
        found = self._residents.get(key)
        if found is not None:
            return found
        devices = device_files(all_devices(launch))
        trees, opened = _seen(launch) if key.isolated else ((), ())
        runner = self.runners.make(key, launch.person, launch.project, devices, trees, opened)
        resident = self._residents[key] = _Resident(runner)
        resident.task = asyncio.create_task(self._run(resident))
        return resident

    async def _run(self, resident: _Resident) -> None:
        """Start a runner, and listen to it until it ends."""
        if (ending := self._ending.get(resident.runner.key)) is not None:
            await asyncio.wait([ending])  # the one before removes the folder that this one works in
        try:
            await asyncio.to_thread(self.runners.launch, resident.runner)
        except (SandboxError, OSError) as error:
            words = await self._last_words(resident.runner)
            self._lose(resident, "start_failed", f"The sandbox could not be made: {error} {words}".rstrip())
            return
        connected = await connect(resident.runner, lambda batch: self._take(resident, batch))
        if connected is None:
            words = await self._last_words(resident.runner)
            self._lose(resident, "start_failed", f"The runner ended while starting. {words}")
            return
        resident.link, reader = connected
        for message in resident.waiting:
            resident.link.send(message)
        resident.waiting.clear()
        await self._listen(resident, reader)

    async def _last_words(self, runner: Runner) -> str:
        path = self.settings.home / "logs" / f"runner-{runner.identifier}.log"
        text = await asyncio.to_thread(path.read_text, errors="replace") if path.exists() else ""
        return text.strip().rpartition("\n")[2][:500]

    async def _listen(self, resident: _Resident, reader: asyncio.StreamReader) -> None:
        assert resident.link is not None
        try:
            await resident.link.listen(reader)
        except (OSError, LinkError, ValueError, KeyError, TypeError) as error:
            log.warning("Runner %s: %s", resident.runner.identifier, error)
        resident.link.drop()
        if not self._closing:
            self._lose(resident, "lost", None)

    def _lose(self, resident: _Resident, reason: str, message: str | None) -> None:
        """A runner is gone, and with its sandbox all that ran in it."""
        if self._residents.get(resident.runner.key) is resident:
            del self._residents[resident.runner.key]
        for name in resident.members.attempts:
            self._of.pop(name, None)
        # What it never began goes to a new runner: an idle one may end while a start is on its way.
        fresh = [launch for name, launch in resident.starts.items() if name not in self._again]
        self._again.update(launch.name for launch in fresh)
        names = sorted(resident.members.attempts - {launch.name for launch in fresh})
        resident.members.clear()
        resident.starts.clear()
        self._end_later(resident.runner)
        if names:
            self._report(*(Ended(name, reason, message, final=False, rank=WHOLE) for name in names))
        for launch in fresh:
            self.start(launch)

    def _end_later(self, runner: Runner) -> None:
        ending = asyncio.get_running_loop().run_in_executor(None, self._end, runner, 0.0)
        if runner.key.alone is not None:
            self._ending[runner.key] = ending
            ending.add_done_callback(lambda _: self._ending.pop(runner.key, None))

    def _take(self, resident: _Resident, batch: Batch) -> None:
        """Pass on what a runner says of its own workloads; it cannot speak of another's."""
        members = resident.members
        own = [(report, whose) for report in batch.reports if (whose := members.whose(report.name))]
        over = [report.name for report, _ in own if isinstance(report, Ended | Recalled)]
        for report, (attempt, _) in own:
            if isinstance(report, Started | Ended | Recalled):
                resident.starts.pop(attempt, None)

        def durable() -> None:
            for name in over:
                if (attempt := members.remove(name)) is not None:
                    self._again.discard(attempt)
                    self._of.pop(attempt, None)
            batch.durable()
            if resident.runner.key.alone is not None and not members.attempts:
                resident.send({"op": "end"})  # nothing else ever starts in this one's sandbox

        self._batches.put_nowait(Batch([_told(*one) for one in own], durable))

    def _report(self, *reports: Ended) -> None:
        self._batches.put_nowait(Batch(reports, lambda: None))


def _told(report: Report, whose: tuple[str, int]) -> Report:
    """A report as the attempt's, with its rank; a rank of a group is never recalled, so that raises LinkError."""
    attempt, rank = whose
    if report.name == attempt:
        return report
    if isinstance(report, OfAttempt):
        raise LinkError("The runner took back a rank of a group.")
    return replace(report, name=attempt, rank=rank)


def _key(one: Launch | Known, person: str, project: str) -> RunnerKey:
    """The runner that an attempt belongs to; one with devices has a sandbox to itself, and so has a group."""
    has_devices = any(one.devices.values())
    return RunnerKey(
        person,
        project,
        one.environment,
        one.overlay,
        building=one.purpose == "overlay",
        alone=one.name if has_devices or one.isolated or one.replicas > 1 else None,
        isolated=one.isolated,
        own_network=one.replicas > 1,
    )


def _seen(launch: Launch) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The trees and the machine's folders that an isolated attempt sees."""
    inputs = launch.inputs.values()
    trees = {one["tree"] for one in inputs if "tree" in one}
    return tuple(sorted(trees)), tuple(sorted({one["folder"] for one in inputs if "folder" in one}))
