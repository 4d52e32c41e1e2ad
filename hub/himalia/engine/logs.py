"""Logs of attempts: one file each, written at the offsets that the runner names, so that a repeat is harmless."""

from __future__ import annotations

import os
from pathlib import Path


class LogFiles:
    """The folder `<home>/service/logs`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def path(self, name: str) -> Path:
        """The file of one attempt, or of one of its ranks."""
        return self.folder / f"{name}.log"

    @staticmethod
    def name(attempt: str, rank: int = 0) -> str:
        """What the log of an attempt's rank is called; that of rank 0 is the attempt's own."""
        return f"{attempt}-{rank}" if rank else attempt

    def write(self, name: str, offset: int, data: bytes) -> None:
        """Put `data` at `offset`."""
        descriptor = os.open(self.path(name), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            rest = memoryview(data)
            while rest:  # a disk that fills up takes a part, and says why at the next call
                written = os.pwrite(descriptor, rest, offset)
                rest, offset = rest[written:], offset + written
        finally:
            os.close(descriptor)

    def size(self, name: str) -> int:
        """Bytes there, 0 without a log."""
        try:
            return self.path(name).stat().st_size
        except FileNotFoundError:
            return 0

    def read(self, name: str, offset: int = 0, limit: int = 2**20) -> bytes:
        """Up to `limit` bytes from `offset`, ending where a character ends.

        The rest of a character that is cut, by `limit` or because it is being written, comes with the next call.
        """
        try:
            with self.path(name).open("rb") as file:
                file.seek(offset)
                data = file.read(limit)
        except FileNotFoundError:
            return b""
        return _whole_characters(data)


def _whole_characters(data: bytes) -> bytes:
    """`data` without an incomplete UTF-8 character at its end."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte < 0x80:
            return data
        if byte >= 0xC0:
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return data if back >= length else data[:-back]
    return data
