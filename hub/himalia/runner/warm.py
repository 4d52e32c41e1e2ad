"""Kernels started ahead: for every kind that was used lately, some wait with all imported and connected."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Optional

from himalia.runner.executors import Executor, Idle, Key
from himalia.runner.prepare import INHERITED

#: A job that has just begun has the machine to itself before the next executor is started.
_PAUSE_BEFORE_REFILL_S = 1.0


@dataclass
class _Shelf:
    used_at: float
    executors: List[Executor] = field(default_factory=list)
    failed: bool = False


class Pool:
    """At most ``size`` executors per kernel, which ``start`` starts, ended ``idle_s`` seconds after their kind's last
    job began."""

    def __init__(
        self, idle: Idle, start: Callable[[Dict[str, Any]], Executor], size: int, idle_s: float
    ) -> None:
        self._idle = idle
        self._start = start
        self._size = size
        self._idle_s = idle_s
        self._shelves: Dict[Key, _Shelf] = {}

    def take(self, key: Key, now: float) -> Optional[Executor]:
        """A warm executor, a ready one if there is one; it belongs to the caller now."""
        shelf = self._shelves.setdefault(key, _Shelf(now))
        shelf.used_at, shelf.failed = now, False
        if not shelf.executors:
            return None
        executor = next((one for one in shelf.executors if one.ready), shelf.executors[0])
        shelf.executors.remove(executor)
        self._idle.remove(executor)
        return executor

    def refill(self, now: float, busy: bool) -> Optional[float]:
        """Start what is missing, if the machine is free for it, and end what was idle too long.

        Answers when to call again, in monotonic seconds, or None.
        """
        due: List[float] = []
        for key, shelf in list(self._shelves.items()):
            if now >= shelf.used_at + self._idle_s:
                for executor in list(shelf.executors):
                    self._end(shelf, executor)
                del self._shelves[key]
                continue
            due.append(shelf.used_at + self._idle_s)
            if shelf.failed or len(shelf.executors) >= self._size:
                continue
            if busy and now < shelf.used_at + _PAUSE_BEFORE_REFILL_S:
                due.append(shelf.used_at + _PAUSE_BEFORE_REFILL_S)
                continue
            self._add(key, shelf)
        return min(due, default=None)

    def _add(self, key: Key, shelf: _Shelf) -> None:
        kernel = {"argv": list(key[1]), "environment": INHERITED, "directory": "/", "warm": True}
        try:
            executor = self._start(kernel)
        except OSError:
            shelf.failed = True  # the next job of this kernel tries again, and tells its user
            return

        def gone() -> None:
            # Probably its kernel cannot start: nothing new until a job of this kernel shows its user why.
            shelf.failed = True
            self._end(shelf, executor)

        shelf.executors.append(executor)
        self._idle.add(executor, gone)

    def _end(self, shelf: _Shelf, executor: Executor) -> None:
        shelf.executors.remove(executor)
        self._idle.remove(executor)
        executor.close()
