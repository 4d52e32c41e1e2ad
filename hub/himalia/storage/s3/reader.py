"""Reading an object piece by piece, from any place in it on."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

FIRST_BYTES = 1 << 20
"""Asked for when an object is opened: most are smaller."""
WINDOW_BYTES = 8 << 20
"""Asked for at once later on. No connection stays open in between, however slowly somebody reads."""

Fetch = Callable[[int, int], tuple[bytes, int]]
"""(start, length) → the bytes, and the size of the whole object."""


class RangeReader(io.RawIOBase):
    """A raw, seekable stream of an object; wrap it in io.BufferedReader, whose reads are never short."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._at = self._start = 0
        self._window, self._size = fetch(0, FIRST_BYTES)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("No object has anything before its first byte.")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        target = memoryview(buffer).cast("B")
        if self._at >= self._size:
            return 0
        if not self._start <= self._at < self._start + len(self._window):
            self._window, self._start = b"", self._at  # let go of the old one first
            self._window, _ = self._fetch(self._at, WINDOW_BYTES)
        begin = self._at - self._start
        piece = memoryview(self._window)[begin : begin + len(target)]
        target[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)
