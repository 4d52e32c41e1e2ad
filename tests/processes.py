"""How tests are shared out when they run in several processes, become somebody else, and kill what they test."""

from __future__ import annotations

import signal
from pathlib import Path

from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from himalia.core.processes import Process, wait_all

TOGETHER = ("tests/hub/", "tests/browser/lab/")
"""Folders whose modules share platforms of their own: one process runs them all."""
BROWSER = "tests/browser/"
"""What keeps a processor busy; most other modules wait for others' processes."""


class ByModule(LoadScopeScheduling):
    """Gives each process whole modules, so that what a module shares is made once; one at a time has a browser."""

    def _split_scope(self, nodeid: str) -> str:
        together = next((folder for folder in TOGETHER if nodeid.startswith(folder)), None)
        return together or nodeid.partition("::")[0]

    def _assign_work_unit(self, node: WorkerController) -> None:
        others = [units for other, units in self.assigned_work.items() if other is not node]
        unended = [scope for units in others for scope, unit in units.items() if not all(unit.values())]
        is_taken = any(scope.startswith(BROWSER) for scope in unended)
        fitting = [scope for scope in self.workqueue if scope.startswith(BROWSER) != is_taken]
        if fitting:
            self.workqueue.move_to_end(fitting[0], last=False)
        super()._assign_work_unit(node)


def opened(path: Path) -> str:
    """Shell lines that show `path` to others, for this process alone, if a folder above it is closed."""
    closed = [folder for folder in reversed(path.parents) if not folder.stat().st_mode & 0o001]
    if not closed:
        return ""
    top = closed[0] / path.relative_to(closed[0]).parts[0]
    return (
        f"mount --bind {top} /mnt && mount -t tmpfs -o mode=0755 none {closed[0]} && "
        f"mkdir -p {top} && mount --bind /mnt {top} && "
    )


def kill(*pids: int) -> None:
    """SIGKILL, as a crash would; returns when they are gone, since a signal that is sent has not arrived."""
    found = [process for process in map(Process.of, pids) if process is not None]
    assert found, f"nothing to kill: {pids}"
    for process in found:
        process.send(signal.SIGKILL)
    assert not wait_all(found, 30), f"still there after SIGKILL: {pids}"
