"""The floor of free disk: below it, no new work is taken."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Protocol

from himalia.core import clock
from himalia.core.errors import DiskFull

FRESH_S = 0.5
"""How long what is free on the disk is taken to be unchanged."""
CHECK_BYTES = 2**20
"""After so much of a stream, it is asked whether there is room for more."""


class CheckDisk(Protocol):
    """Raises DiskFull where `size` more bytes would leave less free than the floor; see `Disk.check`."""

    def __call__(self, size: int = 0, *, runs: bool = False) -> None: ...


class Disk:
    """What is free where the platform keeps its things."""

    def __init__(self, home: Path, floor_bytes: int) -> None:
        self.home = home
        self.floor_bytes = floor_bytes
        self._free = float("-inf"), 0

    def check(self, size: int = 0, *, runs: bool = False) -> None:
        """Raise DiskFull where `size` more bytes would leave less than the floor.

        What `runs` already may leave its outputs in half of that.
        """
        now = clock.monotonic()
        if now - self._free[0] > FRESH_S:
            self._free = now, shutil.disk_usage(self.home).free
        free = self._free[1]
        if free - size < (self.floor_bytes // 2 if runs else self.floor_bytes):
            raise DiskFull(
                f"Only {free / 2**20:.0f} MiB of disk are free, so {'this is not' if size else 'no new work is'} "
                "taken. Delete what is not needed, or ask an administrator."
            )
