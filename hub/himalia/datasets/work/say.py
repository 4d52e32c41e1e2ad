"""How a program of a task tells its person what it does, and why it could not go on."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from types import FrameType

from himalia import run

EVERY_S = 0.2


class CannotGoOn(Exception):
    """The task's work cannot be done; the text is a sentence that says why, and what to do."""


class Meter:
    """Tells how far the work is: a few times a second, whatever the number of calls."""

    def __init__(self) -> None:
        self._next = 0.0

    def tell(self, message: Callable[[], str], fraction: float | None = None) -> None:
        """Show `message()` and the part done, from 0 to 1, unless that was done just now."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + EVERY_S
            run.progress(message(), fraction)


def finish(work: Callable[[], str]) -> int:
    """Do the work of a program: its last word is shown, as progress and in the log. Answers the exit code."""
    signal.signal(signal.SIGTERM, _end)
    try:
        words, code = work(), 0
    except CannotGoOn as error:
        words, code = str(error), 1
    except OSError as error:
        words, code = f"The work broke off: {error.strerror or error}.", 1
    print(words, flush=True)
    run.progress(words, 1.0 if code == 0 else None)
    return code


def _end(number: int, frame: FrameType | None) -> None:
    """Leave by an exception, so that what is half done is removed, which a second signal must not break off."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(128 + number)


def size(count: int) -> str:
    """A number of bytes in words."""
    value = float(count)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            return f"{value:,.0f} {unit}" if unit == "bytes" else f"{value:,.1f} {unit}"
        value /= 1024
    raise AssertionError("unreachable")
