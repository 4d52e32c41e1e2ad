"""Quantities and signals as a person reads them."""

from __future__ import annotations

import signal

_SIGNALS = {
    signal.SIGABRT: "it aborted itself",
    signal.SIGBUS: "bus error",
    signal.SIGFPE: "arithmetic error",
    signal.SIGHUP: "hang-up",
    signal.SIGILL: "illegal instruction",
    signal.SIGINT: "interrupted",
    signal.SIGKILL: "killed",
    signal.SIGPIPE: "nobody reads its output",
    signal.SIGSEGV: "segmentation fault",
    signal.SIGTERM: "asked to end",
    signal.SIGXCPU: "processor time limit",
    signal.SIGXFSZ: "file size limit",
}


def size(count: float) -> str:
    """``count`` bytes in binary units: ``size(2147483648)`` is ``"2.0 GiB"``."""
    if count < 1024:
        return f"{int(count)} bytes"
    for unit in ("KiB", "MiB", "GiB"):
        count /= 1024
        if count < 1024:
            return f"{count:.1f} {unit}"
    return f"{count / 1024:.1f} TiB"


def duration(seconds: float) -> str:
    """``seconds`` in the largest two units: ``duration(3700)`` is ``"1 h 1 min"``."""
    if seconds < 60:
        return f"{seconds:g} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def ended_by_signal(number: int) -> str:
    """A sentence for a process that signal ``number`` ended."""
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    meaning = _SIGNALS.get(number)  # type: ignore[call-overload]
    return f"The process was ended by {name} ({meaning})." if meaning else f"The process was ended by {name}."
