"""Who runs next, and where. Pure: the same input gives the same plan.

Order: priority, then arrival. The first that does not fit is held a place: smaller ones behind it may run only
in what it will not need, or while it has waited less than `patience_s`. So nobody is overtaken for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from himalia.engine.resources import Machine, Resources, total

PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """One in the queue: `order` is (-priority, number of arrival), `waited_s` the time since it was queued."""

    id: str
    reserve: Resources
    order: tuple[int, int] = (0, 0)
    waited_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Holding:
    """One that holds resources on a machine, and the devices it was given."""

    id: str
    reserve: Resources
    machine: str
    devices: frozenset[str] = frozenset()
    order: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Placement:
    """Start `id` on `machine` with these devices, by resource name."""

    id: str
    machine: str
    devices: dict[str, tuple[str, ...]]


@dataclass
class _Room:
    machine: Machine
    free: Resources
    used_devices: set[str]
    holding: list[Holding] = field(default_factory=list)
    beside_head: Resources | None = None

    def take(self, waiting: Waiting) -> Placement:
        self.free = self.free.plus(waiting.reserve, -1)
        if self.beside_head is not None:
            self.beside_head = self.beside_head.plus(waiting.reserve, -1)
        given = {}
        for name, count in waiting.reserve.devices:
            there = [d for d in self.machine.devices.get(name, ()) if d not in self.used_devices]
            given[name] = tuple(there[:count])
            self.used_devices.update(given[name])
        return Placement(waiting.id, self.machine.name, given)


@dataclass
class _Planner:
    rooms: list[_Room]
    shapes: set[Resources]
    patience_s: float
    failed: set[Resources] = field(default_factory=set)
    head_waited_s: float | None = None

    def place(self, waiting: Waiting) -> Placement | None:
        if waiting.reserve in self.failed:
            return None
        candidates = [room for room in self.rooms if self._may_use(waiting, room)]
        if candidates:
            # The fullest machine that still fits keeps the large gaps for large workloads.
            return min(candidates, key=lambda room: (room.free.memory_bytes, room.free.cpus_m)).take(waiting)
        self.failed.add(waiting.reserve)
        if self.head_waited_s is None:
            self._hold_place(waiting)
        return None

    def _may_use(self, waiting: Waiting, room: _Room) -> bool:
        if not waiting.reserve.fits(room.free):
            return False
        if room.beside_head is None or self.head_waited_s is None or self.head_waited_s < self.patience_s:
            return True
        return waiting.reserve.fits(room.beside_head)

    def _hold_place(self, head: Waiting) -> None:
        able = [room for room in self.rooms if head.reserve.fits(room.machine.allocatable)]
        if not able:
            return
        self.head_waited_s = head.waited_s
        room = max(able, key=lambda room: (room.free.memory_bytes, room.free.cpus_m))
        overtakers = total(item.reserve for item in room.holding if item.order > head.order)
        room.beside_head = room.machine.allocatable.plus(head.reserve, -1).plus(overtakers, -1)


def plan(
    waiting: Iterable[Waiting],
    holding: Sequence[Holding],
    machines: Sequence[Machine],
    shapes: set[Resources],
    patience_s: float = PATIENCE_S,
) -> list[Placement]:
    """Which of `waiting` (in order) start now. `shapes` are the distinct reserves among them."""
    rooms = {m.name: _Room(m, m.allocatable.plus(m.foreign, -1), set()) for m in machines}
    for item in holding:
        room = rooms.get(item.machine)
        if room is not None:
            room.free = room.free.plus(item.reserve, -1)
            room.used_devices |= item.devices
            room.holding.append(item)
    planner = _Planner(list(rooms.values()), shapes, patience_s)
    placements = []
    for candidate in waiting:
        placement = planner.place(candidate)
        if placement is not None:
            placements.append(placement)
        elif planner.failed >= shapes:
            break
    return placements


def could_ever_run(reserve: Resources, machines: Sequence[Machine]) -> bool:
    """Whether some machine, empty, would hold it."""
    return any(reserve.fits(machine.allocatable) for machine in machines)


def free(holding: Sequence[Holding], machines: Sequence[Machine]) -> dict[str, Resources]:
    """What each machine has left to give."""
    left = {m.name: m.allocatable.plus(m.foreign, -1) for m in machines}
    for item in holding:
        if item.machine in left:
            left[item.machine] = left[item.machine].plus(item.reserve, -1)
    return left
