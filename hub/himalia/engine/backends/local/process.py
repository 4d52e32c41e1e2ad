"""A running sandbox, seen from outside; it can be found again by another process from its state.

The processes are bubblewrap itself (outer), the first process of the sandbox's PID namespace (child)
and, under that, the command. A signal to the outer one would leave all that is inside running, so
the command is asked to end by name and the child is killed, which takes the whole namespace along
(pid_namespaces(7)).
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any


class SandboxError(Exception):
    """A sandbox could not be made; the message says why."""


@dataclass
class SandboxProcess:
    """`started` and `child_started` are in clock ticks since boot: with them a PID is unique."""

    pid: int
    started: int
    child: int
    child_started: int
    boot: str
    _outer: subprocess.Popen[bytes] | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, outer: subprocess.Popen[bytes], child: int) -> SandboxProcess:
        """The process that was just started as `outer`; `SandboxError` if it ended already."""
        started, child_started = _start_time(outer.pid), _start_time(child)
        if started is None or child_started is None:
            outer.wait()
            raise SandboxError(f"The sandbox ended at once, with exit code {outer.returncode}.")
        return cls(outer.pid, started, child, child_started, _boot_id(), outer)

    def to_state(self) -> dict[str, Any]:
        """What `from_state` needs, as JSON types."""
        names = ("pid", "started", "child", "child_started", "boot")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> SandboxProcess:
        """The process that another one wrote down with `to_state`."""
        return cls(
            pid=int(state["pid"]),
            started=int(state["started"]),
            child=int(state["child"]),
            child_started=int(state["child_started"]),
            boot=str(state["boot"]),
        )

    def alive(self) -> bool:
        """Whether the command runs. What it left behind may run on: call `stop` in any case."""
        if self._outer is not None and self._outer.poll() is not None:
            return False
        return self._is(self.pid, self.started) and self._is(self.child, self.child_started)

    @property
    def returncode(self) -> int | None:
        """The command's exit status, as `Popen` gives it; None while it runs, or if another process
        started it."""
        return self._outer.poll() if self._outer is not None else None

    def stop(self, grace_s: float) -> None:
        """Ask the command to end, give it `grace_s` seconds, then kill whatever is left inside.

        Blocks until nothing of the sandbox runs. Does nothing the second time.
        """
        deadline = time.monotonic() + grace_s
        if self.alive() and self._ask_to_end():
            self._wait(self.pid, self.started, deadline)
        self._kill(self.child, self.child_started)
        self._kill(self.pid, self.started)
        if self._outer is not None:
            self._outer.wait()

    def wait(self, timeout_s: float) -> bool:
        """Block until the command ended; False when it did not within `timeout_s`."""
        self._wait(self.pid, self.started, time.monotonic() + timeout_s)
        return not self.alive()

    def _ask_to_end(self) -> bool:
        """SIGTERM to the command; False when there is none."""
        children = Path(f"/proc/{self.child}/task/{self.child}/children")
        try:
            found = [int(word) for word in children.read_text().split()]
        except FileNotFoundError:
            return False
        # Orphans are given to the child too, so the command is the one that is oldest.
        ages = [(started, pid) for pid in found if (started := _start_time(pid)) is not None]
        return bool(ages) and _signal(min(ages)[1], min(ages)[0], signal.SIGTERM)

    def _kill(self, pid: int, started: int) -> None:
        if self._is(pid, started) and _signal(pid, started, signal.SIGKILL):
            self._wait(pid, started, time.monotonic() + 30)

    def _wait(self, pid: int, started: int, deadline: float) -> None:
        descriptor = _open(pid, started) if self._is(pid, started) else None
        if descriptor is None:
            return
        try:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            poll.poll(max(0.0, deadline - time.monotonic()) * 1000)
        finally:
            os.close(descriptor)

    def _is(self, pid: int, started: int) -> bool:
        return self.boot == _boot_id() and _start_time(pid) == started


def read_child(descriptor: int, outer: subprocess.Popen[bytes]) -> int:
    """The PID that bubblewrap writes to its `--info-fd`; `SandboxError` if it ends without."""
    text = b""
    # The command inherits the writing end, so there may be no end of file while it runs.
    while not text.rstrip().endswith(b"}"):
        piece = os.read(descriptor, 4096)
        if not piece:
            outer.wait()
            raise SandboxError(f"bubblewrap ended with exit code {outer.returncode}.")
        text += piece
    return int(json.loads(text)["child-pid"])


def _start_time(pid: int) -> int | None:
    """Field 22 of /proc/PID/stat (proc(5)); None when the process is gone or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name, in brackets, may itself hold spaces and brackets.
    fields = stat[stat.rindex(b")") + 2 :].split()
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def _open(pid: int, started: int) -> int | None:
    """A descriptor of exactly this process, so that a PID used again is never hit."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    if _start_time(pid) == started:
        return descriptor
    os.close(descriptor)
    return None


def _signal(pid: int, started: int, number: signal.Signals) -> bool:
    descriptor = _open(pid, started)
    if descriptor is None:
        return False
    try:
        signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(descriptor)
    return True


@lru_cache
def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
