"""The files of a folder as a dataset gets them: all regular files, with their digests once they are needed."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from blake3 import blake3

from himalia.client.digest_cache import DigestCache, Fingerprint
from himalia.client.errors import HimaliaError, Invalid

LEFT_OUT = {".git", ".ipynb_checkpoints", "__pycache__", ".DS_Store"}
MAPPED_BYTES = 4 << 20
"""Files from this size on are hashed by several threads."""


class FileChanged(HimaliaError):
    """A file was written to while it was read."""

    code = "file_changed"

    def __init__(self, path: str) -> None:
        super().__init__(f"“{path}” changes while it is read. Wait until it is written, and try again.")


class LocalFile(NamedTuple):
    """A file to be added: its path in the dataset, where it is, and what it looked like when it was found."""

    path: str
    source: str
    fingerprint: Fingerprint
    executable: bool

    @property
    def size(self) -> int:
        """Bytes."""
        return self.fingerprint.size


@dataclass(frozen=True)
class Collected:
    """What `collect` found; `left_out` names what is neither a file nor a folder, links above all."""

    root: str
    files: list[LocalFile]
    left_out: list[str]

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.fingerprint.size for file in self.files)


def collect(source: str | os.PathLike[str]) -> Collected:
    """The files of a folder, or one file. Links are not followed. Raises Invalid."""
    place = Path(source).resolve()
    root = str(place)
    if place.is_file():
        return Collected(root, [_local(Path(source).name, root, place.stat())], [])
    if not place.is_dir():
        raise Invalid(f"There is no folder and no file {os.fspath(source)}.")
    found = Collected(root, [], [])
    folders = [("", root)]
    while folders:
        prefix, folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                _take(entries, prefix, found, folders)
        except PermissionError as error:
            raise Invalid(f"The folder {folder} cannot be read.") from error
    if not found.files:
        raise Invalid(f"There are no files in {os.fspath(source)}.")
    found.files.sort(key=itemgetter(0))
    return found


def _take(
    entries: Iterable[os.DirEntry[str]], prefix: str, found: Collected, folders: list[tuple[str, str]]
) -> None:
    for entry in entries:
        name = entry.name
        if name in LEFT_OUT:
            continue
        if entry.is_dir(follow_symlinks=False):
            folders.append((f"{prefix}{name}/", entry.path))
            continue
        status = entry.stat(follow_symlinks=False)
        if stat.S_ISREG(status.st_mode):
            found.files.append(_local(prefix + name, entry.path, status))
        else:
            found.left_out.append(prefix + name)


def _local(path: str, source: str, status: os.stat_result) -> LocalFile:
    if not path.isascii():
        try:
            path.encode()
        except UnicodeEncodeError:
            raise Invalid(f"The name {path!a} is not valid UTF-8. Rename the file.") from None
        path = unicodedata.normalize("NFC", path)
    return LocalFile(path, source, Fingerprint.of(status), bool(status.st_mode & stat.S_IXUSR))


def opened(file: LocalFile) -> int:
    """A descriptor of a file, which must not have become a link or a pipe. Raises FileChanged, Invalid."""
    try:
        return os.open(file.source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _unreadable(file, error) from error


def read(file: LocalFile) -> bytes:
    """The bytes of a small file. Raises FileChanged where they are not those that were found."""
    descriptor = opened(file)
    try:
        content = os.read(descriptor, file.size + 1)
        while len(content) < file.size and (more := os.read(descriptor, file.size - len(content))):
            content += more
        check(file, os.fstat(descriptor))
        return content
    finally:
        os.close(descriptor)


def check(file: LocalFile, status: os.stat_result) -> None:
    """Raise FileChanged unless a file still looks as it did when it was found."""
    if Fingerprint.of(status) != file.fingerprint:
        raise FileChanged(file.path)


def _unreadable(file: LocalFile, error: OSError) -> HimaliaError:
    if isinstance(error, PermissionError):
        return Invalid(f"“{file.path}” cannot be read. Change its permissions, or leave it out.")
    return FileChanged(file.path)


def digest_of(file: LocalFile) -> str:
    """The BLAKE3 digest of a file's bytes. Raises FileChanged."""
    if file.size < MAPPED_BYTES:
        return blake3(read(file)).hexdigest()
    try:
        hasher = blake3(max_threads=blake3.AUTO)
        hasher.update_mmap(file.source)
        check(file, Path(file.source).stat())
    except OSError as error:
        raise _unreadable(file, error) from error
    return hasher.hexdigest()


def digests_of(files: Iterable[LocalFile], cache: DigestCache) -> dict[str, str]:
    """Digests by path; what has not changed since the cache saw it is not read."""
    found = {}
    for file in files:
        digest = cache.find(file.source, file.fingerprint)
        if digest is None:
            digest = digest_of(file)
            cache.remember(file.source, file.fingerprint, digest)
        found[file.path] = digest
    return found


def tree_digest(files: Iterable[LocalFile], digests: dict[str, str]) -> str:
    """What the service calls the digest of a version with these files: of its manifest, in canonical JSON."""
    quoted, said = json.JSONEncoder(ensure_ascii=False).encode, {True: "true", False: "false"}
    listed = ",".join(
        f'{{"digest":"{digests[path]}","executable":{said[executable]},"path":{quoted(path)},"size":{seen[0]}}}'
        for path, _, seen, executable in files
    )
    return blake3(f'{{"files":[{listed}]}}'.encode()).hexdigest()


def cache_of(root: str) -> DigestCache:
    """The digests of a folder as they were remembered, in the user's cache folder (XDG base directories)."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    name = hashlib.sha256(root.encode("utf-8", "surrogateescape")).hexdigest()[:24]
    return DigestCache(Path(base) / "himalia" / "datasets" / f"{name}.json")
