"""A running sandbox, seen from outside; it can be found again by another process from its state.

The processes are bubblewrap itself (outer), the first process of the sandbox's PID namespace (child)
and, under that, the command. A signal to the outer one would leave all that is inside running, so
the command is asked to end by name and the child is killed, which takes the whole namespace along
(pid_namespaces(7)).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from himalia.core.processes import Process, wait_all

KILL_S = 30.0
"""How long is waited for what was killed."""


class SandboxError(Exception):
    """A sandbox could not be made; the message says why."""


@dataclass
class SandboxProcess:
    """`outer` is bubblewrap itself, `inner` the first process inside; `_popen` where this process started it."""

    outer: Process
    inner: Process
    _popen: subprocess.Popen[bytes] | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, popen: subprocess.Popen[bytes], child: int) -> SandboxProcess:
        """The sandbox that was just started as `popen`; `SandboxError` if it ended already."""
        outer, inner = Process.of(popen.pid), Process.of(child)
        if outer is None or inner is None:
            popen.wait()
            raise SandboxError(f"The sandbox ended at once, with exit code {popen.returncode}.")
        return cls(outer, inner, popen)

    def to_state(self) -> dict[str, Any]:
        """What `from_state` needs, as JSON types."""
        inner = {"child": self.inner.pid, "child_started": self.inner.started}
        return {**self.outer.to_state(), **inner}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> SandboxProcess:
        """The sandbox that another process wrote down with `to_state`."""
        boot = str(state["boot"])
        return cls(
            Process(int(state["pid"]), int(state["started"]), boot),
            Process(int(state["child"]), int(state["child_started"]), boot),
        )

    @property
    def pid(self) -> int:
        """The PID of bubblewrap."""
        return self.outer.pid

    @property
    def child(self) -> int:
        """The PID, seen from outside, of the first process inside; all others descend from it."""
        return self.inner.pid

    def alive(self) -> bool:
        """Whether the command runs. What it left behind may run on: call `stop` in any case."""
        if self._popen is not None and self._popen.poll() is not None:
            return False
        return self.outer.alive() and self.inner.alive()

    @property
    def returncode(self) -> int | None:
        """The command's exit status, as `Popen` gives it; None while it runs, or if another process
        started it."""
        return self._popen.poll() if self._popen is not None else None

    def stop(self, grace_s: float) -> None:
        """Ask the command to end, give it `grace_s` seconds, then kill whatever is left inside.

        Blocks until nothing of the sandbox runs. Does nothing the second time.
        """
        if self.alive() and self._ask_to_end():
            wait_all([self.outer], grace_s)
        for process in (self.inner, self.outer):
            process.send(signal.SIGKILL)
            wait_all([process], KILL_S)
        if self._popen is not None:
            self._popen.wait()

    def wait(self, timeout_s: float) -> bool:
        """Block until the command ended; False when it did not within `timeout_s`."""
        wait_all([self.outer], timeout_s)
        return not self.alive()

    def _ask_to_end(self) -> bool:
        """SIGTERM to the command; False when there is none."""
        children = Path(f"/proc/{self.child}/task/{self.child}/children")
        try:
            found = [Process.of(int(word)) for word in children.read_text().split()]
        except FileNotFoundError:
            return False
        # Orphans are given to the child too, so the command is the one that is oldest.
        there = sorted((process for process in found if process), key=lambda process: process.started)
        if there:
            there[0].send(signal.SIGTERM)
        return bool(there)


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
