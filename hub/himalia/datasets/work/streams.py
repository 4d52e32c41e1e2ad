"""Reading what may be compressed, with an end to what it can cost."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from importlib import import_module
from typing import IO, BinaryIO, Protocol

from himalia.datasets.work.say import CannotGoOn

PIECE = 1 << 18
LZMA_MEMORY = 256 << 20
_ZSTD_WINDOW_LOG = 27  # 128 MiB, the most that the zstd command itself accepts


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Decompressed(io.RawIOBase):
    """The content of one or more compressed streams, one after the other."""

    def __init__(self, packed: BinaryIO, kind: str) -> None:
        self._packed = packed
        self._kind = kind
        self._current = _decompressor(kind)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._next(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _next(self, count: int) -> bytes:
        while True:
            rest = b""
            if self._current.eof:
                rest = self._current.unused_data or self._packed.read(PIECE)
                if not rest.strip(b"\0"):  # xz allows zeros after a stream
                    return b""
                self._current = _decompressor(self._kind)
            elif self._current.needs_input:
                rest = self._packed.read(PIECE)
                if not rest:
                    raise EOFError("The compressed stream breaks off.")
            if data := self._current.decompress(rest, count):
                return data


def _decompressor(kind: str) -> _Decompressor:
    if kind == "bz2":
        return bz2.BZ2Decompressor()
    if kind == "xz":
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=LZMA_MEMORY)
    zstd = import_module("compression.zstd")
    options = {zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
    found: _Decompressor = zstd.ZstdDecompressor(options=options)
    return found


def decompressed(packed: BinaryIO, kind: str) -> IO[bytes]:
    """The content of `packed`, compressed as `kind` says: "", "gz", "bz2", "xz" or "zst". Raises CannotGoOn."""
    if kind == "":
        return packed
    if kind == "gz":
        return io.BufferedReader(gzip.GzipFile(fileobj=packed), PIECE)
    try:
        return io.BufferedReader(_Decompressed(packed, kind), PIECE)
    except ImportError:
        raise CannotGoOn(
            "This platform's Python cannot read zstd (.zst). Pack it as .tar.gz or .zip instead."
        ) from None
