"""Objects as those of a bucket.

    <prefix>objects/ab/cdef…   an object, under its digest
    <prefix>uses/…             when objects were last asked for: `uses.py`

What is written under a name has been hashed before, or is hashed while its parts are sent and appears only when
they are put together. An object is as old as its last writing or its last use. Nothing is ever renamed or copied
in the bucket, so any server will do that can put, get, head, list, delete and take uploads in parts.

On this machine a directory store keeps what is laid out, so that check-outs share their files and nothing is
fetched twice, and what is being written. It may be removed whenever the service does not run.
"""

from __future__ import annotations

import io
import secrets
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar, cast

from blake3 import blake3

from himalia.core import clock
from himalia.storage.base import Collected, Content, ObjectStore, ObjectWriter, Stored, copy_content
from himalia.storage.digests import check_digest, digest_of, is_digest
from himalia.storage.directory import DirectoryStore, room
from himalia.storage.errors import DigestMismatchError, ObjectDamagedError, ObjectMissingError
from himalia.storage.s3.bucket import Bucket, NoSuchKeyError
from himalia.storage.s3.guard import Guard
from himalia.storage.s3.place import S3Place
from himalia.storage.s3.reader import RangeReader
from himalia.storage.s3.transfer import AHEAD, PART_BYTES, ahead, receive, send
from himalia.storage.s3.uses import Uses
from himalia.storage.trees import Tree

PARALLEL = 16
"""Requests at once, on behalf of everybody."""
SMALL_BYTES = 1 << 20
"""Of objects so small, twice as many are in memory at once."""
FEW = 32
"""So many digests are asked for one by one; more are looked for in listings where those are shorter."""
DENSE = 1 / 50
"""The share of listed objects that must be wanted: a listing of 1,000 costs as much as 50 questions or less."""
KEPT = timedelta(days=1)
"""No transfer takes longer: an upload that is older and not complete was left by somebody who died, and what came
to this machine so long ago, and is in no check-out, is not needed here."""

_FOLDER = "objects/"
_A = TypeVar("_A")
_B = TypeVar("_B")


class S3Store(ObjectStore):
    """An object store in `place`. `folder`, on this machine, is made when it is not there (0700).

    Beside the errors of every store, all calls raise StoreUnavailableError. Raises ValueError for settings that
    cannot be used.
    """

    def __init__(self, place: S3Place, folder: Path, credentials: Path | None = None) -> None:
        self._bucket = Bucket(place.connect(credentials, PARALLEL * 2), place)
        self._near = DirectoryStore(folder)
        self._pool = ThreadPoolExecutor(PARALLEL, "s3")
        self._guard = Guard()
        self._uses = Uses(self._bucket, self._each)

    def check(self) -> None:
        self._bucket.page(_FOLDER)

    def close(self) -> None:
        self._pool.shutdown()
        self._bucket.close()
        self._near.close()

    def put(self, content: Content, *, expected: str | None = None) -> Stored:
        if not isinstance(content, bytes) or len(content) > PART_BYTES:
            return super().put(content, expected=expected)
        digest = digest_of(content)
        if expected is not None and check_digest(expected) != digest:
            raise DigestMismatchError(expected, digest)
        return self.send(content, digest)

    def put_many(self, contents: Iterable[Content]) -> list[Stored]:
        return list(self._each(lambda store: store(), map(self._to_store, contents)))

    def _to_store(self, content: Content) -> Callable[[], Stored]:
        """What is left to do; of streams nothing, or little is at hand, since they come one after the other."""
        if isinstance(content, bytes):
            return partial(self.put, content)
        start = content.read(SMALL_BYTES)
        if len(start) < SMALL_BYTES:
            return partial(self.put, start)
        with self.writer() as writer:
            writer.write(start)
            copy_content(content, writer)
            stored = writer.commit()
        return lambda: stored

    def adopt(self, path: Path, digest: str | None = None) -> Stored:
        size = path.stat().st_size
        if size <= PART_BYTES:
            return self.put(path.read_bytes(), expected=digest)
        if digest is None:
            digest = blake3(max_threads=blake3.AUTO).update_mmap(path).hexdigest()
        self.send_file(path, digest)
        return Stored(digest, size)

    def send(self, content: bytes, digest: str) -> Stored:
        """Store what has this digest. It is written again where it is there: that is one request, and renews it."""
        with self._guard.using([digest]):
            self._bucket.put(_key(digest), content)
        return Stored(digest, len(content))

    def send_file(self, path: Path, digest: str) -> None:
        """Store the bytes of a large file, unless they are there. Raises DigestMismatchError."""
        with self._guard.using([digest]):
            if self._is_there(digest):
                self._uses.record([digest])
            else:
                send(self._bucket, self._pool, _key(digest), path, digest)

    def writer(self) -> ObjectWriter:
        return _Writer(self)

    def scratch(self) -> Path:
        """A new name on this machine, for a file that is being written."""
        return self._near.scratch() / secrets.token_hex(8)

    def do_open(self, digest: str) -> BinaryIO:
        return cast(BinaryIO, io.BufferedReader(RangeReader(partial(self._fetch, digest)), 1 << 16))

    def _fetch(self, digest: str, start: int, length: int) -> tuple[bytes, int]:
        try:
            return self._bucket.get(_key(digest), start, length)
        except NoSuchKeyError:
            raise ObjectMissingError(digest) from None

    def do_size(self, digest: str) -> int:
        try:
            return self._bucket.size(_key(digest))
        except NoSuchKeyError:
            raise ObjectMissingError(digest) from None

    def do_has(self, digests: set[str]) -> set[str]:
        with self._guard.using(digests):
            there = self._there(sorted(digests))
            self._uses.record(there)
        return there

    def _there(self, wanted: list[str]) -> set[str]:
        """Which of `wanted`, in order, are in the bucket. Never more requests than digests, and mostly far fewer."""
        found: set[str] = set()
        while len(wanted) > FEW:
            # The key before the first one, since a listing begins behind the key that it is told.
            page, more = self._bucket.page(_FOLDER, _key(wanted[0])[:-1])
            listed = [_digest(one.key) for one in page]
            passed = bisect_right(wanted, listed[-1]) if more else len(wanted)
            found |= set(wanted[:passed]).intersection(listed)
            wanted = wanted[passed:]
            if passed < len(listed) * DENSE:
                break
        checked = zip(wanted, self._each(self._is_there, wanted), strict=True)
        return found | {digest for digest, there in checked if there}

    def _is_there(self, digest: str) -> bool:
        try:
            self._bucket.size(_key(digest))
        except NoSuchKeyError:
            return False
        return True

    def do_checkout(self, tree: Tree, target: Path) -> None:
        sizes = {file.digest: file.size for file in tree.files}
        missing = sizes.keys() - self._near.has(sizes)
        small = {digest for digest in missing if sizes[digest] <= SMALL_BYTES}
        large = {digest for digest in missing if sizes[digest] > PART_BYTES}
        self._near.put_many(self._each(self._received, small))
        self._near.put_many(self._each(self._received, missing - small - large, AHEAD))
        for digest in large:
            self._bring(digest)
        self._near.do_checkout(tree, target)

    def _received(self, digest: str) -> bytes:
        content = self.get(digest)
        if digest_of(content) != digest:
            raise ObjectDamagedError(digest)
        return content

    def _bring(self, digest: str) -> None:
        """Fetch a large object to this machine."""
        path = self.scratch()
        try:
            receive(self._bucket, self._pool, _key(digest), path)
            if self._near.adopt(path).digest != digest:
                raise ObjectDamagedError(digest)
        except NoSuchKeyError:
            raise ObjectMissingError(digest) from None
        finally:
            path.unlink(missing_ok=True)

    def do_collect(self, live: Set[str], older_than: timedelta) -> Collected:
        now = clock.now()
        oldest = now - older_than
        objects = size = 0
        with self._guard.collecting():
            used = self._uses.since(oldest)
            for page in self._bucket.pages(_FOLDER):
                old = {_digest(one.key): one.size for one in page if one.modified <= oldest}
                dead = [d for d in old if is_digest(d) and d not in live and d not in used]
                with self._guard.removing(dead) as dying:
                    self._bucket.delete(map(_key, dying))
                objects += len(dying)
                size += sum(old[digest] for digest in dying)
        left = self._bucket.abort_older(min(oldest, now - KEPT))
        near = self._near.collect(self._laid_out(), max(older_than, KEPT))
        return Collected(objects, size, left + near.leftovers)

    def _laid_out(self) -> set[str]:
        """What is on this machine and in some check-out, which then is a link to it."""
        files = self._near.root.glob("[0-9a-f][0-9a-f]/*")
        return {path.parent.name + path.name for path in files if path.stat().st_nlink > 1}

    def _each(
        self, work: Callable[[_A], _B], items: Iterable[_A], at_once: int = 2 * PARALLEL
    ) -> Iterator[_B]:
        return ahead(self._pool, work, items, at_once)


class _Writer(ObjectWriter):
    """Keeps a small object in memory and a large one in a file of this machine: its digest is known at its end."""

    def __init__(self, store: S3Store) -> None:
        super().__init__()
        self._store = store
        self._start = bytearray()
        self._path: Path | None = None
        self._open = ExitStack()

    def do_write(self, data: bytes | memoryview) -> None:
        if self._path is None and len(self._start) + len(data) <= PART_BYTES:
            self._start += data
            return
        with room():
            if self._path is None:
                self._path = self._store.scratch()
                self._file = self._open.enter_context(self._path.open("xb", buffering=0))
                self._write(self._start)
                self._start = bytearray()
            self._write(data)

    def _write(self, data: bytes | bytearray | memoryview) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]

    def do_commit(self, stored: Stored) -> None:
        self._open.close()
        if self._path is None:
            self._store.send(bytes(self._start), stored.digest)
        else:
            self._store.send_file(self._path, stored.digest)
        self.do_abort()

    def do_abort(self) -> None:
        self._open.close()
        self._start = bytearray()
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def _key(digest: str) -> str:
    """The fan-out serves servers that keep files in folders."""
    return f"{_FOLDER}{digest[:2]}/{digest[2:]}"


def _digest(key: str) -> str:
    return key.removeprefix(_FOLDER).replace("/", "", 1)
