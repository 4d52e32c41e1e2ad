"""Unpacking an archive that somebody sent: zip, or tar as it is or compressed with gzip, bzip2, xz or zstd.

Nothing in it is believed. Every path is checked; links, devices and whatever else is neither file nor folder is
refused; what comes out is counted while it comes, against the limits and against the archive's own size. Archives
inside the archive stay as they are. What is left to the task's limits is time and memory.
"""

from __future__ import annotations

import lzma
import os
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, cast

from himalia.datasets.work.limits import Counted, Limits
from himalia.datasets.work.names import Names, left_out
from himalia.datasets.work.say import CannotGoOn, Meter, size
from himalia.datasets.work.streams import PIECE, decompressed

GRACE = 64 << 20
"""What may come out before the ratio counts: a small file of zeros is no attack."""
LONGEST_HEADER = 4 << 20
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2}
_MAGIC = {
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"\x1f\x8b": "gz",
    b"BZh": "bz2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zst",
}
_BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    ValueError,
    struct.error,
)
_LOCAL_HEADER = 30
_END = struct.Struct("<4s4H2LH")
_MOST_OF_DIRECTORY = 512
"""Bytes that the central directory may have for each file that is allowed: it is read in one piece."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What came out; `size` is in bytes, `left_out` counts what operating systems leave beside data."""

    files: int
    size: int
    left_out: int


def unpack(archive: Path, out: Path, limits: Limits) -> Unpacked:
    """Unpack `archive` into the new folder `out`, which appears complete or not at all.

    Raises CannotGoOn with a sentence for whoever sent it.
    """
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700, parents=True)
    try:
        with archive.open("rb") as packed:
            work = _Unpacking(packed, partial, limits)
            try:
                work.run()
            except (*_BROKEN, OSError) as error:
                if isinstance(error, OSError) and error.errno is not None:
                    raise  # of the machine; gzip and bzip2 complain with an OSError that has no number
                raise CannotGoOn(
                    f"The archive is damaged: {error}. Pack it again, or send it again."
                ) from error
        if not work.counted.files:
            raise CannotGoOn("The archive holds no files.")
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Unpacked(work.counted.files, work.counted.total, work.left_out)


class _Unpacking:
    def __init__(self, packed: BinaryIO, out: Path, limits: Limits) -> None:
        self.counted = Counted(limits, out)
        self.left_out = 0
        self._packed = packed
        self._packed_size = os.fstat(packed.fileno()).st_size
        self._out = out
        self._names = Names()
        self._meter = Meter()
        self._came = 0

    def run(self) -> None:
        start = self._packed.read(6)
        self._packed.seek(0)
        kind = next((kind for magic, kind in _MAGIC.items() if start.startswith(magic)), "")
        if kind == "zip":
            self._unzip()
        else:
            self._untar(kind)

    # Zip, by APPNOTE 6.3.10 of PKWARE

    def _unzip(self) -> None:
        self._check_directory()
        with zipfile.ZipFile(self._packed) as archive:
            entries = archive.infolist()
            self._check_overlap(entries)
            for entry in entries:
                self._unzip_one(archive, entry)

    def _check_directory(self) -> None:
        """The list of entries is read in one piece, and each takes 46 bytes and its name."""
        self._packed.seek(max(0, self._packed_size - _END.size - 0xFFFF))
        tail = self._packed.read()
        at = tail.rfind(b"PK\5\6")
        if 0 <= at <= len(tail) - _END.size:
            listed = _END.unpack_from(tail, at)[5]
            # With zip64, where this is all ones, the list cannot be longer than the file either.
            length = self._packed_size if listed == 0xFFFFFFFF else listed
            zip64 = tail.rfind(b"PK\6\6", 0, at)
            if zip64 >= 0 and len(tail) >= zip64 + 48:
                length = struct.unpack_from("<Q", tail, zip64 + 40)[0]
            if min(length, self._packed_size) > self.counted.limits.files * _MOST_OF_DIRECTORY:
                raise CannotGoOn(f"It lists more than {self.counted.limits.files:,} files, the most allowed.")

    def _check_overlap(self, entries: list[zipfile.ZipInfo]) -> None:
        """No byte of the archive may belong to two entries: so a small one would hold very much."""
        end = 0
        for entry in sorted(entries, key=lambda entry: entry.header_offset):
            if entry.header_offset < end:
                raise CannotGoOn("Files in the archive share their bytes, as in a zip bomb. Pack it again.")
            end = entry.header_offset + _LOCAL_HEADER + entry.compress_size

    def _unzip_one(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
        name = entry.filename.replace("\\", "/") if entry.create_system == 0 else entry.filename
        form = stat.S_IFMT(entry.external_attr >> 16)
        if form not in (0, stat.S_IFREG, stat.S_IFDIR):
            self._refuse(name, "a link" if form == stat.S_IFLNK else "neither a file nor a folder")
        if "\0" in entry.orig_filename:
            self._refuse(name, "a name with a zero byte in it")
        if name.endswith("/"):
            self._folder(name)
            return
        if entry.flag_bits & 1:
            raise CannotGoOn("The archive is encrypted. Pack it again without a password.")
        if entry.compress_type not in _METHODS:
            raise CannotGoOn(
                f"{name!r} is packed in a way that is not read here (method {entry.compress_type}). "
                "Pack it again with plain zip compression (deflate)."
            )
        with archive.open(entry) as source:
            self._write(name, source, entry.file_size)

    # Tar: ustar, pax and GNU

    def _untar(self, kind: str) -> None:
        with closing(decompressed(self._packed, kind)) as plain:
            stream = _Forward(plain, self._more)
            with self._opened(stream) as archive:
                for member in archive:
                    self._untar_one(archive, member)
            if stream.last != bytes(tarfile.BLOCKSIZE):
                raise EOFError("it breaks off")

    @staticmethod
    def _opened(stream: _Forward) -> tarfile.TarFile:
        try:
            return tarfile.open(fileobj=cast(IO[bytes], stream), mode="r:")
        except tarfile.ReadError as error:
            raise CannotGoOn(
                "This is no archive that can be unpacked: zip and tar, also compressed, can be. Add a single "
                "file as it is."
            ) from error

    def _untar_one(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        name = member.name
        if member.isdir():
            self._folder(name)
            return
        if member.issym() or member.islnk():
            self._refuse(name, "a link")
        if not member.isreg() or member.issparse():
            self._refuse(name, "neither a plain file nor a folder")
        source = archive.extractfile(member)
        assert source is not None
        self._write(name, source, member.size)

    # Both

    def _folder(self, name: str) -> None:
        self.counted.one_more(is_file=False)
        self._names.folder(name)

    def _write(self, name: str, source: IO[bytes], promised: int) -> None:
        path = self._names.file(name)
        if left_out(path):
            self.left_out += 1
            self.counted.one_more(is_file=False)
            return
        self.counted.one_more()
        self.counted.named(path)
        target = self._out / path
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        written = 0
        with os.fdopen(os.open(target, flags, 0o600), "wb") as file:
            while piece := source.read(PIECE):
                written += len(piece)
                self.counted.more(path, written, len(piece))
                if isinstance(source, zipfile.ZipExtFile):
                    self._more(len(piece))
                file.write(piece)
                self._tell()
        if written != promised:
            raise EOFError(f"{path!r} has {written:,} bytes, and {promised:,} were promised")

    def _more(self, count: int) -> None:
        """So much more came out of the archive, headers and padding included."""
        self._came += count
        if self._came > GRACE + self._packed_size * self.counted.limits.ratio:
            raise CannotGoOn(
                f"The archive has {size(self._packed_size)} and unpacks to more than {size(self._came)}, as a bomb "
                "does. If that is right, unpack it yourself and add the folder."
            )

    def _tell(self) -> None:
        words = f"Unpacked {self.counted.files:,} files, {size(self.counted.total)}"
        self._meter.tell(lambda: words, self._packed.tell() / max(1, self._packed_size))

    @staticmethod
    def _refuse(name: str, what: str) -> None:
        raise CannotGoOn(
            f"{name[:200]!r} in the archive is {what}, which cannot be taken. Leave it out, or put what it stands "
            "for in its place."
        )


class _Forward:
    """A stream that tarfile reads from beginning to end: it may skip, and never go back or read much at once."""

    def __init__(self, plain: IO[bytes], came: Callable[[int], None]) -> None:
        self._plain = plain
        self._came = came
        self._at = 0
        self.last = b""
        """What the last reading brought: of a whole archive, the zeros at its end."""

    def tell(self) -> int:
        return self._at

    def seek(self, at: int) -> int:
        if at < self._at:
            raise EOFError("a header leads back")
        while self._at < at:
            if not self.read(min(PIECE, at - self._at)):
                raise EOFError("it breaks off")
        return at

    def read(self, count: int) -> bytes:
        if count > LONGEST_HEADER:
            raise CannotGoOn("A header in the archive is too long to be one.")
        # Of a stream that is decompressed, a reading may bring less than there is.
        pieces = []
        while count > 0 and (piece := self._plain.read(count)):
            pieces.append(piece)
            count -= len(piece)
        self.last = b"".join(pieces)
        self._at += len(self.last)
        self._came(len(self.last))
        return self.last
