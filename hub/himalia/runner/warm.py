"""Notebook executors: processes in the platform's interpreter, some started ahead with a kernel that waits.

A warm executor has imported what it needs, has started a kernel and is connected to it. It serves one job and
ends. The pool keeps some for every kernel that was used lately.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

from himalia.runner import processes, spawn
from himalia.runner.lines import LineSocket, ProtocolError
from himalia.runner.loop import Loop
from himalia.runner.prepare import INHERITED

#: Which kernel: its arguments and the interpreter of its environment.
Key = Tuple[str, Tuple[str, ...]]

_LONGEST_LINE = 16 << 20
#: A job that has just begun has the machine to itself before the next executor is started.
_PAUSE_BEFORE_REFILL_S = 1.0


@dataclass
class Executor:
    """One executor process; ``output`` is where its prints are read, ``folder`` has its kernel's sockets."""

    pid: int
    mark: str
    control: LineSocket
    output: int
    folder: str
    ready: bool = False


@dataclass
class _Shelf:
    used_at: float
    executors: List[Executor] = field(default_factory=list)
    failed: bool = False


class Pool:
    """At most ``size`` idle executors per kernel, ended ``idle_s`` seconds after its last job began."""

    def __init__(
        self,
        loop: Loop,
        interpreter: str,
        new_mark: Callable[[], str],
        private: str,
        size: int,
        idle_s: float,
    ) -> None:
        self._loop = loop
        self._interpreter = interpreter
        self._new_mark = new_mark
        self._private = private
        self._size = size
        self._idle_s = idle_s
        self._shelves: Dict[Key, _Shelf] = {}
        self._idle: Set[int] = set()

    def holds(self, pid: int) -> bool:
        """Whether ``pid`` is an idle executor."""
        return pid in self._idle

    def take(self, key: Key, now: float) -> Optional[Executor]:
        """A warm executor, a ready one if there is one; it belongs to the caller now."""
        shelf = self._shelves.setdefault(key, _Shelf(now))
        shelf.used_at, shelf.failed = now, False
        if not shelf.executors:
            return None
        executor = next((one for one in shelf.executors if one.ready), shelf.executors[0])
        self._let_go(key, executor)
        return executor

    def start(self, kernel: Dict[str, Any]) -> Executor:
        """Start an executor and have it start the kernel ``{"argv", "environment", "directory", "warm"}``.

        Raises OSError when the interpreter cannot be started.
        """
        mark = self._new_mark()
        ours, theirs = socket.socketpair()
        reading, writing = os.pipe2(os.O_CLOEXEC)
        try:
            pid = spawn.spawn(
                self._interpreter,
                [self._interpreter, "-m", "himalia.runner.notebook.executor"],
                {**os.environ, "PYTHONPATH": _package_parent(), processes.MARK: mark},
                "/",
                writing,
                theirs.fileno(),
            )
        except OSError:
            ours.close()
            os.close(reading)
            raise
        finally:
            theirs.close()
            os.close(writing)
        os.set_blocking(reading, False)
        folder = tempfile.mkdtemp(prefix="k", dir=self._private)
        executor = Executor(pid, mark, LineSocket(ours, _LONGEST_LINE), reading, folder)
        environment = {**kernel["environment"], processes.MARK: mark}
        executor.control.send({"op": "kernel", **kernel, "environment": environment, "folder": folder})
        return executor

    def refill(self, now: float, busy: bool) -> Optional[float]:
        """Start what is missing, if the machine is free for it, and end what was idle too long.

        Answers when to call again, in monotonic seconds, or None.
        """
        due: List[float] = []
        for key, shelf in list(self._shelves.items()):
            if now >= shelf.used_at + self._idle_s:
                self._clear(key)
                continue
            due.append(shelf.used_at + self._idle_s)
            if shelf.failed or len(shelf.executors) >= self._size:
                continue
            if busy and now < shelf.used_at + _PAUSE_BEFORE_REFILL_S:
                due.append(shelf.used_at + _PAUSE_BEFORE_REFILL_S)
                continue
            self._add(key, shelf)
        return min(due, default=None)

    def clear(self) -> None:
        """End all idle executors."""
        for key in list(self._shelves):
            self._clear(key)

    def _add(self, key: Key, shelf: _Shelf) -> None:
        kernel = {"argv": list(key[1]), "environment": INHERITED, "directory": "/", "warm": True}
        try:
            executor = self.start(kernel)
        except OSError:
            shelf.failed = True  # the next job of this kernel tries again, and tells its user
            return
        shelf.executors.append(executor)
        self._idle.add(executor.pid)
        self._loop.watch(executor.control, lambda: self._hear(key, executor))
        self._loop.watch(executor.output, lambda: self._discard(key, executor))

    def _hear(self, key: Key, executor: Executor) -> None:
        try:
            messages = executor.control.receive()
        except ProtocolError:
            executor.control.closed = True
            messages = []
        executor.ready = executor.ready or any(message.get("op") == "ready" for message in messages)
        if executor.control.closed:
            # Probably its kernel cannot start: nothing new until a job of this kernel shows its user why.
            self._shelves[key].failed = True
            self._end(key, executor)

    def _discard(self, key: Key, executor: Executor) -> None:
        if not os.read(executor.output, 65536):
            self._end(key, executor)

    def _clear(self, key: Key) -> None:
        for executor in list(self._shelves[key].executors):
            self._end(key, executor)
        del self._shelves[key]

    def _end(self, key: Key, executor: Executor) -> None:
        self._let_go(key, executor)
        executor.control.close()
        os.close(executor.output)
        # Its kernel carries the same mark, and is nobody's child any more if the executor died first.
        processes.kill_tree([executor.pid, *processes.marked(executor.mark)])
        shutil.rmtree(executor.folder, ignore_errors=True)

    def _let_go(self, key: Key, executor: Executor) -> None:
        self._shelves[key].executors.remove(executor)
        self._idle.remove(executor.pid)
        self._loop.unwatch(executor.control)
        self._loop.unwatch(executor.output)


def _package_parent() -> str:
    """The folder that holds this package: the executor's interpreter may not know it."""
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
