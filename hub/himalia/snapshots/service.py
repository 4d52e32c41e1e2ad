"""The only code that changes which objects a project has."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Set
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import lru_cache

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import clock
from himalia.core.database import Database, Transaction
from himalia.core.disk import CHECK_BYTES, CheckDisk
from himalia.core.errors import DiskFull, Invalid, NotFound, TooLarge
from himalia.snapshots.bundle import read_bundle
from himalia.snapshots.schema import Snapshot, SnapshotCreate
from himalia.snapshots.tables import objects
from himalia.storage.base import Content, ObjectStore, Stored
from himalia.storage.errors import DigestMismatchError, ObjectMissingError, StoreFullError
from himalia.storage.trees import BadPathError, Tree, TreeError, validate_path

NO_SNAPSHOT = "This project has no such snapshot. Upload it first."
# As the client refuses them (client/snapshot_walk.py), which other programs may not use.
_ENV_FILE = re.compile(r"(.*/)?\.env(\.(?!(example|sample|template|dist)$)[^/]+)?")


class Snapshots:
    """Objects of projects, in one content-addressed store that all projects share."""

    def __init__(
        self,
        database: Database,
        store: ObjectStore,
        limit_bytes: int,
        check_disk: CheckDisk,
        grace: timedelta = timedelta(days=1),
    ) -> None:
        self.database = database
        self.store = store
        self.limit_bytes = limit_bytes
        self.check_disk = check_disk
        self.grace = grace
        self.tree = lru_cache(maxsize=512)(self._read_tree)

    async def create(self, project_id: str, body: SnapshotCreate) -> Snapshot:
        """Store a manifest whose files are there, or tell which are missing.

        Raises Invalid, TooLarge, and DiskFull below the floor of free disk.
        """
        self.check_disk()
        try:
            tree = await asyncio.to_thread(lambda: Tree.parse(body.model_dump()))
        except TreeError as error:
            raise Invalid.field("files", str(error)) from error
        if secret := next((file.path for file in tree.files if _ENV_FILE.fullmatch(file.path)), None):
            raise Invalid.field(
                "files",
                f"{secret} usually holds passwords or keys, and everyone in the project could read it. Store its "
                "values as secrets of the project, and leave the file out.",
            )
        if tree.size > self.limit_bytes:
            largest = sorted(tree.files, key=lambda file: -file.size)[:10]
            raise TooLarge(
                f"The code is {tree.size / 2**20:.0f} MiB and may be {self.limit_bytes / 2**20:.0f} MiB. "
                "Leave large files out with .himaliaignore.",
                largest=[{"path": file.path, "size": file.size} for file in largest],
            )
        sizes = {file.digest: file.size for file in tree.files}
        there = await self._announced(project_id, set(sizes))
        wrong = next((f for f in tree.files if there.get(f.digest, f.size) != f.size), None)
        if wrong is not None:
            raise Invalid.field("files", f"{wrong.path} is {there[wrong.digest]} bytes, not {wrong.size}.")
        missing = sorted(set(sizes) - set(there))
        if not missing:
            await self.put(project_id, tree.digest, tree.to_bytes())
        return Snapshot(digest=tree.digest, complete=not missing, missing=missing)

    async def _announced(self, project_id: str, digests: set[str]) -> dict[str, int]:
        """Sizes of those that the project has; they stay for `grace`, for nobody will send them now."""
        old = clock.now() - self.grace / 4
        there, aged = await self.database.read(
            lambda c: (
                _sizes(c, project_id, digests),
                _sizes(c, project_id, digests, objects.c.created_at < old),
            )
        )
        if not aged:
            return there

        def renew(tx: Transaction) -> dict[str, int]:
            for some in _chunks(set(aged)):
                tx.execute(
                    objects.update()
                    .where(objects.c.project_id == project_id, objects.c.digest.in_(some))
                    .values(created_at=clock.now())
                )
            return _sizes(tx.connection, project_id, digests)

        return await self.database.write(renew)

    async def put(self, project_id: str, digest: str | None, content: bytes) -> Stored:
        """Store bytes that are at hand."""

        async def one() -> AsyncIterator[bytes]:
            yield content

        return await self.receive(project_id, digest, one(), len(content))

    async def receive(
        self,
        project_id: str,
        digest: str | None,
        stream: AsyncIterator[bytes],
        limit_bytes: int,
        runs: bool = False,
    ) -> Stored:
        """Store bytes as they come, for this project; `runs` says that something which runs sends them.

        Raises Invalid for another digest, TooLarge, DiskFull.
        """
        try:
            with full_disk_said():
                stored = await self._receive(digest, stream, limit_bytes, runs)
        except DigestMismatchError as error:
            raise Invalid.field("digest", str(error)) from error
        await self.database.write(lambda tx: own(tx, project_id, stored))
        return stored

    async def _receive(
        self, digest: str | None, stream: AsyncIterator[bytes], limit_bytes: int, runs: bool
    ) -> Stored:
        with self.store.writer() as writer:
            unchecked = 0
            async for piece in stream:
                unchecked += len(piece)
                if unchecked > CHECK_BYTES:
                    self.check_disk(runs=runs)
                    unchecked = 0
                if writer.size + len(piece) > limit_bytes:
                    raise TooLarge(f"This is larger than the {limit_bytes} bytes that are allowed here.")
                if len(piece) > 65_536:
                    await asyncio.to_thread(writer.write, piece)
                else:
                    writer.write(piece)
            return await asyncio.to_thread(writer.commit, digest)

    def put_many(self, contents: Iterable[Content]) -> list[Stored]:
        """Store many objects, which no project has yet; quicker than one by one. Raises DiskFull."""
        with full_disk_said():
            return self.store.put_many(contents)

    async def receive_bundle(self, project_id: str, stream: AsyncIterator[bytes]) -> list[tuple[str, Stored]]:
        """Store a bundle's files, which something that runs has left, for this project: (path, object) of each.

        Raises Invalid, TooLarge, DiskFull.
        """
        files = await read_bundle(stream)
        size = sum(len(file.content) for file in files)
        if size > CHECK_BYTES:
            self.check_disk(size, runs=True)

        def work() -> list[Stored]:
            for file in files:
                try:
                    validate_path(file.path)
                except BadPathError as error:
                    raise Invalid.field("body", str(error)) from error
            return self.put_many(file.content for file in files)

        stored = await asyncio.to_thread(work)
        await self.database.write(lambda tx: own_many(tx, project_id, stored))
        return [(file.path, one) for file, one in zip(files, stored, strict=True)]

    def hold(self, tx: Transaction, project_id: str, digest: str) -> None:
        """Make sure, where a job is written, that its snapshot was not collected since `check`. Raises Invalid."""
        if digest not in _sizes(tx.connection, project_id, {digest}):
            raise Invalid.field("spec.snapshot", NO_SNAPSHOT)

    def check(self, connection: Connection, project_id: str, digest: str) -> Tree:
        """The tree of a complete snapshot of this project. Raises Invalid."""
        if digest not in _sizes(connection, project_id, {digest}):
            raise Invalid.field("spec.snapshot", NO_SNAPSHOT)
        try:
            tree = self.tree(digest)
        except (ObjectMissingError, TreeError) as error:
            raise Invalid.field("spec.snapshot", "This is not a snapshot. Upload it again.") from error
        # A manifest can be uploaded as a plain object too, and could name what other projects have.
        sizes = {file.digest: file.size for file in tree.files}
        if _sizes(connection, project_id, set(sizes)) != sizes:
            raise Invalid.field("spec.snapshot", "Files of this snapshot are missing. Upload it again.")
        return tree

    def _read_tree(self, digest: str) -> Tree:
        return Tree.parse(self.store.get(digest))


@contextmanager
def full_disk_said() -> Iterator[None]:
    """Raise the store's StoreFullError as DiskFull, in words for people."""
    try:
        yield
    except StoreFullError as error:
        raise DiskFull(
            "The disk of the platform is full. Ask an administrator to free some space."
        ) from error


def own(tx: Transaction, project_id: str, stored: Stored) -> None:
    """Record that a project has an object; a second time makes it young again."""
    again = tx.execute(
        objects.update()
        .where(objects.c.project_id == project_id, objects.c.digest == stored.digest)
        .values(created_at=clock.now())
    )
    if not again.rowcount:
        tx.execute(
            objects.insert().values(
                project_id=project_id, digest=stored.digest, size=stored.size, created_at=clock.now()
            )
        )


def own_many(tx: Transaction, project_id: str, stored: Iterable[Stored]) -> None:
    """Record that a project has these objects; those that it has already become young again."""
    sizes = {one.digest: one.size for one in stored}
    now = clock.now()
    there = _sizes(tx.connection, project_id, set(sizes))
    for some in _chunks(set(there)):
        mine = sa.and_(objects.c.project_id == project_id, objects.c.digest.in_(some))
        tx.execute(objects.update().where(mine).values(created_at=now))
    fresh = [
        {"project_id": project_id, "digest": digest, "size": size, "created_at": now}
        for digest, size in sizes.items()
        if digest not in there
    ]
    if fresh:
        tx.connection.execute(objects.insert(), fresh)


def renew(tx: Transaction, project_id: str, wanted: sa.Select[tuple[str | None]], before: datetime) -> None:
    """Make those of the project's objects young again that are `wanted` and were last asked for `before`."""
    old = sa.and_(objects.c.project_id == project_id, objects.c.created_at < before)
    tx.execute(objects.update().where(old, objects.c.digest.in_(wanted)).values(created_at=clock.now()))


def unowned(connection: Connection, project_id: str, wanted: sa.Select[tuple[str | None, int]]) -> set[str]:
    """Those digests of `wanted` (digest, size) that the project does not have, or not in that size."""
    asked = wanted.subquery()
    digest, size = asked.c
    has = sa.and_(objects.c.project_id == project_id, objects.c.digest == digest, objects.c.size == size)
    query = sa.select(digest).distinct().outerjoin(objects, has).where(objects.c.digest.is_(None))
    return set(connection.execute(query).scalars())


def owned(connection: Connection, wanted: Set[tuple[str, str, int]]) -> set[tuple[str, str, int]]:
    """Those of `wanted`, (project id, digest, size), that the projects have in that size."""
    digests: dict[str, set[str]] = {}
    for project_id, digest, _ in wanted:
        digests.setdefault(project_id, set()).add(digest)
    return {
        (project_id, digest, size)
        for project_id, some in digests.items()
        for digest, size in _sizes(connection, project_id, some).items()
    } & wanted


def owned_size(connection: Connection, project_id: str, digest: str) -> int:
    """The size of an object of this project. Raises NotFound."""
    found = _sizes(connection, project_id, {digest})
    if digest not in found:
        raise NotFound("This project has no such object.")
    return found[digest]


def _chunks(digests: set[str]) -> list[list[str]]:
    wanted = sorted(digests)
    return [wanted[start : start + 500] for start in range(0, len(wanted), 500)]


def _sizes(
    connection: Connection, project_id: str, digests: set[str], *more: sa.ColumnElement[bool]
) -> dict[str, int]:
    found: dict[str, int] = {}
    for some in _chunks(digests):
        query = sa.select(objects.c.digest, objects.c.size).where(
            objects.c.project_id == project_id, objects.c.digest.in_(some), *more
        )
        found |= {row.digest: row.size for row in connection.execute(query)}
    return found
