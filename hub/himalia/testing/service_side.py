"""What the suite of a backend stands on: a world to start workloads in, and the service's side of a backend."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from himalia.engine.backends.base import (
    WHOLE,
    Account,
    Backend,
    Ended,
    Known,
    Launch,
    LogPiece,
    Metrics,
    Place,
    Report,
    Started,
)
from himalia.engine.resources import Resources
from himalia.testing.workload_api import WorkloadApi

TIMEOUT_S = 60.0
TOKEN = "him_work_of-the-suite"  # noqa: S105

T = TypeVar("T")
R = TypeVar("R", bound=Report)


@dataclass(frozen=True)
class World:
    """Where the workloads of one test run. It is there before the first backend and after the last.

    `backend` makes a new backend, not opened, as a service does when it starts. `shared` is the folder that
    workloads see as /shared/<project name>. `environment` has Python and ipykernel. `log_limit_bytes` is what
    the backend keeps of a log. Workloads reach `api` as they reach the service. On a cluster, `image` names an
    environment's image, and workloads ask for `reserve` alone, so that many have room; `many` is how many.
    """

    backend: Callable[[], Backend]
    person: Account
    project: Place
    shared: Path
    environment: str
    log_limit_bytes: int
    api: WorkloadApi
    image: Callable[[str], str] = lambda environment: ""
    reserve: Resources | None = None
    many: int = 60

    def task(self, task: Mapping[str, Any], name: str = "a-1", **changes: Any) -> Launch:
        """All that is needed to start `task` as the attempt `name`; `changes` are fields of `Launch`."""
        workload, _, attempt = name.rpartition("-")
        fields: dict[str, Any] = {
            "kind": "job",
            "person": self.person,
            "project": self.project,
            "environment": self.environment,
            "overlay": None,
            "image": self.image(changes.get("environment", self.environment)),
            "reserve": self.reserve,
            "limit": Resources.of(1, 2**30),
            "devices": {},
            "time_limit_s": None,
            "variables": {},
            "secrets": {},
            "token": TOKEN,
        }
        return Launch(name=name, workload=workload, attempt=int(attempt), task=task, **{**fields, **changes})

    def command(self, *command: str, name: str = "a-1", **changes: Any) -> Launch:
        """The same for a command."""
        return self.task({"kind": "command", "command": list(command)}, name, **changes)

    def shell(self, script: str, name: str = "a-1", **changes: Any) -> Launch:
        """The same for a script of the shell; in it, `$SHARED` is the project's shared folder."""
        changes["variables"] = {"SHARED": f"/shared/{self.project.name}", **changes.get("variables", {})}
        return self.command("sh", "-c", script, name=name, **changes)

    def python(self, code: str, name: str = "a-1", **changes: Any) -> Launch:
        """The same for Python code."""
        return self.command("python", "-c", code, name=name, **changes)


def known(launch: Launch) -> Known:
    """What a service remembers of an attempt that it has started."""
    return Known(
        name=launch.name,
        kind=launch.kind,
        person=launch.person.id,
        project=launch.project.id,
        environment=launch.environment,
        overlay=launch.overlay,
        devices=launch.devices,
        purpose=launch.purpose,
        isolated=launch.isolated,
        replicas=launch.replicas,
    )


class Service:
    """A service that follows a backend: opens it, waits until it sees what is there, takes its reports, closes it.

    With `durable` False it takes reports and never says that they are stored. Leaving the context is a service
    that goes away: what runs, runs on.
    """

    def __init__(self, world: World, *before: Launch, durable: bool = True) -> None:
        self.backend = world.backend()
        self.reports: list[Report] = []
        self._known = [known(launch) for launch in before]
        self._api = world.api
        self._durable = durable
        self._news = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.backend.open(self._known)
        self._api.attach(self.backend.reception)
        self._listening = asyncio.create_task(self._listen())
        await eventually(self.backend.machines, "machines to be seen")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._listening is not None
        self._api.attach(None)
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)
        await self.backend.close()

    async def _listen(self) -> None:
        try:
            async for batch in self.backend.changes():
                self.reports += batch.reports
                if self._durable:
                    batch.durable()
                self._news.set()
        finally:
            self._news.set()

    async def run(self, launch: Launch) -> Ended:
        """Start an attempt and wait for its end."""
        self.backend.start(launch)
        return await self.ended(launch.name)

    async def started(self, name: str, rank: int = 0) -> Started:
        """Wait until `name` is reported to run."""
        return (await self._until(lambda: self.of(Started, name, rank), f"{name} to start"))[0]

    async def ended(self, name: str, rank: int = 0) -> Ended:
        """Wait for the end of `name`. It may be reported twice, but not in two ways."""
        ends = await self._until(lambda: self.of(Ended, name, rank), f"{name} to end")
        assert all(end == ends[0] for end in ends), f"{name} ended in more than one way: {ends}"
        return ends[0]

    async def printed(self, name: str, text: str, rank: int = 0) -> None:
        """Wait until `text` stands in the log of `name`."""
        await self._until(lambda: text in self.log(name, rank=rank), f"{text!r} in the log of {name}")

    async def measured(self, name: str, rank: int = 0) -> Metrics:
        """Wait until a metric of `name` is reported."""
        return (await self._until(lambda: self.of(Metrics, name, rank), f"a metric of {name}"))[0]

    def of(self, kind: type[R], name: str, rank: int = 0) -> list[R]:
        """The reports of one kind that came for one rank of `name`, in order; those of the whole are each rank's."""
        return [
            report
            for report in self.reports
            if isinstance(report, kind)
            and report.name == name
            and getattr(report, "rank", 0) in (rank, WHOLE)
        ]

    def log(self, name: str, before: Sequence[Report] = (), rank: int = 0) -> str:
        """The log of one rank of `name` put together; `before` are reports that an earlier service stored.

        A piece may come twice, but then says the same both times, and no byte is left out.
        """
        text = b""
        for piece in [*(one for one in before if isinstance(one, LogPiece)), *self.of(LogPiece, name, rank)]:
            if (piece.name, piece.rank) != (name, rank):
                continue
            assert piece.offset <= len(text), f"bytes {len(text)} to {piece.offset} of the log are missing"
            data = piece.text.encode()
            overlap = text[piece.offset : piece.offset + len(data)]
            assert data.startswith(overlap), f"byte {piece.offset} of the log was told in two ways"
            text += data[len(overlap) :]
        return text.decode()

    async def _until(self, condition: Callable[[], T], what: str) -> T:
        assert self._listening is not None
        try:
            async with asyncio.timeout(TIMEOUT_S):
                while not (found := condition()):
                    if self._listening.done():
                        self._listening.result()
                        raise AssertionError(f"The backend's changes ended while waiting for {what}.")
                    self._news.clear()
                    await self._news.wait()
                return found
        except TimeoutError:
            raise AssertionError(f"Waited in vain for {what}; there came: {self.reports[-20:]}") from None


async def eventually(condition: Callable[[], object], what: str) -> None:
    """Wait for what no report tells, such as a file that a workload writes."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            while not condition():  # noqa: ASYNC110  (a file wakes nobody)
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"Waited in vain for {what}.") from None
