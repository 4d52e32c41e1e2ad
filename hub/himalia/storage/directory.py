"""Objects as files of one directory.

    <root>/ab/cdef…   an object, mode 0444; the fan-out folder is its digest's first two digits
    <root>/tmp/…      one scratch folder per writing process, for what is not published yet
    <root>/lock       flock: shared to publish objects or count them as used, exclusive to remove them

An object is written under `tmp`, made durable, and then renamed to its place. A process killed at any moment
thus leaves whole objects only, and a scratch folder that the next collection removes.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import secrets
import threading
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count, islice
from pathlib import Path
from typing import BinaryIO

from blake3 import blake3

from himalia.core import clock
from himalia.storage.base import Collected, Content, ObjectStore, ObjectWriter, Stored, copy_content
from himalia.storage.digests import digest_of, is_digest
from himalia.storage.errors import ObjectMissingError, StoreFullError
from himalia.storage.links import place
from himalia.storage.scratch import Scratch, sweep
from himalia.storage.trees import Tree, TreeError

BATCH_OBJECTS = 4096
BATCH_BYTES = 256 << 20

SYNC_ONE_BY_ONE = 16
"""Each fsync of a new file is a commit of the file system's journal: 10,000 of them took 30 s, one syncfs 0.1 s."""

_LIBC = ctypes.CDLL(None, use_errno=True)
_WHOLE = ctypes.c_int64(0)  # from the first byte to the last
_WRITE = ctypes.c_uint(2)  # SYNC_FILE_RANGE_WRITE of linux/fs.h
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}


class DirectoryStore(ObjectStore):
    """An object store in the folder `root`, which is made when it is not there (0700)."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._root = str(root)
        self._tmp = root / "tmp"
        self._tmp.mkdir(mode=0o700, parents=True, exist_ok=True)
        root.chmod(0o700)
        self._scratch: Scratch | None = None
        self._scratch_lock = threading.Lock()
        self._numbers = count()

    def close(self) -> None:
        """Remove this process's scratch folder. Nothing may be in writing; the store can be used again."""
        with self._scratch_lock:
            if self._scratch is not None:
                self._scratch.discard()
                self._scratch = None

    def put(self, content: Content, *, expected: str | None = None) -> Stored:
        if isinstance(content, bytes) and expected is None:
            return self.put_many([content])[0]
        return super().put(content, expected=expected)

    def put_many(self, contents: Iterable[Content]) -> list[Stored]:
        stored: list[Stored] = []
        rest = iter(contents)
        while batch := self._put_batch(rest):
            stored += batch
        return stored

    def _put_batch(self, contents: Iterator[Content]) -> list[Stored]:
        stored: list[Stored] = []
        written: list[_Whole] = []
        known: set[str] = set()
        size = 0
        try:
            # Held for the whole batch, so that what is found here is still here when the batch ends.
            with self._locked(fcntl.LOCK_SH):
                for content in islice(contents, BATCH_OBJECTS):
                    if isinstance(content, bytes):
                        digest = digest_of(content)
                        stored.append(Stored(digest, len(content)))
                        if self._renew(self._place(digest)):
                            known.add(digest)
                            continue
                        written.append(self._written(content, digest))
                    else:
                        written.append(one := self._copied(content))
                        stored.append(Stored(one.digest, one.path.stat().st_size))
                    size += stored[-1].size
                    if size >= BATCH_BYTES:
                        break
            self.publish(written, known)
        except BaseException:
            for one in written:
                one.path.unlink(missing_ok=True)
            raise
        return stored

    def _copied(self, content: BinaryIO) -> _Whole:
        writer = _FileWriter(self)
        try:
            copy_content(content, writer)
            writer.close()
        except BaseException:
            writer.do_abort()
            raise
        return _Whole(writer.path, writer.digest)

    def _written(self, content: bytes, digest: str) -> _Whole:
        """A file of bytes that are at hand; with less ado than a writer has, since they come by the thousand."""
        path = self.scratch() / f"{digest}-{next(self._numbers)}"
        try:
            with room():
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400)
                try:
                    rest = memoryview(content)
                    while rest:
                        rest = rest[os.write(descriptor, rest) :]
                    os.fchmod(descriptor, 0o444)
                finally:
                    os.close(descriptor)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return _Whole(path, digest)

    def adopt(self, path: Path, digest: str | None = None) -> Stored:
        if not self._is_beside(path):
            return super().adopt(path, digest)
        if digest is None:
            with path.open("rb") as written:
                start_writing(written.fileno())  # goes on while the bytes are hashed
            digest = blake3(max_threads=blake3.AUTO).update_mmap(path).hexdigest()
        name = self.scratch() / secrets.token_hex(8)
        with room():
            os.link(path, name)
        try:
            name.chmod(0o444)
            self.publish([_Whole(name, digest)])
        except BaseException:
            name.unlink(missing_ok=True)
            raise
        return Stored(digest, path.stat().st_size)

    def writer(self) -> ObjectWriter:
        return _FileWriter(self)

    def do_open(self, digest: str) -> BinaryIO:
        try:
            return self.path(digest).open("rb")
        except FileNotFoundError:
            raise ObjectMissingError(digest) from None

    def do_size(self, digest: str) -> int:
        try:
            return self.path(digest).stat().st_size
        except FileNotFoundError:
            raise ObjectMissingError(digest) from None

    def do_has(self, digests: set[str]) -> set[str]:
        with self._locked(fcntl.LOCK_SH):
            return {digest for digest in digests if self._renew(self._place(digest))}

    def do_checkout(self, tree: Tree, target: Path) -> None:
        sweep(target.parent)
        scratch = Scratch(target.parent)
        try:
            copies = self._lay_out(tree, scratch.path)
            scratch.path.chmod(0o755)
            # Else they could be empty after a power cut, and what is laid out is believed.
            self._sync_all(copies)
            scratch.path.rename(target)
        except OSError as error:
            # Another process was quicker with the same tree: what is there is what was wanted.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        finally:
            scratch.discard()

    def do_collect(self, live: Set[str], older_than: timedelta) -> Collected:
        oldest = (clock.now() - older_than).timestamp()
        objects = size = 0
        for folder in self.root.glob("[0-9a-f][0-9a-f]"):
            # One folder at a time, so that writers wait for milliseconds only.
            with self._locked(fcntl.LOCK_EX):
                for entry in os.scandir(folder):
                    digest = folder.name + entry.name
                    status = entry.stat(follow_symlinks=False)
                    if is_digest(digest) and digest not in live and status.st_mtime <= oldest:
                        Path(entry.path).unlink()
                        objects += 1
                        size += status.st_size
        return Collected(objects, size, sweep(self._tmp))

    def _is_beside(self, folder: Path) -> bool:
        """Whether links lead from a folder to objects: both are on one file system."""
        return folder.stat().st_dev == self.root.stat().st_dev

    def path(self, digest: str) -> Path:
        """Where the object of a checked digest is, or would be."""
        return Path(self._place(digest))

    def _place(self, digest: str) -> str:
        # A text, not a Path, for those who have ten thousand to go through.
        return f"{self._root}/{digest[:2]}/{digest[2:]}"

    def scratch(self) -> Path:
        """This process's folder for what is being written."""
        with self._scratch_lock:
            if self._scratch is None:
                self._scratch = Scratch(self._tmp)
            return self._scratch.path

    def publish(self, writers: Sequence[_FileWriter | _Whole], known: Set[str] = frozenset()) -> None:
        """Make closed writers' objects durable, then visible, then durably visible, and `known` ones too.

        Those were found here, but their first writer may not have come to the last step yet.
        """
        with room():
            self._sync_all([writer.path for writer in writers])
            with self._locked(fcntl.LOCK_SH):
                fresh = [self._publish_one(writer) for writer in writers]
            fan_out = {digest[:2] for digest in known} | {writer.digest[:2] for writer in writers}
            self._sync_all([*(self.root / name for name in fan_out), *([self.root] if any(fresh) else [])])

    def _sync_all(self, paths: Sequence[Path]) -> None:
        """Make files or folders durable. Many are quicker with all that the file system has to write."""
        if len(paths) > SYNC_ONE_BY_ONE:
            _sync_file_system(paths[0])
        else:
            for path in paths:
                _sync(path)

    def _publish_one(self, writer: _FileWriter | _Whole) -> bool:
        """Put an object in its place; whether its fan-out folder had to be made."""
        target = self._place(writer.digest)
        if self._renew(target):
            writer.path.unlink()
            return False
        try:
            os.rename(writer.path, target)  # noqa: PTH104
        except FileNotFoundError:
            Path(target).parent.mkdir(mode=0o700, exist_ok=True)
            writer.path.rename(target)
            return True
        return False

    def _renew(self, path: str) -> bool:
        """Whether the object is there; if so, it is as young as a new one. The lock must be held."""
        try:
            os.utime(path)
        except FileNotFoundError:
            return False
        return True

    def _lay_out(self, tree: Tree, root: Path) -> list[Path]:
        """Lay out a tree's files; answers those that are copies, not links."""
        copies = []
        # Texts, not Paths: there may be a million of them.
        made, top = {""}, str(root)
        for file in tree.files:
            source, target = self._place(file.digest), f"{top}/{file.path}"
            try:
                size = os.stat(source).st_size  # noqa: PTH116
            except FileNotFoundError:
                raise ObjectMissingError(file.digest) from None
            if size != file.size:
                raise TreeError(
                    f"{file.path!r} does not have the {file.size:,} bytes that the tree gives it."
                )
            folder = file.path.rpartition("/")[0]
            if folder not in made:
                _make_folders(top, folder, made)
            with room():
                if not place(source, target, executable=file.executable):
                    copies.append(Path(target))
        return copies

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        # A descriptor of its own each time: flock belongs to the open file, not to the thread.
        descriptor = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, how)
            yield
        finally:
            os.close(descriptor)


@dataclass(frozen=True, slots=True)
class _Whole:
    """A file that is written, on the store's file system, and the digest of its bytes."""

    path: Path
    digest: str


class _FileWriter(ObjectWriter):
    def __init__(self, store: DirectoryStore) -> None:
        super().__init__()
        self._store = store
        self.path = store.scratch() / secrets.token_hex(8)
        with room():
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400)

    def do_write(self, data: bytes | memoryview) -> None:
        rest = memoryview(data)
        with room():
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]

    def do_commit(self, stored: Stored) -> None:
        self.close()
        self._store.publish([self])

    def do_abort(self) -> None:
        self.close()
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """End writing; the object is not published yet."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            try:
                # Whatever the umask: people read objects through links in checkouts.
                os.fchmod(descriptor, 0o444)
            finally:
                os.close(descriptor)


@contextmanager
def room() -> Iterator[None]:
    """Turn the operating system's words for a full disk into StoreFullError."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise StoreFullError from error
        raise


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def start_writing(descriptor: int) -> None:
    """Have what was written to a file go to the disk from now on (sync_file_range(2)): fsync then waits for less."""
    _LIBC.sync_file_range(descriptor, _WHOLE, _WHOLE, _WRITE)  # a hint: where it fails, fsync does it all


def _sync_file_system(path: Path) -> None:
    """Make durable what was written to the file system that `path` is on (syncfs(2))."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _LIBC.syncfs(descriptor) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(path))
    finally:
        os.close(descriptor)


def _make_folders(top: str, folder: str, made: set[str]) -> None:
    """Make `folder` below `top`, and those above it that are not in `made` yet."""
    parent = folder.rpartition("/")[0]
    if parent not in made:
        _make_folders(top, parent, made)
    made_now = Path(top, folder)
    made_now.mkdir()
    made_now.chmod(0o755)  # whatever the umask
    made.add(folder)
