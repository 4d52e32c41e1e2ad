"""The engine's memory of what waits and what runs: a mirror of the active rows of `workloads`.

The database is the truth; the board saves reading it for every decision. Only the event loop touches it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any

from himalia.core import clock
from himalia.engine.backends.base import Known
from himalia.engine.elsewhere import Elsewhere
from himalia.engine.groups import Group
from himalia.engine.held import Held, Holding
from himalia.engine.queue import Shape, Waiting
from himalia.engine.resources import Resources, Spot
from himalia.engine.states import HOLDING, Counts, State
from himalia.profiles.constraints import ANYWHERE, Constraints


def purpose_of(kind: str, spec: Mapping[str, Any]) -> str:
    """What a workload of its kind is for; before 0.2.0, tasks only built overlays, and did not say so."""
    purpose: str = spec.get("purpose", "")
    return purpose or ("overlay" if kind == "task" else "")


@dataclass
class Active:
    """One workload that has not ended. `spec` is what `engine.service.submit` stored.

    `after` is the workload whose place it takes (see `lookahead`); it holds nothing until that one has ended.
    `waits` is what a queue of the backend's own says, where it waits there.
    `machine` and `devices` are those of rank 0; where it has several replicas, `others` are the other ranks' and
    `group` tells how they stand.
    """

    id: str
    kind: str
    name: str
    project_id: str
    person_id: str
    spec: dict[str, Any]
    needs_id: str | None
    priority: int
    number: int
    state: State
    attempt: int
    restarts: int
    tries: int
    created_at: datetime
    queued_at: datetime
    reason: str | None = None
    message: str | None = None
    machine: str | None = None
    devices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    others: tuple[Spot, ...] = ()
    group: Group | None = None
    started_at: datetime | None = None
    stop_asked: bool = False
    gone_since: float | None = None
    after: str | None = None
    ahead_since: float = 0.0
    progress: dict[str, Any] | None = None
    waits: str = ""
    reserve: Resources = field(init=False)
    order: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.reserve = Resources.from_json(self.spec["reserve"])
        self.order = (-self.priority, self.number)

    @property
    def attempt_name(self) -> str:
        """What the attempt is called in the world."""
        return f"{self.id}-{self.attempt}"

    @property
    def next_name(self) -> str:
        """What its next attempt will be called."""
        return f"{self.id}-{self.attempt + 1}"

    def next_attempt(self) -> Active:
        """The same as its next attempt begins."""
        return replace(self, attempt=self.attempt + 1, machine=None, devices={}, others=(), group=None)

    @property
    def replicas(self) -> int:
        """How many ranks it has."""
        count: int = self.spec.get("replicas", 1)
        return count

    @property
    def shape(self) -> Shape:
        """What makes it alike to others, for the queue."""
        return self.reserve, self.replicas, self.profile

    @property
    def profile(self) -> str:
        """The profile that it was submitted with; empty for the platform's own work."""
        name: str = self.spec.get("profile", "")
        return name

    @property
    def purpose(self) -> str:
        """What a task is for; empty for what is none."""
        return purpose_of(self.kind, self.spec)

    @property
    def counts(self) -> Counts:
        """How often it was started again, and how often it may be."""
        return Counts(self.restarts, self.spec["max_restarts"], self.tries, self.spec["retries"])

    def known(self) -> Known:
        """What a backend needs to find the present attempt again."""
        environment, overlay = self.spec["environment"], self.spec["overlay"]
        return Known(
            self.attempt_name,
            self.kind,
            self.person_id,
            self.project_id,
            environment,
            overlay,
            self.devices,
            self.purpose,
            self.spec.get("isolated", False),
            self.replicas,
            frozenset(self.group.ended) if self.group else frozenset(),
        )

    def holdings(self) -> list[Holding]:
        """What it takes of its machines, in the order of its ranks."""
        return [self._held(spot) for spot in self.spots]

    @property
    def spots(self) -> list[Spot]:
        """Where its ranks are, in their order."""
        return [Spot(self.machine or "", self.devices), *self.others]

    def _held(self, spot: Spot) -> Holding:
        devices = frozenset(device for given in spot.devices.values() for device in given)
        return Holding(self.id, self.reserve, spot.machine, devices, self.order)


class Board:
    """Active workloads by id, and the queue in order."""

    def __init__(self) -> None:
        self.constraints: Callable[[str], Constraints] = lambda _: ANYWHERE
        """By profile, as it stands: it may have been changed since a workload was submitted."""
        self.active: dict[str, Active] = {}
        self.held = Held()
        self.stopping: dict[str, Active] = {}
        self.elsewhere = Elsewhere()
        """What waits in a queue of the backend's own is there, and not in this one."""
        self.shapes: Counter[Shape] = Counter()
        self._behind: dict[str, str] = {}
        self._queue: list[tuple[tuple[int, int], str]] = []
        self._number = 0

    def next_number(self) -> int:
        """The number of the next arrival."""
        self._number += 1
        return self._number

    def put(self, item: Active) -> None:
        """Add a workload, or take over its changed state."""
        self._take_out(item.id)
        self._number = max(self._number, item.number)
        self.active[item.id] = item
        if item.state == State.QUEUED and item.kind in self.elsewhere.kinds:
            self.elsewhere.put(item)
        elif item.state == State.QUEUED:
            insort(self._queue, (item.order, item.id))
            self.shapes[item.shape] += 1
        elif item.state in HOLDING and item.after is None:
            self.held.put(item.id, item.holdings())
        if item.state == State.STOPPING:
            self.stopping[item.id] = item

    def place_rank(self, item: Active, rank: int, spot: Spot) -> None:
        """A rank is in another place than was chosen, and holds what it holds there."""
        if rank == 0:
            item.machine, item.devices = spot.machine, dict(spot.devices)
        else:
            item.others = (*item.others[: rank - 1], spot, *item.others[rank:])
        if item.id in self.held:
            self.held.put(item.id, item.holdings())

    def remove(self, workload: str) -> None:
        """Forget a workload; nothing happens when it is not there."""
        if workload in self.active:
            self.release(workload)
        self.elsewhere.withdraw(workload)
        self._take_out(workload)

    def follow(self, item: Active, leader: Active) -> None:
        """`item` gives up what it holds, if anything, and takes the place of `leader` later."""
        self.held.pop(item.id)
        item.after, item.ahead_since = leader.id, clock.monotonic()
        self._behind[leader.id] = item.id

    def release(self, workload: str) -> None:
        """Free what a workload holds, or its turn in a row; who is behind it moves up."""
        self.held.pop(workload)
        item = self.active[workload]
        behind = self._behind.pop(workload, None)
        if item.after is not None:
            del self._behind[item.after]
        if behind is not None:
            follower = self.active[behind]
            follower.after = item.after
            if item.after is not None:
                self._behind[item.after] = behind
            elif follower.state in HOLDING:
                self.held.put(follower.id, follower.holdings())
        item.after = None

    def tail(self, first: Active) -> tuple[Active, int]:
        """The last of those behind `first`, and how many they are."""
        last, length = first.id, 0
        while (behind := self._behind.get(last)) is not None:
            last, length = behind, length + 1
        return self.active[last], length

    def followers(self) -> list[Active]:
        """Those that were started behind another one which has not ended."""
        return [self.active[workload] for workload in self._behind.values()]

    def _take_out(self, workload: str) -> None:
        item = self.active.pop(workload, None)
        self.held.pop(workload)
        self.stopping.pop(workload, None)
        self.elsewhere.take_out(workload)
        if item is None:
            return
        index = bisect_left(self._queue, (item.order, item.id))
        if index < len(self._queue) and self._queue[index] == (item.order, item.id):
            del self._queue[index]
            self.shapes[item.shape] -= 1
            if not self.shapes[item.shape]:
                del self.shapes[item.shape]

    def move(self, item: Active, state: State) -> None:
        """Change an active workload's state."""
        if state not in HOLDING:
            self.release(item.id)
        self._take_out(item.id)
        item.state = state
        self.put(item)

    def waiting(self) -> Iterator[Waiting]:
        """The queue in order, without those that still need another workload's end."""
        now, constraints = clock.now(), cache(self.constraints)
        for order, workload in self._queue:
            item = self.active[workload]
            if item.needs_id is None:
                waited, profile = (now - item.queued_at).total_seconds(), item.profile
                allowed = constraints(profile)
                yield Waiting(workload, item.reserve, order, waited, item.replicas, profile, allowed)

    def queued(self) -> list[Active]:
        """The queue in order."""
        return list(self.in_order())

    def in_order(self) -> Iterator[Active]:
        """The queue in order; it must not change meanwhile."""
        return (self.active[workload] for _, workload in self._queue)

    def place(self, workload: str) -> tuple[int, int] | None:
        """(place, length) of a queued workload, from 1; None when it does not wait here."""
        item = self.active.get(workload)
        if item is None or item.state != State.QUEUED or item.kind in self.elsewhere.kinds:
            return None
        return bisect_left(self._queue, (item.order, item.id)) + 1, len(self._queue)

    def of_attempt(self, name: str) -> Active | None:
        """The active workload whose present attempt has this name."""
        workload, _, attempt = name.rpartition("-")
        item = self.active.get(workload)
        return item if item is not None and str(item.attempt) == attempt else None
