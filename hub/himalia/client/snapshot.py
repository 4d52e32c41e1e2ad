"""The code snapshot of a job: the files beside a notebook, as they are at one moment.

Everything below the folder belongs to it, except

- what `.himaliaignore` in the folder names, in the syntax of .gitignore (https://git-scm.com/docs/gitignore),
  after `DEFAULT_IGNORE`, which its `!` lines can take back;
- virtual environments, under whatever name;
- sockets, pipes and devices;
- symbolic links, unless they name a file that is in the folder itself: then it is stored as a file.

`.env` files are refused rather than left out, because what needs them would fail without a word.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import Any, BinaryIO, cast

from blake3 import blake3

from himalia.client.digest_cache import DigestCache, Fingerprint
from himalia.client.snapshot_walk import (
    IGNORE_FILE,
    BadNameError,
    FileChangedError,
    Found,
    LeftOut,
    SecretsInSnapshotError,
    SnapshotError,
    SnapshotTooLargeError,
    Walk,
    read_rules,
)

__all__ = [
    "BadNameError",
    "DigestCache",
    "FileChangedError",
    "LeftOut",
    "SecretsInSnapshotError",
    "Snapshot",
    "SnapshotError",
    "SnapshotFile",
    "SnapshotTooLargeError",
    "build",
]

LIMIT_BYTES = 100 << 20
LIMIT_FILES = 50_000
CHUNK_BYTES = 1 << 20
ATTEMPTS = 3


@dataclass(frozen=True)
class SnapshotFile:
    """One file of the snapshot; `size` in bytes, `digest` BLAKE3 in 64 lowercase hexadecimal digits."""

    path: str
    size: int
    digest: str
    executable: bool
    source: Path = field(repr=False)
    fingerprint: Fingerprint = field(repr=False)


@dataclass(frozen=True)
class Snapshot:
    """Files in the order of their paths. They stay where they are: `open` reads them again."""

    folder: Path
    files: tuple[SnapshotFile, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)

    def manifest(self) -> dict[str, Any]:
        """What is sent to the service: `{"files": [{"path", "size", "digest", "executable"}, …]}`."""
        return {
            "files": [
                {"path": f.path, "size": f.size, "digest": f.digest, "executable": f.executable}
                for f in self.files
            ]
        }

    def open(self, digest: str) -> BinaryIO:
        """The bytes of the file with this digest, to be read once from start to end.

        Raises KeyError for a digest that is not in the snapshot, and FileChangedError, at the latest before the
        last byte is handed out, where the bytes are no longer those.
        """
        return cast(BinaryIO, BufferedReader(_CheckedReader(self._by_digest[digest]), CHUNK_BYTES))

    @cached_property
    def _by_digest(self) -> dict[str, SnapshotFile]:
        return {file.digest: file for file in self.files}


def build(
    folder: str | os.PathLike[str],
    *,
    limit_bytes: int = LIMIT_BYTES,
    limit_files: int = LIMIT_FILES,
    include: Iterable[str] | None = None,
    cache: DigestCache | None = None,
) -> Snapshot:
    """The snapshot of `folder`.

    `include` holds paths, relative to the folder and with slashes, of files and folders that are taken even
    where an ignore rule names them: the notebook itself, for instance. With a `cache`, files that have not
    changed since an earlier call are not read.

    Raises SnapshotError, in one of its kinds, when there is no snapshot that could be trusted to run.
    """
    root = os.path.realpath(folder)
    walk = Walk(root, read_rules(root), frozenset(include or ()), limit_bytes, limit_files)
    walk.run()
    files = [file for found in walk.found if (file := _digest(found, cache)) is not None]
    if cache is not None:
        cache.retain(root, [str(file.source) for file in files])
    walk.check_size([(file.path, file.size) for file in files])
    return Snapshot(Path(root), tuple(sorted(files, key=lambda file: file.path)), tuple(walk.left_out))


def _digest(found: Found, cache: DigestCache | None) -> SnapshotFile | None:
    """The file with its digest; None when it is gone by now."""
    fingerprint = Fingerprint.of(found.status)
    digest = cache.find(found.source, fingerprint) if cache is not None else None
    if digest is None:
        try:
            digest, fingerprint = _read_steadily(found)
        except FileNotFoundError:
            return None
        if cache is not None:
            cache.remember(found.source, fingerprint, digest)
    executable = bool(found.status.st_mode & stat.S_IXUSR)
    return SnapshotFile(found.path, fingerprint.size, digest, executable, Path(found.source), fingerprint)


def _read_steadily(found: Found) -> tuple[str, Fingerprint]:
    """Digest and fingerprint of a file that did not change meanwhile. Raises FileChangedError."""
    for _ in range(ATTEMPTS):
        with _open(found.path, found.source) as reader:
            before = Fingerprint.of(os.fstat(reader.fileno()))
            hasher, left = blake3(), before.size
            # Not beyond the size seen: a file that grows for ever has an end here too.
            while left > 0 and (piece := reader.read(min(left, CHUNK_BYTES))):
                hasher.update(piece)
                left -= len(piece)
            if Fingerprint.of(os.fstat(reader.fileno())) == before:
                return hasher.hexdigest(), before
    raise FileChangedError(found.path)


def _open(path: str, source: str | Path) -> BinaryIO:
    """The regular file at `source`, which must not have become a link or a pipe since it was found."""
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError:
        raise SnapshotError(
            f"“{path}” cannot be read. Change its permissions, or name it in {IGNORE_FILE}."
        ) from None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise FileChangedError(path) from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileChangedError(path)
    return cast(BinaryIO, os.fdopen(descriptor, "rb", buffering=0))


class _CheckedReader(RawIOBase):
    """Reads a file of a snapshot and stops before handing out bytes that are not the snapshot's."""

    def __init__(self, file: SnapshotFile) -> None:
        super().__init__()
        self._file = file
        self._left = file.size
        self._hasher = blake3()
        try:
            self._reader = _open(file.path, file.source)
        except FileNotFoundError:
            raise FileChangedError(file.path) from None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._reader.read(min(len(buffer), self._left))
        self._hasher.update(data)
        self._left -= len(data)
        if (not data or not self._left) and self._hasher.hexdigest() != self._file.digest:
            raise FileChangedError(self._file.path)
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._reader.close()
        super().close()
