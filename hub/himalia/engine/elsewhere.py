"""Workloads that wait in a queue of the backend's own, as Kueue's: they are handed over as soon as they come.

That queue decides when they start; here is only remembered how far each of them is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from himalia.engine.board import Active


class Elsewhere:
    """Of the kinds in `kinds`, those that wait. One that is offered goes by the name of its next attempt."""

    def __init__(self) -> None:
        self.kinds: frozenset[str] = frozenset()
        self._waiting: dict[str, Active] = {}
        self._names: dict[str, str] = {}
        self._fresh: dict[str, Active] = {}
        self._admitted: dict[str, Active] = {}
        self._withdrawn: list[str] = []

    def put(self, item: Active) -> None:
        """It waits; it is to be offered once it needs nothing else."""
        self._waiting[item.next_name] = item
        self._names[item.id] = item.next_name
        if item.needs_id is None:
            self._fresh[item.id] = item

    def take_out(self, workload: str) -> None:
        """It does not wait any more; nothing happens when it did not."""
        self._waiting.pop(self._names.pop(workload, ""), None)
        self._fresh.pop(workload, None)
        self._admitted.pop(workload, None)

    def withdraw(self, workload: str) -> None:
        """The same, and it will never start: the backend is to let go of it."""
        if workload in self._names and workload not in self._fresh:
            self._withdrawn.append(self._names[workload])
        self.take_out(workload)

    def all(self) -> list[Active]:
        """Those that wait and need nothing else."""
        return [item for item in self._waiting.values() if item.needs_id is None]

    def of(self, name: str) -> Active | None:
        """What waits by this name."""
        return self._waiting.get(name)

    def again(self, item: Active) -> None:
        """It is to be offered again."""
        if item.id in self._names:
            self._fresh[item.id] = item

    def admit(self, item: Active) -> None:
        """It may start."""
        self._admitted[item.id] = item

    def fresh(self) -> list[Active]:
        """Those that are to be offered now; each is named once."""
        found = list(self._fresh.values())
        self._fresh.clear()
        return found

    def admitted(self) -> list[Active]:
        """Those that may start now; each is named once."""
        found = list(self._admitted.values())
        self._admitted.clear()
        return found

    def withdrawn(self) -> list[str]:
        """Names of those that are to be taken back now; each is named once."""
        found = self._withdrawn
        self._withdrawn = []
        return found
