"""Keeps a notebook server within its memory: what uses most of it ends, Lab itself stays.

It works without control groups: the sandbox's processes are measured, each by its share of what it has in
memory (PSS, proc(5)), so that shared pages count once.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

from himalia.core.processes import memory, tree

PERIOD_S = 1.0


def end_largest(child: int, limit_bytes: int) -> tuple[int, int] | None:
    """End the largest process below `child`, the first process of a sandbox, if all use over `limit_bytes`.

    Never Lab, the oldest process in there, nor `child`. Answers what all used and what the ended one did, in
    bytes; None when nothing was ended. Blocks for some milliseconds.
    """
    inside = tree([child]) - {child}
    sizes = {pid: memory([pid]) for pid in inside}
    used = sum(sizes.values())
    lab = _oldest_child(child)
    candidates = {pid: size for pid, size in sizes.items() if pid != lab}
    if used <= limit_bytes or not candidates:
        return None
    largest = max(candidates, key=lambda pid: candidates[pid])
    with suppress(ProcessLookupError):
        os.kill(largest, signal.SIGKILL)
    return used, candidates[largest]


def _oldest_child(pid: int) -> int | None:
    """The first process that `pid` started; orphans that it was given later are younger."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return None
    return min((int(one) for one in children), key=_started, default=None)


def _started(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return 1 << 62
    return int(stat[stat.rindex(b")") + 2 :].split()[19])
