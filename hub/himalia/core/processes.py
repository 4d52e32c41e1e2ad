"""Processes seen from outside: told apart for good, signalled, weighed; and the sandboxes of a home."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

SANDBOX_SOCKETS = "run/himalia"
"""Where a sandbox sees its sockets folder, below its root."""


@dataclass(frozen=True)
class Process:
    """One process: PID, start time in clock ticks since boot, and the boot that it belongs to."""

    pid: int
    started: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> Process | None:
        """The process that has this PID now; None when there is none, or a zombie."""
        started = _start_time(pid)
        return None if started is None else cls(pid, started, _boot())

    @classmethod
    def from_state(cls, state: dict[str, Any] | None) -> Process | None:
        """The process that `to_state` wrote down; None for anything else."""
        try:
            return cls(int(state["pid"]), int(state["started"]), str(state["boot"])) if state else None
        except (KeyError, TypeError, ValueError):
            return None

    def to_state(self) -> dict[str, Any]:
        """JSON types for `from_state`."""
        return asdict(self)

    def alive(self) -> bool:
        """Whether it still runs."""
        return self.boot == _boot() and _start_time(self.pid) == self.started

    def open(self) -> int | None:
        """A pidfd of exactly this process; None when it has ended. The caller closes it."""
        if not self.alive():
            return None
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return None
        if self.alive():
            return descriptor
        os.close(descriptor)
        return None

    def send(self, number: signal.Signals) -> None:
        """Signal it; nothing happens when it has ended, or to another process with its PID."""
        descriptor = self.open()
        if descriptor is None:
            return
        try:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)


def wait_all(processes: Iterable[Process], timeout_s: float) -> list[Process]:
    """Block until all have ended, at most `timeout_s`; those that still run."""
    deadline = time.monotonic() + timeout_s
    left = []
    for process in processes:
        descriptor = process.open()
        if descriptor is None:
            continue
        try:
            # A zombie counts as ended, and so does poll(2) on its pidfd.
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                left.append(process)
        finally:
            os.close(descriptor)
    return left


def end_all(processes: Iterable[Process], grace_s: float, number: signal.Signals = signal.SIGTERM) -> None:
    """Signal `number` to all, then SIGKILL to what runs after `grace_s` s; blocks until all are gone."""
    found = list(processes)
    for process in found:
        process.send(number)
    for process in wait_all(found, grace_s):
        process.send(signal.SIGKILL)
    wait_all(found, 10)


def sandboxed(sockets: Path) -> list[Process]:
    """Processes in sandboxes whose sockets folder lies in `sockets` (`<home>/s`).

    They are found by what they have mounted, so nothing needs to be remembered, and no process can
    hide by leaving its session or changing its name.
    """
    with suppress(FileNotFoundError):
        return sandboxed_in(sockets.iterdir())
    return []


def sandboxed_in(folders: Iterable[Path]) -> list[Process]:
    """Processes in the sandboxes that have one of these as their sockets folder."""
    identities = {_identity(folder) for folder in folders}
    found = []
    for pid in _pids() if identities else ():
        with suppress(OSError):
            if _identity(Path(f"/proc/{pid}/root", SANDBOX_SOCKETS)) in identities:
                process = Process.of(pid)
                found += [process] if process else []
    return found


def tree(roots: Iterable[int]) -> set[int]:
    """`roots` and all that descends from them."""
    children: dict[int, list[int]] = {}
    for pid in _pids():
        with suppress(OSError, ValueError):
            stat = Path(f"/proc/{pid}/stat").read_bytes()
            parent = int(stat[stat.rindex(b")") + 2 :].split()[1])
            children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting += children.get(pid, [])
    return found


def memory(pids: Iterable[int]) -> int:
    """Proportional set size of these processes together, in bytes (proc(5), smaps_rollup)."""
    total = 0
    for pid in pids:
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
    return total


def _identity(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_dev, stat.st_ino


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _start_time(pid: int) -> int | None:
    """Field 22 of /proc/PID/stat (proc(5)); None for what has ended, waited for or not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name, in brackets, may itself hold spaces and brackets.
    fields = stat[stat.rindex(b")") + 2 :].split()
    # While others of its threads still end, a process holds its files and ports, though it is a zombie already.
    ended = fields[0] in (b"Z", b"X") and int(fields[17]) < 2
    return None if ended else int(fields[19])


@cache
def _boot() -> str:
    """What tells one start of this machine from another: process numbers begin again with each."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
