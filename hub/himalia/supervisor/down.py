"""`himalia down`: stop a platform from outside, whether its supervisor lives or was killed."""

from __future__ import annotations

import os
import signal

from himalia.core.processes import Process, end_all, sandboxed, wait_all
from himalia.supervisor import control
from himalia.supervisor.errors import SupervisorError
from himalia.supervisor.home import Home
from himalia.supervisor.platform import SERVICE_GRACE_S
from himalia.supervisor.supervisor import end_sandboxes, left_over

STOP_LIMIT_S = SERVICE_GRACE_S + 40.0


def down(home: Home) -> bool:
    """Stop what runs in this home and wait for its end; False when nothing ran.

    `SupervisorError` when the supervisor did not end in time.
    """
    answer = control.call(home, "down")
    supervisor = Process.of(int(answer["pid"])) if answer else None
    if supervisor is not None:
        if wait_all([supervisor], STOP_LIMIT_S):
            raise SupervisorError(
                f"The supervisor (PID {supervisor.pid}) has not ended within {STOP_LIMIT_S:g} s. "
                f"See {home.log('up')} for why."
            )
        return True
    return home.exists and _end_left_over(home)


def _end_left_over(home: Home) -> bool:
    """End what a killed supervisor left; whether there was anything."""
    lock = home.lock()
    try:
        found, inside = left_over(home), sandboxed(home.path / "s")
        end_all(found, SERVICE_GRACE_S, signal.SIGINT)
        end_sandboxes(home)
        return bool(found or inside)
    finally:
        os.close(lock)
