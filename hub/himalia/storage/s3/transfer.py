"""Large objects in parts, several at once: 5 GiB is the most that S3 takes in one piece."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from blake3 import blake3

from himalia.storage.directory import room
from himalia.storage.errors import DigestMismatchError, StorageError
from himalia.storage.s3.bucket import Bucket

log = logging.getLogger(__name__)

PART_BYTES = 8 << 20
"""The size of parts, and of the largest object that is sent in one piece. S3 takes no parts below 5 MiB."""
_MOST_PARTS = 9_000  # S3: 10,000
AHEAD = 4
"""Parts of one object that are on their way at once."""

_A = TypeVar("_A")
_B = TypeVar("_B")


def ahead(
    pool: Executor, work: Callable[[_A], _B], items: Iterable[_A], at_once: int = AHEAD
) -> Iterator[_B]:
    """`work` of each item, in order, done in `pool` while no more than `at_once` results wait for their reader."""
    waiting: deque[Future[_B]] = deque()
    try:
        for item in items:
            if len(waiting) >= at_once:
                yield waiting.popleft().result()
            waiting.append(pool.submit(work, item))
        while waiting:
            yield waiting.popleft().result()
    finally:
        for one in waiting:
            one.cancel()
        for one in waiting:
            if not one.cancelled():
                one.exception()  # it uses what the caller is about to take away


def send(bucket: Bucket, pool: Executor, key: str, path: Path, digest: str) -> None:
    """Store a file as `key`, which nobody sees before its bytes have turned out to be those of `digest`.

    Raises DigestMismatchError.
    """
    size = path.stat().st_size
    length = max(PART_BYTES, -(-size // _MOST_PARTS))
    hasher = blake3(max_threads=2)
    upload = bucket.begin(key)

    def pieces() -> Iterator[tuple[int, bytes]]:
        with path.open("rb", buffering=0) as source:
            number = 0
            while piece := source.read(length):
                hasher.update(piece)
                yield (number := number + 1), piece

    def part(numbered: tuple[int, bytes]) -> dict[str, Any]:
        return bucket.part(key, upload, *numbered)

    try:
        parts = list(ahead(pool, part, pieces()))
        if hasher.hexdigest() != digest:
            raise DigestMismatchError(digest, hasher.hexdigest())
        bucket.complete(key, upload, parts, size)
    except BaseException:
        with suppress(StorageError):  # a collection drops it later
            bucket.abort(key, upload)
        raise


def receive(bucket: Bucket, pool: Executor, key: str, path: Path) -> None:
    """Write the object `key` to the new file `path`."""
    size = bucket.size(key)
    with room():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def part(start: int) -> None:
        data, _ = bucket.get(key, start, PART_BYTES)
        with room():
            while data:
                written = os.pwrite(descriptor, data, start)
                start, data = start + written, data[written:]

    try:
        for _ in ahead(pool, part, range(0, size, PART_BYTES), 2 * AHEAD):
            pass
    finally:
        os.close(descriptor)
