"""The seam between the platform and whatever keeps its objects.

An object is a sequence of bytes, found by its BLAKE3 digest (https://github.com/BLAKE3-team/BLAKE3-specs)
written as 64 lowercase hexadecimal digits. Objects never change. `himalia.testing.storage` is the suite that
every implementation passes.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from blake3 import blake3

from himalia.storage.digests import check_digest
from himalia.storage.errors import CheckoutPlaceError, DigestMismatchError
from himalia.storage.trees import Tree

Content = bytes | BinaryIO

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Stored:
    """One object: its digest and its size in bytes."""

    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Collected:
    """What a collection removed: objects, their bytes, and what dead writers had left."""

    objects: int
    size: int
    leftovers: int


class ObjectWriter(ABC):
    """Takes the bytes of one object piece by piece; nothing is visible before `commit`.

    Leaving the `with` block without a commit drops what was written.
    """

    def __init__(self) -> None:
        self._hasher = blake3()
        self.size = 0
        """Bytes written so far."""

    def write(self, data: bytes | memoryview) -> None:
        """Append `data`. Raises StoreFullError where there is no room."""
        self.do_write(data)
        self._hasher.update(data)
        self.size += len(data)

    @property
    def digest(self) -> str:
        """The digest of what was written so far."""
        return self._hasher.hexdigest()

    def commit(self, expected: str | None = None) -> Stored:
        """Make the object durable and visible.

        With `expected`, bytes of any other digest are dropped and DigestMismatchError is raised.
        """
        digest = self.digest
        if expected is not None and check_digest(expected) != digest:
            self.do_abort()
            raise DigestMismatchError(expected, digest)
        stored = Stored(digest, self.size)
        self.do_commit(stored)
        return stored

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.do_abort()

    @abstractmethod
    def do_write(self, data: bytes | memoryview) -> None:
        """Keep `data` after what came before."""

    @abstractmethod
    def do_commit(self, stored: Stored) -> None:
        """Publish what was written, durably."""

    @abstractmethod
    def do_abort(self) -> None:
        """Drop what was written; nothing happens after a commit or an earlier abort."""


class ObjectStore(ABC):
    """Keeps objects. Every call may be repeated; all may be made from several threads and processes at once."""

    def put(self, content: Content, *, expected: str | None = None) -> Stored:
        """Store `content`, durably, and answer its digest and size.

        Raises StoreFullError, and DigestMismatchError where `expected` names another digest.
        """
        with self.writer() as writer:
            copy_content(content, writer)
            return writer.commit(expected)

    def put_many(self, contents: Iterable[Content]) -> list[Stored]:
        """Store all of `contents`, in order; faster than one `put` after another.

        The iterable is consumed lazily. Where it fails half-way, what was stored before may stay.
        """
        return [self.put(content) for content in contents]

    def adopt(self, path: Path, digest: str | None = None) -> Stored:
        """Store the file at `path`, which nobody writes any more; without a copy where that can be had.

        `digest` is that of its bytes, where the caller has seen them all. The file stays, and may be the object by
        another name: it is there to be removed, once nobody can need it again. Raises StoreFullError.
        """
        with path.open("rb") as content:
            return self.put(content, expected=digest)

    def get(self, digest: str) -> bytes:
        """The whole object. Raises ObjectMissingError."""
        with self.open(digest) as reader:
            return reader.read()

    def open(self, digest: str) -> BinaryIO:
        """A binary reader of the object. Raises ObjectMissingError."""
        return self.do_open(check_digest(digest))

    def size(self, digest: str) -> int:
        """The object's size in bytes. Raises ObjectMissingError."""
        return self.do_size(check_digest(digest))

    def has(self, digests: Iterable[str]) -> set[str]:
        """Which of `digests` are stored.

        This counts as use: what is reported present is as young as if it had just been stored, so that a
        collection cannot take it from someone who was told not to send it.
        """
        return self.do_has({check_digest(digest) for digest in digests})

    def checkout(self, tree: str, checkouts: Path) -> Path:
        """Lay out the stored tree of digest `tree` as files in `checkouts/<tree>`, and answer that folder.

        The files may share their bytes with the store, so they are read-only, and `checkouts` must be a
        folder of that name which users see through a read-only mount only (CheckoutPlaceError otherwise).
        The folder appears complete or not at all; a second call finds it there, and renews its age (mtime).
        """
        check_digest(tree)
        if checkouts.name != "checkouts":
            raise CheckoutPlaceError(checkouts)
        target = checkouts / tree
        try:
            os.utime(target)
        except FileNotFoundError:
            self.do_checkout(Tree.parse(self.get(tree)), target)
        return target

    def collect(self, live: Set[str], older_than: timedelta) -> Collected:
        """Remove objects that are not in `live` and were neither stored nor asked for within `older_than`.

        Also removes what writers that died left behind. `himalia.storage.trees.reachable` makes the live set.
        """
        if older_than < timedelta(0):
            raise ValueError("older_than is an age: it cannot be negative.")
        return self.do_collect(live, older_than)

    def check(self) -> None:  # noqa: B027
        """Raise StoreUnavailableError where the store cannot be used now."""

    def close(self) -> None:  # noqa: B027
        """Let go of what this process holds; nothing may be in writing."""

    @abstractmethod
    def writer(self) -> ObjectWriter:
        """A writer of one new object, for bytes that arrive in pieces."""

    @abstractmethod
    def do_open(self, digest: str) -> BinaryIO:
        """Open a checked digest."""

    @abstractmethod
    def do_size(self, digest: str) -> int:
        """Size of a checked digest."""

    @abstractmethod
    def do_has(self, digests: set[str]) -> set[str]:
        """Which are present; renews their age."""

    @abstractmethod
    def do_checkout(self, tree: Tree, target: Path) -> None:
        """Make `target`, atomically; someone else may make the same one at the same time."""

    @abstractmethod
    def do_collect(self, live: Set[str], older_than: timedelta) -> Collected:
        """Remove what is dead."""


def copy_content(content: Content, writer: ObjectWriter) -> None:
    """Write all of `content`, bytes or an open binary file, from where it stands."""
    if isinstance(content, bytes):
        writer.write(content)
        return
    while piece := content.read(CHUNK_BYTES):
        writer.write(piece)
