"""Which processes are there."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from himalia.core.processes import Process

# The first thread ends by itself (exit(2), not exit_group(2)) while another one still runs.
HALF_ENDED = """
import ctypes, platform, threading, time
threading.Thread(target=time.sleep, args=(1.5,)).start()
ctypes.CDLL(None).syscall({"x86_64": 60}.get(platform.machine(), 93), 0)
"""


def test_a_process_is_there_until_its_last_thread_has_ended() -> None:
    """It holds its ports until then, though it is a zombie already."""
    started = subprocess.Popen([sys.executable, "-c", HALF_ENDED])
    deadline = time.monotonic() + 10
    while (state := _state(started.pid)) != "Z":
        assert time.monotonic() < deadline, state
        time.sleep(0.01)
    assert Process.of(started.pid) is not None
    while Process.of(started.pid) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert _state(started.pid) == "Z", "nobody has waited for it"
    started.wait()


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
