"""Time and memory limits of running workloads, looked at rarely while they are far away."""

from __future__ import annotations

from typing import Callable, Iterable, List, Optional

from himalia.runner import processes, words
from himalia.runner.workload import Workload

#: Time for a workload to end by itself after SIGTERM when it has met a limit.
GRACE_S = 10.0
_LONGEST_S = 1.0
_SHORTEST_S = 0.05
_FIRST_S = 0.2
_OOM_WINDOW_S = 5.0
#: Below this share of the limit, resident memory, which is cheap to read and never less than PSS, is enough.
_NEAR = 0.7


def arm(workload: Workload, now: float) -> None:
    """Set the times at which a workload that starts ``now`` (monotonic seconds) must be looked at."""
    task = workload.task
    if task is None:
        return
    if task.time_limit_s is not None:
        workload.time_limit_at = now + task.time_limit_s
    if task.memory_bytes is not None:
        workload.memory_at = now + _FIRST_S
        workload.memory_last = (now, 0)


def next_look(workloads: Iterable[Workload]) -> Optional[float]:
    """When :func:`enforce` must be called next, in monotonic seconds, or None."""
    times = [
        time
        for workload in workloads
        for time in (workload.time_limit_at, workload.memory_at, workload.kill_at)
        if time is not None
    ]
    return min(times, default=None)


def enforce(workload: Workload, now: float, roots: Callable[[], List[int]]) -> None:
    """Look at what is due; ``roots`` answers the tops of the workload's process trees."""
    if workload.kill_at is not None and now >= workload.kill_at:
        workload.kill_at = now + _LONGEST_S  # once more, should anything have been missed
        processes.kill_tree(roots())
    if workload.time_limit_at is not None and now >= workload.time_limit_at:
        workload.time_limit_at = None
        limit = words.duration(float(workload.task.time_limit_s or 0) if workload.task else 0)
        end(workload, "time_limit", f"It ran longer than its time limit of {limit}.", GRACE_S, roots(), now)
    if workload.memory_at is not None and now >= workload.memory_at:
        _look_at_memory(workload, now, roots())


def end(workload: Workload, reason: str, message: str, grace_s: float, roots: List[int], now: float) -> None:
    """SIGTERM to the tree now, SIGKILL after ``grace_s``; the final report will carry ``reason``."""
    if workload.verdict is None:
        workload.verdict = (reason, message)
    kill_at = now + grace_s
    workload.kill_at = kill_at if workload.kill_at is None else min(kill_at, workload.kill_at)
    if grace_s > 0:
        processes.terminate_tree(roots)


class OomWatch:
    """Tells whether the kernel has killed for want of memory in the last seconds, here or (where only that is known)
    anywhere on the machine."""

    def __init__(self) -> None:
        count = processes.kernel_oom_kills()
        self._older = self._newer = count
        self._sampled_at = 0.0

    def sample(self, now: float) -> None:
        """Move the window on; to be called now and then while workloads run."""
        if now >= self._sampled_at + _OOM_WINDOW_S:
            self._older, self._newer = self._newer, processes.kernel_oom_kills()
            self._sampled_at = now

    def killed(self) -> bool:
        """Whether it has, since five to ten seconds ago."""
        return processes.kernel_oom_kills() > self._older


def _look_at_memory(workload: Workload, now: float, roots: List[int]) -> None:
    limit = int(workload.task.memory_bytes or 0) if workload.task else 0
    # A notebook's executor is ours: it does not count, and spared it still saves what the notebook has printed.
    executor = workload.pid if workload.executor is not None else None
    pids = [pid for pid in processes.tree(roots) if pid != executor]
    used = sum(map(processes.resident_bytes, pids))
    if used >= limit * _NEAR:
        used = sum(map(processes.proportional_bytes, pids))
    workload.max_memory_bytes = max(workload.max_memory_bytes, used)
    if used > limit:
        workload.memory_at = None
        message = f"It used {words.size(used)} of memory, more than its limit of {words.size(limit)}."
        workload.verdict = workload.verdict or ("out_of_memory", message)
        workload.kill_at = now + GRACE_S
        processes.kill_tree(roots, spare=executor)
        return
    then, before = workload.memory_last
    rate = max(used - before, 0) / max(now - then, 1e-3)
    until_full = (limit - used) / rate / 2 if rate else _LONGEST_S
    workload.memory_last = (now, used)
    workload.memory_at = now + min(max(until_full, _SHORTEST_S), _LONGEST_S)
