"""What is held of the machines, kept as sums: what a decision costs does not grow with what runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, KeysView
from dataclasses import dataclass, field

from himalia.engine.resources import Resources

NOTHING = Resources()


@dataclass(frozen=True, slots=True)
class Holding:
    """One that holds resources on a machine, and the devices it was given; each of a group's ranks is one."""

    id: str
    reserve: Resources
    machine: str
    devices: frozenset[str] = frozenset()
    order: tuple[int, int] = (0, 0)


@dataclass(slots=True)
class Use:
    """What is held of one machine: in all, by name of device, and by whom."""

    total: Resources = NOTHING
    devices: set[str] = field(default_factory=set)
    by: dict[str, list[Holding]] = field(default_factory=dict)

    def add(self, one: Holding) -> None:
        """Somebody holds this as well."""
        self.total = self.total.plus(one.reserve)
        self.devices |= one.devices
        self.by.setdefault(one.id, []).append(one)

    def remove(self, workload: str) -> None:
        """A workload holds nothing here any more."""
        gone = self.by.pop(workload, ())
        for one in gone:
            self.total = self.total.plus(one.reserve, -1)
        if any(one.devices for one in gone):
            self.devices = set().union(*(one.devices for one in self.holdings()))

    def holdings(self) -> Iterator[Holding]:
        """Each by itself."""
        return (one for of_one in self.by.values() for one in of_one)


class Held:
    """Holdings by workload, in the order in which they began to hold, and their sums by machine."""

    def __init__(self, holdings: Iterable[Holding] = ()) -> None:
        self._of: dict[str, tuple[Holding, ...]] = {}
        self._on: dict[str, Use] = {}
        for one in holdings:
            self.put(one.id, (*self.of(one.id), one))

    def __contains__(self, workload: object) -> bool:
        return workload in self._of

    def __iter__(self) -> Iterator[Holding]:
        return (one for of_one in self._of.values() for one in of_one)

    @property
    def workloads(self) -> KeysView[str]:
        """The workloads that hold something, as they are now."""
        return self._of.keys()

    def of(self, workload: str) -> tuple[Holding, ...]:
        """What a workload holds, of a group that of each rank."""
        return self._of.get(workload, ())

    def on(self, machine: str) -> Use:
        """What is held of a machine."""
        return self._on.get(machine) or Use()

    def put(self, workload: str, holdings: Iterable[Holding]) -> None:
        """A workload holds this, and nothing else."""
        self._leave(workload)
        self._of[workload] = tuple(holdings)
        for one in self._of[workload]:
            self._on.setdefault(one.machine, Use()).add(one)

    def pop(self, workload: str) -> None:
        """A workload holds nothing; nothing happens where it held nothing."""
        self._leave(workload)
        self._of.pop(workload, None)

    def _leave(self, workload: str) -> None:
        for machine in {one.machine for one in self.of(workload)}:
            use = self._on[machine]
            use.remove(workload)
            if not use.by:
                del self._on[machine]
