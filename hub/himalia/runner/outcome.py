"""What the end of a workload's process means: exit code, reason and a sentence."""

from __future__ import annotations

import os
import signal
from typing import Callable, Optional, Tuple

from himalia.runner import words
from himalia.runner.workload import Workload

Outcome = Tuple[Optional[int], Optional[str], Optional[str]]

#: What a notebook's executor reports when something killed its kernel.
KERNEL_KILLED = "killed"


def of(workload: Workload, kernel_ran_out: Callable[[], bool]) -> Outcome:
    """Exit code (128 + signal, as shells say it), the contract's reason or None, and a sentence or None.

    ``kernel_ran_out`` answers whether the machine's kernel killed for want of memory a moment ago.
    """
    exit_code, number = _exit(workload.status)
    if workload.verdict is not None:
        return (exit_code, *workload.verdict)
    result = workload.result
    killed = number == signal.SIGKILL or (result is not None and result[0] == KERNEL_KILLED)
    if killed and kernel_ran_out():
        return exit_code, "out_of_memory", "The machine ran out of memory, and its system ended the process."
    if number:
        return exit_code, "user_error", words.ended_by_signal(number)
    if result is not None and result[0] is not None:
        reason = "user_error" if result[0] == KERNEL_KILLED else result[0]
        return exit_code, reason, result[1]
    if workload.executor is not None and result is None and not exit_code:
        return exit_code, "lost", "The kernel ended before the notebook began."
    if exit_code:
        return exit_code, "user_error", f"It ended with exit code {exit_code}."
    return exit_code, None, None


def _exit(status: Optional[int]) -> Tuple[Optional[int], int]:
    """Exit code and signal number of a wait status (wait(2)); None and 0 for a process that never was."""
    if status is None:
        return None, 0
    if os.WIFSIGNALED(status):
        return 128 + os.WTERMSIG(status), os.WTERMSIG(status)
    return os.WEXITSTATUS(status), 0
