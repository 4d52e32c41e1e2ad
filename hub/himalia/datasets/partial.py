"""What has arrived of files that are being uploaded: one file each, which grows until it is whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from blake3 import blake3

from himalia.core.errors import WrongState
from himalia.core.ids import is_id
from himalia.snapshots.service import full_disk_said
from himalia.storage.directory import room, start_writing

BLOCK_BYTES = 16 << 20
"""How much is copied before it is hashed, while the next is copied."""
_READ_BYTES = 256 << 10  # what a core keeps near


class PartialFiles:
    """Files in the folder `root`, named by their uploads. How long one is, is how much has arrived."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._busy: set[str] = set()
        self._seen: dict[str, Seen] = {}

    def path(self, upload: str) -> Path:
        """Where an upload's bytes are."""
        return self.root / upload

    def offset(self, upload: str) -> int:
        """How many bytes of an upload are there."""
        try:
            return self.path(upload).stat().st_size
        except FileNotFoundError:
            return 0

    def digest(self, upload: str) -> str | None:
        """The digest of an upload's bytes, where this process has seen them all come."""
        seen = self._seen.get(upload)
        return seen.hasher.hexdigest() if seen is not None and seen.offset == self.offset(upload) else None

    @contextmanager
    def growing(self, upload: str) -> Iterator[GrowingFile]:
        """The file of an upload, to be made longer."""
        descriptor = os.open(self.path(upload), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        file = GrowingFile(descriptor, self._seen.setdefault(upload, Seen()))
        try:
            yield file
        finally:
            file.close()

    def remove(self, upload: str) -> None:
        """Forget an upload's bytes."""
        self._seen.pop(upload, None)
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


class Seen:
    """The digest of the first `offset` bytes of an upload."""

    def __init__(self) -> None:
        self.hasher = blake3()
        self.offset = 0


class GrowingFile:
    """A file of an upload that is written to at its end. Raises DiskFull."""

    def __init__(self, descriptor: int, seen: Seen) -> None:
        self._descriptor = descriptor
        self._seen = seen
        self._lock = Lock()
        self.size = os.lseek(descriptor, 0, os.SEEK_END)

    def write(self, data: bytes | bytearray) -> None:
        """Add bytes that are at hand."""
        rest = memoryview(data)
        with self._lock, full_disk_said(), room():
            while rest:
                written = os.write(self._descriptor, rest)
                self._see(rest[:written])
                rest = rest[written:]

    def close(self) -> None:
        """Close it, once nobody writes: a thread goes on when the request that it writes for is given up."""
        with self._lock:
            os.close(self._descriptor)
            self._descriptor = -1

    def copy(self, source: int, size: int, check: Callable[[], None]) -> None:
        """Add up to `size` bytes of the file open as `source`, from where this one ends; `check` may end it.

        What is hashed is the copy: the other file's owner can write to it all the while.
        """
        end = self.size + size
        with self._lock, full_disk_said(), room(), ThreadPoolExecutor(1) as beside:
            while self.size < end:
                check()
                copied = os.sendfile(self._descriptor, source, self.size, min(BLOCK_BYTES, end - self.size))
                if not copied:
                    return
                self.size += copied
                beside.submit(self._see_copied, self.size)

    def _see_copied(self, size: int) -> None:
        start_writing(self._descriptor)
        while self._seen.offset < size:
            piece = os.pread(self._descriptor, min(_READ_BYTES, size - self._seen.offset), self._seen.offset)
            if not piece:
                return
            self._seen.hasher.update(piece)
            self._seen.offset += len(piece)

    def _see(self, piece: memoryview) -> None:
        if self._seen.offset == self.size:  # else bytes came before this process began
            self._seen.hasher.update(piece)
            self._seen.offset += len(piece)
        self.size += len(piece)
