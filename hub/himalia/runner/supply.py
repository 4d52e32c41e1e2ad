"""Giving each notebook an executor: a kept one of its group, a warm one, or a new one; and taking it back."""

from __future__ import annotations

import os
import time
from typing import Any, Callable, Dict, Optional

from himalia.runner import executors, processes
from himalia.runner.executors import Executor, Group, Idle
from himalia.runner.kept import Shelf
from himalia.runner.loop import Loop
from himalia.runner.prepare import INHERITED
from himalia.runner.settings import Settings
from himalia.runner.task import Task
from himalia.runner.warm import Pool
from himalia.runner.workload import Workload

#: Variables that a program reads once, when it starts: a kernel that runs already cannot be given them.
_AT_START = ("PYTHON", "LD_", "MALLOC_", "IPYTHON", "JUPYTER_", "GLIBC_")
#: The next of a group comes at once, or hardly at all; starting a kernel then costs less than keeping one.
_KEPT_S = 60.0
#: A kernel with more than this part of its notebook's memory limit is not kept: the next one needs room, too.
_MOST_MEMORY = 0.5


class Supply:
    """Executors are given out by :meth:`begin`, and come back by :meth:`keep` or end with their workload."""

    def __init__(self, loop: Loop, settings: Settings, new_mark: Callable[[], str], private: str) -> None:
        self._interpreter = settings.notebook_python
        self._new_mark = new_mark
        self._private = private
        self._idle = Idle(loop)
        self._pool = Pool(self._idle, self._start, settings.warm, settings.warm_idle_s)
        self._shelf = Shelf(self._idle, min(settings.warm_idle_s, _KEPT_S))
        self._most_at_once = 0

    def holds(self, pid: int) -> bool:
        """Whether ``pid`` belongs to an idle executor."""
        return self._idle.holds(pid)

    def reaped(self, pid: int) -> None:
        """``pid`` has ended; nothing happens where it was no idle executor's."""
        self._idle.reaped(pid)

    def tick(self, now: float, busy: bool) -> Optional[float]:
        """Start and end executors as it is time; answers when to call again, in monotonic seconds, or None."""
        times = (self._pool.refill(now, busy), self._shelf.end_idle(now))
        return min((at for at in times if at is not None), default=None)

    def begin(self, workload: Workload, task: Task, environment: Dict[str, str], at_once: int) -> Executor:
        """Have an executor run the notebook, one of ``at_once`` that run now. Raises OSError."""
        self._most_at_once = max(self._most_at_once, at_once)
        group = _group(task, environment)
        executor = self._find(group)
        if executor is None:
            executor = self._start(_kernel(task, environment, group))
        else:  # what it did before is not this job's
            workload.cpu_before_s = sum(map(processes.cpu_seconds, processes.tree([executor.pid])))
            for pid in executor.pids:
                processes.forget_peak(pid)
        executor.group = group
        executor.control.send(
            {
                "op": "run",
                "directory": task.directory,
                "notebook": task.notebook,
                "parameters": task.parameters,
                "environment": {**environment, processes.MARK: executor.mark},
                "keep": bool(task.kernel_group),
            }
        )
        return executor

    def _find(self, group: Group) -> Optional[Executor]:
        key, name, at_start = group
        executor = self._shelf.take(group) if name else None
        if executor is None and not at_start:
            executor = self._pool.take(key, time.monotonic())
        return executor

    def _start(self, kernel: Dict[str, Any]) -> Executor:
        return executors.start(self._interpreter, self._new_mark(), self._private, kernel)

    def may_keep(self, workload: Workload) -> bool:
        """Whether the workload's executor, which has cleared its kernel, can serve another one.

        It cannot when there are more processes than these two, or the kernel has grown large.
        """
        executor, task = workload.executor, workload.task
        assert executor is not None
        assert task is not None
        executor.pids = tuple(processes.tree([executor.pid]))
        if len(executor.pids) != 2:
            return False
        most = _MOST_MEMORY * (task.memory_bytes or float("inf"))
        kernel = executor.pids[1]
        return processes.resident_bytes(kernel) <= most or processes.proportional_bytes(kernel) <= most

    def keep(self, executor: Executor) -> None:
        """Take it back: nothing watches it any more, and its last notebook has left nothing behind."""
        self._shelf.keep(executor, time.monotonic(), self._most_at_once)


def _group(task: Task, environment: Dict[str, str]) -> Group:
    names = {*task.environment, *task.secret_environment}
    at_start = sorted((name, environment[name]) for name in names if name.startswith(_AT_START))
    return (task.python, tuple(task.kernel_argv)), task.kernel_group, tuple(at_start)


def _kernel(task: Task, environment: Dict[str, str], group: Group) -> Dict[str, Any]:
    """What a new kernel is started with; one of a group with nothing that is its first notebook's alone."""
    kernel: Dict[str, Any] = {"argv": task.kernel_argv, "warm": False}
    if task.kernel_group:
        return {**kernel, "environment": {**INHERITED, **dict(group[2])}, "directory": "/"}
    folder = os.path.dirname(os.path.join(task.directory, task.notebook))
    return {**kernel, "environment": environment, "directory": folder}
