"""Folders for unfinished work, which show whether their maker still lives.

A maker holds a flock on its scratch folder; the kernel takes the lock away when the process ends, however it
ends, so whoever can get the lock knows that the folder is left over.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from pathlib import Path

_PREFIX = ".scratch-"


class Scratch:
    """A new, empty folder (0700) in `parent`, held by this process until `discard`."""

    def __init__(self, parent: Path) -> None:
        while True:
            self.path = parent / f"{_PREFIX}{secrets.token_hex(8)}"
            self.path.mkdir(mode=0o700)
            self._descriptor = _hold(self.path)
            if self._descriptor >= 0:
                return

    def discard(self) -> None:
        """Remove the folder, unless it was renamed to its place, and let go of it."""
        if self.path.is_dir():
            shutil.rmtree(self.path)
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def sweep(parent: Path) -> int:
    """Remove the scratch folders in `parent` whose makers have died; answers how many."""
    removed = 0
    for path in parent.glob(f"{_PREFIX}*"):
        descriptor = _hold(path)
        if descriptor >= 0:
            try:
                shutil.rmtree(path)
                removed += 1
            finally:
                os.close(descriptor)
    return removed


def _hold(path: Path) -> int:
    """A descriptor that holds the folder's lock, or -1: it is another's, or was swept away meanwhile."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return -1
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.stat().st_ino == os.fstat(descriptor).st_ino:
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(descriptor)
    return -1
