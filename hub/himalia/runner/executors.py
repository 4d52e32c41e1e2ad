"""Notebook executors: processes in the platform's interpreter that run notebooks, each with a kernel of its own."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, Tuple

from himalia.runner import processes, spawn
from himalia.runner.lines import LineSocket, ProtocolError
from himalia.runner.loop import Loop

#: Which kernel: the interpreter of its environment, and its arguments.
Key = Tuple[str, Tuple[str, ...]]
#: What notebooks share that may follow each other in a kernel: kernel, the group's name (empty: it is of none), and
#: the variables that a program reads once, when it starts.
Group = Tuple[Key, str, Tuple[Tuple[str, str], ...]]

_LONGEST_LINE = 16 << 20
_READ_BYTES = 1 << 16


@dataclass
class Executor:
    """One executor process; ``output`` is where its prints are read, ``folder`` has its kernel's sockets.

    ``group`` is that of the notebook which it was given first, ``pids`` are its own and its kernel's once it has run
    one to its end.
    """

    pid: int
    mark: str
    control: LineSocket
    output: int
    folder: str
    ready: bool = False
    group: Optional[Group] = None
    pids: Tuple[int, ...] = ()

    def close(self) -> None:
        """End it, with its kernel."""
        self.control.close()
        os.close(self.output)
        # Its kernel carries the same mark, and is nobody's child any more if the executor died first.
        processes.kill_tree([self.pid, *processes.marked(self.mark)])
        shutil.rmtree(self.folder, ignore_errors=True)


def start(interpreter: str, mark: str, private: str, kernel: Dict[str, Any]) -> Executor:
    """Start an executor and have it start the kernel ``{"argv", "environment", "directory", "warm"}``.

    Raises OSError when the interpreter cannot be started.
    """
    ours, theirs = socket.socketpair()
    reading, writing = os.pipe2(os.O_CLOEXEC)
    try:
        pid = spawn.spawn(
            interpreter,
            [interpreter, "-m", "himalia.runner.notebook.executor"],
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
    folder = tempfile.mkdtemp(prefix="k", dir=private)
    executor = Executor(pid, mark, LineSocket(ours, _LONGEST_LINE), reading, folder)
    environment = {**kernel["environment"], processes.MARK: mark}
    executor.control.send({"op": "kernel", **kernel, "environment": environment, "folder": folder})
    return executor


class Idle:
    """Executors that wait for a notebook. What they print is nobody's."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._executors: Dict[int, Executor] = {}
        self._gone: Dict[int, Callable[[], None]] = {}

    def __len__(self) -> int:
        return len(self._executors)

    def holds(self, pid: int) -> bool:
        """Whether ``pid`` is one of them, or the kernel of one that has served before."""
        return pid in self._executors or any(pid in one.pids for one in self._executors.values())

    def add(self, executor: Executor, gone: Callable[[], None]) -> None:
        """Take it in; ``gone`` is called when it has ended, or has no kernel any more."""
        self._executors[executor.pid] = executor
        self._gone[executor.pid] = gone
        self._loop.watch(executor.control, lambda: self._hear(executor, gone))
        self._loop.watch(executor.output, lambda: None if self._discard(executor) else gone())

    def remove(self, executor: Executor) -> None:
        """Give it out: it is the caller's now."""
        del self._executors[executor.pid], self._gone[executor.pid]
        self._discard(executor)
        self._loop.unwatch(executor.control)
        self._loop.unwatch(executor.output)

    def reaped(self, pid: int) -> None:
        """``pid`` has ended, which an executor's socket tells only at the loop's next turn."""
        if pid in self._gone:
            self._gone[pid]()

    def _hear(self, executor: Executor, gone: Callable[[], None]) -> None:
        messages: List[Dict[str, Any]] = []
        try:
            messages = executor.control.receive()
        except ProtocolError:
            executor.control.closed = True
        executor.ready = executor.ready or any(message.get("op") == "ready" for message in messages)
        if executor.control.closed:
            gone()

    def _discard(self, executor: Executor) -> bool:
        """Drop what it has printed; false when it has ended."""
        with suppress(BlockingIOError):
            while os.read(executor.output, _READ_BYTES):
                pass
            return False
        return True


def _package_parent() -> str:
    """The folder that holds this package: the executor's interpreter may not know it."""
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
