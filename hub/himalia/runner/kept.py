"""Executors that have served a notebook of a group, and wait with a cleared kernel for the group's next one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional

from himalia.runner.executors import Executor, Group, Idle


@dataclass
class _Kept:
    executor: Executor
    since: float


class Shelf:
    """Executors by group, the one that was kept last given out first; each ends after ``idle_s`` idle seconds."""

    def __init__(self, idle: Idle, idle_s: float) -> None:
        self._idle = idle
        self._idle_s = idle_s
        self._kept: List[_Kept] = []

    def keep(self, executor: Executor, now: float, most: int) -> None:
        """Take in an executor; of more than ``most``, those that wait longest end."""
        kept = _Kept(executor, now)
        self._kept.append(kept)
        self._idle.add(executor, lambda: self._end(kept))
        while len(self._kept) > most:
            self._end(self._kept[0])

    def take(self, group: Group) -> Optional[Executor]:
        """One of the group; it belongs to the caller now."""
        for kept in reversed(self._kept):
            if kept.executor.group == group:
                self._kept.remove(kept)
                self._idle.remove(kept.executor)
                return kept.executor
        return None

    def end_idle(self, now: float) -> Optional[float]:
        """End what has waited too long; answers when to call again, in monotonic seconds, or None."""
        for kept in [kept for kept in self._kept if now >= kept.since + self._idle_s]:
            self._end(kept)
        return self._kept[0].since + self._idle_s if self._kept else None

    def _end(self, kept: _Kept) -> None:
        self._kept.remove(kept)
        self._idle.remove(kept.executor)
        kept.executor.close()
