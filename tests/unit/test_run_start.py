"""Why a process could not be made, told apart: the task's fault, or want of processes and memory."""

from __future__ import annotations

import errno
import os

import pytest

from himalia.runner.prepare import not_started


@pytest.mark.parametrize(
    ("number", "reason"),
    [(errno.EAGAIN, "start_failed"), (errno.ENOMEM, "start_failed"), (errno.E2BIG, "bad_input")],
)
def test_reason(number: int, reason: str) -> None:
    assert not_started(OSError(number, os.strerror(number))).reason == reason
