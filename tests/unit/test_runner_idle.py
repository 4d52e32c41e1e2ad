"""Executors that wait: one that has died is given to no notebook."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

from himalia.runner.executors import Executor, Group, Idle
from himalia.runner.kept import Shelf
from himalia.runner.lines import LineSocket
from himalia.runner.loop import Loop

GROUP: Group = (("python", ("-m", "ipykernel_launcher")), "search", ())


def test_one_that_was_reaped_is_not_given_out(tmp_path: Path) -> None:
    idle = Idle(Loop())
    shelf = Shelf(idle, 60.0)
    process = subprocess.Popen(["sleep", "600"])
    ours, theirs = socket.socketpair()
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    executor = Executor(
        process.pid, "mark", LineSocket(ours, 1024), reading, str(tmp_path / "k"), group=GROUP
    )
    shelf.keep(executor, 0.0, 1)
    process.kill()
    process.wait()
    idle.reaped(process.pid + 1)  # a kernel's, which is not its own
    assert idle.holds(process.pid)
    idle.reaped(process.pid)
    assert not idle.holds(process.pid)
    assert shelf.take(GROUP) is None
    theirs.close()
    os.close(writing)
