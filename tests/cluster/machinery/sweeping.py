"""Removing a cluster from the machine: every process, device, control group and file of it, however it ended.

It goes by names and marks alone, so that it also removes what a killed run has left.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from .layout import MARK, Layout

WITHIN_S = 20.0


def sweep(layout: Layout) -> None:
    """Leave nothing of the cluster but its logs and the images that the next start will want."""
    deadline = time.monotonic() + WITHIN_S
    while found := processes(layout):
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise TimeoutError(f"Processes of the cluster {layout.name} cannot be killed: {found}.")
        time.sleep(0.02)
    for device in devices(layout):
        subprocess.run(["ip", "link", "delete", device], stderr=subprocess.DEVNULL, check=False)
    while (groups := cgroups(layout)) and time.monotonic() < deadline:
        for group in groups:
            with suppress(OSError):
                group.rmdir()
        if cgroups(layout):
            # The kernel empties them a moment after the last process ended.
            time.sleep(0.05)
    shutil.rmtree(layout.state, ignore_errors=True)


def processes(layout: Layout) -> list[int]:
    """All that carry the cluster's mark. Containers do not; they end with their node."""
    mark = f"{MARK}={layout.folder}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        with suppress(OSError):
            if folder.name.isdigit() and mark in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


def devices(layout: Layout) -> list[str]:
    """Its bridge and the nodes' cables."""
    names = [path.name for path in Path("/sys/class/net").iterdir()]
    return [name for name in names if name == layout.bridge or name.startswith(layout.link(0)[:-1])]


def cgroups(layout: Layout) -> list[Path]:
    """Its control groups, the deepest first."""
    found: list[Path] = []
    for hierarchy in hierarchies():
        top = hierarchy / layout.cgroup
        found += [Path(folder) for folder, _, _ in os.walk(top, topdown=False)]
    return found


def hierarchies() -> list[Path]:
    """Where control groups are mounted: one place each in version 1, a single one in version 2."""
    lines = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [Path(words[1]) for words in lines if words[2] in ("cgroup", "cgroup2")]
