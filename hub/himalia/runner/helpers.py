"""Slow work of the runner itself, such as transfers, in forked copies of it."""

from __future__ import annotations

import json
import os
import shutil
from functools import partial
from typing import Any, Callable, Dict, List, Set

from himalia.runner import spawn
from himalia.runner.loop import Loop

_READ_BYTES = 1 << 16


class Helpers:
    """Forks a process per piece of work and calls back with its result."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._pids: Set[int] = set()

    def __contains__(self, pid: int) -> bool:
        return pid in self._pids

    def start(self, work: Callable[[], Dict[str, Any]], done: Callable[[Dict[str, Any]], None]) -> int:
        """Run ``work`` elsewhere; call ``done`` with its answer, or with ``{"error": …}``. Answers the pid.

        Raises OSError when no process or pipe can be had.
        """
        pid, pipe = spawn.fork_helper(work)
        self._pids.add(pid)
        received = bytearray()

        def read() -> None:
            data = os.read(pipe, _READ_BYTES)
            if data:
                received.extend(data)
                return
            self._loop.unwatch(pipe)
            os.close(pipe)
            done(json.loads(received) if received else {"error": "it was interrupted"})

        self._loop.watch(pipe, read)
        return pid

    def reaped(self, pid: int) -> None:
        """The process ``pid`` is no more."""
        self._pids.discard(pid)


class Remover:
    """Deletes folders: empty ones at once, others by one helper at a time."""

    def __init__(self, helpers: Helpers) -> None:
        self._helpers = helpers
        self._waiting: List[str] = []
        self._busy = False

    def remove(self, folder: str) -> None:
        """Delete ``folder`` with all that it holds; links in it are not followed."""
        try:
            os.rmdir(folder)
        except FileNotFoundError:
            return
        except OSError:
            self._waiting.append(folder)
            self._next()

    @property
    def busy(self) -> bool:
        return self._busy

    def _next(self) -> None:
        if self._busy or not self._waiting:
            return
        try:
            self._helpers.start(partial(_remove_all, self._waiting), self._done)
        except OSError:
            return  # out of processes: the next removal tries again
        self._busy = True
        self._waiting = []

    def _done(self, _: Dict[str, Any]) -> None:
        self._busy = False
        self._next()


def _remove_all(folders: List[str]) -> Dict[str, Any]:
    for folder in folders:
        for path, _, _ in os.walk(folder):
            os.chmod(path, 0o700)  # user code may have made folders that even their owner cannot empty
        shutil.rmtree(folder, ignore_errors=True)
    return {}
