"""The seam between the engine and the world: start, stop, observe. Every call is idempotent."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from himalia.engine.resources import Machine, Resources, Spot
from himalia.profiles.pods import PodParts

if TYPE_CHECKING:
    from himalia.engine.reception import Reception


#: No history is kept on disk: nobody asks for it, and kernels that run at once would wait for each other's writing.
KERNEL = ("-m", "ipykernel_launcher", "-f", "{connection_file}", "--HistoryManager.enabled=False")
"""How the interpreter of an environment begins a kernel."""


@dataclass(frozen=True, slots=True)
class Account:
    """The person a workload runs for. `uid` and `gid` are None where the platform is not root."""

    id: str
    name: str
    uid: int | None
    gid: int | None


@dataclass(frozen=True, slots=True)
class Place:
    """The project a workload runs in."""

    id: str
    name: str
    gid: int | None


WHOLE = -1
"""In place of a rank: all of an attempt's ranks that have not ended."""


@dataclass(frozen=True, slots=True)
class Launch:
    """All a backend needs to start one attempt. `secrets` and `token` go nowhere but to the runner.

    With several `replicas` it is a group of ranks, each with the whole `limit`; `devices` are those of rank 0, and
    `others` says where the others go. A task then tells its `hosts` and its `rank` (`himalia.runner.ranks`).

    `after` is an attempt of the same lane whose place it takes: it starts when that one has ended. The trees of
    `inputs` are checked out already. On a cluster it runs in `image`, and `pod` is what its profile adds. See
    `engine.service.WorkloadSpec` for the rest.
    """

    name: str
    workload: str
    attempt: int
    kind: str
    person: Account
    project: Place
    environment: str
    overlay: str | None
    task: Mapping[str, Any]
    limit: Resources
    devices: Mapping[str, tuple[str, ...]]
    time_limit_s: float | None
    variables: Mapping[str, str]
    secrets: Mapping[str, str] = field(repr=False)
    token: str = field(repr=False)
    after: str | None = None
    purpose: str = ""
    inputs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    isolated: bool = False
    kernel_group: str | None = None
    replicas: int = 1
    others: tuple[Spot, ...] = ()
    image: str = ""
    pod: PodParts | None = None
    reserve: Resources | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """An attempt that an earlier service started, for finding it again.

    Of a group, `devices` are those of rank 0, and the ranks in `ended` are known to have ended. One that is `offered`
    has not begun: it may wait in the backend's queue.
    """

    name: str
    kind: str
    person: str
    project: str
    environment: str
    overlay: str | None
    devices: Mapping[str, tuple[str, ...]]
    purpose: str = ""
    isolated: bool = False
    replicas: int = 1
    ended: frozenset[int] = frozenset()
    offered: bool = False


@dataclass(frozen=True, slots=True)
class Started:
    """A rank runs. Every report is of one rank; an attempt that is no group has rank 0 alone.

    `devices` are the names of what it was given, where the backend has the last word and hears of them.
    """

    name: str
    at: float
    rank: int = 0
    devices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Placed:
    """A rank is on this machine; where the backend has the last word, maybe not the one that the queue chose."""

    name: str
    machine: str
    rank: int = 0


@dataclass(frozen=True, slots=True)
class LogPiece:
    """`text` belongs at `offset` (bytes of UTF-8) of the attempt's log."""

    name: str
    offset: int
    text: str
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    name: str
    data: Mapping[str, Any]
    rank: int = 0


Point = tuple[str, int, float, float]
"""(metric, step, value, seconds since the epoch)"""


@dataclass(frozen=True, slots=True)
class Metrics:
    """`source` is who told them, if it was not the runner."""

    name: str
    items: Sequence[Point]
    source: str | None = None
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """The final report, or what the backend saw instead (`final` False). Only that may be of rank `WHOLE`."""

    name: str
    reason: str | None
    message: str | None = None
    exit_code: int | None = None
    usage: Mapping[str, float] = field(default_factory=dict)
    outputs: Sequence[Mapping[str, Any]] = ()
    log_bytes: int = 0
    log_dropped_bytes: int = 0
    final: bool = True
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Recalled:
    """It never began, and will not: see `Backend.recall`."""

    name: str


@dataclass(frozen=True, slots=True)
class Waits:
    """Why what was offered waits, as a sentence: see `Backend.offer`."""

    name: str
    message: str


@dataclass(frozen=True, slots=True)
class Admitted:
    """What was offered may start now: see `Backend.offer`."""

    name: str


OfAttempt = Recalled | Waits | Admitted
"""Reports of an attempt that has not begun: of all its ranks."""
Report = Placed | Started | LogPiece | Progress | Metrics | Ended | OfAttempt


@dataclass(frozen=True, slots=True)
class Batch:
    """Reports that came together; `durable` is to be called once they are stored."""

    reports: Sequence[Report]
    durable: Callable[[], None]


class Seen(StrEnum):
    """What a backend sees of an attempt."""

    STARTING = "starting"
    RUNNING = "running"
    GONE = "gone"


class Backend(ABC):
    """Where workloads run. `name` is always `<workload>-<attempt>`.

    A backend starts all ranks of a group, reports of each by itself, and ends them when it is asked to: what one
    rank's end means for the others is decided by the reconciler (`himalia.engine.groups`).
    """

    reception: Reception | None = None
    """Where runners hand in their reports over HTTP; None where the backend is connected to them."""

    queued_kinds: frozenset[str] = frozenset()
    """Kinds of workloads that wait in a queue of the backend's own, which decides their order: see `offer`."""

    machines_changed: Callable[[], None] = staticmethod(lambda: None)
    """Called when something may fit that did not; who decides what starts puts its own here."""

    @abstractmethod
    async def open(self, known: Sequence[Known]) -> None:
        """Find again what an earlier service started; reports of `known` attempts may still come.

        Where that cannot be seen at once it goes on by itself: until then there are no machines, and each of `known`
        is taken to be there.
        """

    @abstractmethod
    async def close(self) -> None:
        """Let go of everything; what runs, runs on."""

    async def end_all(self) -> None:
        """The platform ends, with all that ran: end what was kept for the next workloads."""
        return

    @abstractmethod
    def start(self, launch: Launch) -> None:
        """Begin an attempt. Returns at once; a failure comes as an Ended report."""

    def offer(self, launch: Launch) -> None:
        """Have an attempt wait in the backend's own queue, until it is reported Admitted and is started.

        Meanwhile it is reported Waits whenever the reason changes, Recalled when it is not in that queue any more,
        and Ended when it can never be. Offered again, it is reported again. A backend without a queue is never asked.
        """
        raise NotImplementedError

    @abstractmethod
    def stop(self, name: str, grace_s: float, reason: str) -> None:
        """End an attempt, with grace; its Ended report carries `reason`. Of a group, all ranks that still run."""

    @abstractmethod
    def advise_stop(self, name: str) -> None:
        """Have an attempt's next `himalia.run.log(...)` answer that it should stop; what it does then is its affair.

        Of a group, that of every rank. One that is not there is left alone.
        """

    def lane(self, known: Known) -> Hashable | None:
        """What attempts share that may be started one behind the other (`Launch.after`); None where none may."""
        return None

    def recall(self, names: Sequence[str]) -> None:
        """Take back those that wait behind another one, or in the backend's queue; each that had not begun is
        reported Recalled.

        A backend with neither lanes nor queue is never asked.
        """
        raise NotImplementedError

    @abstractmethod
    def observe(self, names: Sequence[str]) -> dict[str, Seen]:
        """What is seen now of each of `names`; a group is gone when none of its ranks is left."""

    @abstractmethod
    def changes(self) -> AsyncIterator[Batch]:
        """Reports as they come, each at least once."""

    @abstractmethod
    def machines(self) -> list[Machine]:
        """The machines and what of them may be given out."""

    @abstractmethod
    def addresses(self, name: str) -> list[str] | None:
        """Where an attempt's servers can be reached, as URLs; empty when it has none, None before that is known."""

    @abstractmethod
    async def logs(self, name: str, rank: int = 0) -> bytes:
        """What was printed before the runner spoke; the runner's own stream is the log after that."""
