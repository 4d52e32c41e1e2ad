"""What has arrived of files that are being uploaded: one file each, which grows until it is whole."""

from __future__ import annotations

import os
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path

from himalia.core.errors import WrongState
from himalia.core.ids import is_id


class PartialFiles:
    """Files in the folder `root`, named by their uploads. How long one is, is how much has arrived."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._busy: set[str] = set()

    def path(self, upload: str) -> Path:
        """Where an upload's bytes are."""
        return self.root / upload

    def offset(self, upload: str) -> int:
        """How many bytes of an upload are there."""
        try:
            return self.path(upload).stat().st_size
        except FileNotFoundError:
            return 0

    def remove(self, upload: str) -> None:
        """Forget an upload's bytes."""
        self.path(upload).unlink(missing_ok=True)

    def listed(self) -> set[str]:
        """The uploads that have bytes here."""
        return {entry.name for entry in os.scandir(self.root) if is_id(entry.name)}

    def sweep(self, gone: Set[str]) -> int:
        """Remove the bytes of uploads that are gone, and tell how many there were."""
        left = gone - self._busy
        for upload in left:
            self.remove(upload)
        return len(left)

    def is_busy(self, upload: str) -> bool:
        """Whether somebody has the upload alone."""
        return upload in self._busy

    @contextmanager
    def alone(self, upload: str) -> Iterator[Path]:
        """Keep an upload to one caller, on the event loop. Raises WrongState while another one has it."""
        if upload in self._busy:
            raise WrongState("Another request is sending this file. Wait until it has ended, then go on.")
        self._busy.add(upload)
        try:
            yield self.path(upload)
        finally:
            self._busy.discard(upload)
