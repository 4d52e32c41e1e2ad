"""Who runs next, and where. Pure: the same input gives the same plan.

Order: priority, then arrival. The first that does not fit is held a place: smaller ones behind it may run only
in what it will not need, or while it has waited less than `patience_s`. So nobody is overtaken for ever.

A group of several replicas starts as a whole or not at all: each replica needs the same, on whichever machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from himalia.engine.held import Held, Use
from himalia.engine.resources import Machine, Resources, Spot, total
from himalia.profiles.constraints import ANYWHERE, Constraints

PATIENCE_S = 30.0

Shape = tuple[Resources, int, str]
"""What each replica needs, how many there are, and of which profile, which says where they may be."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One in the queue: `order` is (-priority, number of arrival), `waited_s` the time since it was queued.

    `reserve` is what each of its `replicas` needs. All of one `profile` have the same `constraints`.
    """

    id: str
    reserve: Resources
    order: tuple[int, int] = (0, 0)
    waited_s: float = 0.0
    replicas: int = 1
    profile: str = ""
    constraints: Constraints = ANYWHERE

    @property
    def shape(self) -> Shape:
        """What makes it alike to others, for the queue."""
        return self.reserve, self.replicas, self.profile


@dataclass(frozen=True, slots=True)
class Placement:
    """Start `id` on `machine` with these devices, by resource name; a group's ranks above 0 go to `others`."""

    id: str
    machine: str
    devices: Mapping[str, tuple[str, ...]]
    others: tuple[Spot, ...] = ()


@dataclass
class _Room:
    machine: Machine
    free: Resources
    used_devices: set[str]
    use: Use
    beside_head: Resources | None = None

    @classmethod
    def of(cls, machine: Machine, held: Held) -> _Room:
        use = held.on(machine.name)
        return cls(machine, _left(machine, use), set(use.devices), use)

    def take(self, reserve: Resources) -> Spot:
        self._move(reserve, -1)
        given = {}
        for name, count in reserve.devices:
            there = [d for d in self.machine.devices.get(name, ()) if d not in self.used_devices]
            given[name] = tuple(there[:count])
            self.used_devices.update(given[name])
        return Spot(self.machine.name, given)

    def give_back(self, reserve: Resources, spot: Spot) -> None:
        self._move(reserve, 1)
        for given in spot.devices.values():
            self.used_devices.difference_update(given)

    def _move(self, reserve: Resources, sign: int) -> None:
        self.free = self.free.plus(reserve, sign)
        if self.beside_head is not None:
            self.beside_head = self.beside_head.plus(reserve, sign)


@dataclass
class _Planner:
    rooms: list[_Room]
    patience_s: float
    failed: set[Shape] = field(default_factory=set)
    head_waited_s: float | None = None

    def place(self, waiting: Waiting) -> Placement | None:
        if waiting.shape in self.failed:
            return None
        open_to_it = self._open_to(waiting)
        taken: list[tuple[_Room, Spot]] = []
        while len(taken) < waiting.replicas:
            candidates = [room for room in open_to_it if self._may_use(waiting, room)]
            if not candidates:
                self._refuse(waiting, taken)
                return None
            # The fullest machine that still fits keeps the large gaps for large workloads.
            room = min(candidates, key=lambda room: _size(room.free))
            taken.append((room, room.take(waiting.reserve)))
        first, *others = (spot for _, spot in taken)
        return Placement(waiting.id, first.machine, first.devices, tuple(others))

    def _open_to(self, waiting: Waiting) -> list[_Room]:
        """The machines that it may be put on, room or not."""
        return [room for room in self.rooms if room.machine.takes(waiting.reserve, waiting.constraints)]

    def _refuse(self, waiting: Waiting, taken: list[tuple[_Room, Spot]]) -> None:
        for room, spot in taken:
            room.give_back(waiting.reserve, spot)
        self.failed.add(waiting.shape)
        if self.head_waited_s is None:
            self._hold_place(waiting)

    def _may_use(self, waiting: Waiting, room: _Room) -> bool:
        if not waiting.reserve.fits(room.free):
            return False
        if room.beside_head is None or self.head_waited_s is None or self.head_waited_s < self.patience_s:
            return True
        return waiting.reserve.fits(room.beside_head)

    def _hold_place(self, head: Waiting) -> None:
        """Keep a place on some machine for each replica, where least must end before it is free."""
        left = {room.machine.name: room.machine.allocatable for room in self.rooms}
        free = {room.machine.name: room.free for room in self.rooms}
        chosen: dict[str, _Room] = {}
        open_to_it = self._open_to(head)
        for _ in range(head.replicas):
            able = [room for room in open_to_it if head.reserve.fits(left[room.machine.name])]
            if not able:
                return
            room = max(able, key=lambda room: _size(free[room.machine.name]))
            name = room.machine.name
            chosen[name] = room
            left[name] = left[name].plus(head.reserve, -1)
            free[name] = free[name].plus(head.reserve, -1)
        self.head_waited_s = head.waited_s
        for name, room in chosen.items():
            overtakers = total(one.reserve for one in room.use.holdings() if one.order > head.order)
            room.beside_head = left[name].plus(overtakers, -1)


def _size(room: Resources) -> tuple[int, int]:
    return room.memory_bytes, room.cpus_m


def plan(
    waiting: Iterable[Waiting],
    held: Held,
    machines: Sequence[Machine],
    shapes: set[Shape],
    patience_s: float = PATIENCE_S,
) -> list[Placement]:
    """Which of `waiting` (in order) start now. `shapes` are the distinct ones among them."""
    planner = _Planner([_Room.of(machine, held) for machine in machines], patience_s)
    placements = []
    for candidate in waiting:
        placement = planner.place(candidate)
        if placement is not None:
            placements.append(placement)
        elif planner.failed >= shapes:
            break
    return placements


def spot_on(machine: Machine, reserve: Resources, held: Held) -> Spot:
    """A place on a machine for what is there already: its devices are those that nobody else holds."""
    if not reserve.devices:
        return Spot(machine.name, {})
    return _Room.of(machine, held).take(reserve)


def could_ever_run(
    reserve: Resources,
    machines: Sequence[Machine],
    replicas: int = 1,
    constraints: Constraints = ANYWHERE,
) -> bool:
    """Whether the machines that it may be put on, empty, would hold it: of several replicas, all at once."""
    missing = replicas
    for machine in machines:
        if not machine.takes(reserve, constraints):
            continue
        left = machine.allocatable
        while missing and reserve.fits(left):
            left = left.plus(reserve, -1)
            missing -= 1
    return not missing


def free(held: Held, machines: Sequence[Machine]) -> dict[str, Resources]:
    """What each machine has left to give."""
    return {machine.name: _left(machine, held.on(machine.name)) for machine in machines}


def _left(machine: Machine, use: Use) -> Resources:
    return machine.allocatable.plus(machine.foreign, -1).plus(use.total, -1)
