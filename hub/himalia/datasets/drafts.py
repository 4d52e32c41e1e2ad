"""Drafts: versions that are being made. The only code that changes them and what is in them."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import clock
from himalia.core.access import Access
from himalia.core.database import Transaction
from himalia.core.errors import Conflict, Invalid, NotFound, WrongState
from himalia.core.idempotency import made_before, once
from himalia.core.ids import new_id
from himalia.core.pagination import Page
from himalia.core.schema import Items
from himalia.datasets import read
from himalia.datasets.partial import PartialFiles
from himalia.datasets.schema import (
    Announcement,
    Bundle,
    Draft,
    DraftCommit,
    DraftCreate,
    DraftUpdate,
    Missing,
    Version,
)
from himalia.datasets.service import Datasets, Made, remove_drafts, tell
from himalia.datasets.show_drafts import find_draft, importing, missing, show, unfinished
from himalia.datasets.tables import datasets, draft_files, drafts, imports, versions
from himalia.engine.states import ENDED
from himalia.snapshots.bundle import Bundled, read_bundle
from himalia.snapshots.collector import Held
from himalia.snapshots.service import own_many, renew
from himalia.storage.base import Stored
from himalia.storage.trees import BadPathError, Tree, TreeError, TreeFile, validate_path

CHUNK = 500
PURGE_AT_ONCE = 20
BRIEF = timedelta(hours=2)
"""How long a draft stays that a program made and did not use again: a slow connection may take long for one piece."""


@dataclass(frozen=True, slots=True)
class Added:
    """A file that a draft gets: where, and the object that holds its bytes."""

    path: str
    stored: Stored
    executable: bool = False


class Drafts:
    """Begin, fill and commit drafts. Several people may have one of the same dataset, each on their own."""

    def __init__(self, datasets: Datasets, partial: PartialFiles, unused_days: int = 7) -> None:
        self.datasets = datasets
        self.partial = partial
        self.database = datasets.database
        self.snapshots = datasets.snapshots
        self.check_disk = datasets.check_disk
        self.unused_days = unused_days
        self.delete_hooks: list[Callable[[Transaction, str], None]] = []
        """Called before a draft is deleted by hand: (tx, draft id)."""

    # Finding

    def find(self, connection: Connection, access: Access, name: str, draft_id: str) -> tuple[Any, Any]:
        """The rows of a dataset and of one of its drafts. Raises NotFound."""
        dataset = read.find(connection, access.in_project["id"], name)
        draft = find_draft(connection, dataset, draft_id)
        if draft is None:
            raise NotFound(f"The dataset {name} has no such draft. It may have been committed or deleted.")
        return dataset, draft

    async def get(self, access: Access, name: str, draft_id: str) -> Draft:
        """One draft. Raises NotFound."""

        def work(connection: Connection) -> Draft:
            dataset, draft = self.find(connection, access, name, draft_id)
            return show(connection, [draft], dataset, access.in_project["name"], self.partial.offset)[0]

        return await self.database.read(work)

    async def page_of(self, access: Access, name: str, page: Page) -> Items[Draft]:
        """A dataset's drafts, everybody's, newest first."""
        project = access.in_project

        def work(connection: Connection) -> Items[Draft]:
            dataset = read.find(connection, project["id"], name)
            rows, token = read.drafts_page(connection, dataset.id, page)
            shown = show(connection, rows, dataset, project["name"], self.partial.offset)
            return Items[Draft](items=shown, next_page_token=token)

        return await self.database.read(work)

    async def tree(self, access: Access, name: str, draft_id: str) -> Tree:
        """What the draft holds now, files whose bytes are still missing included. Raises NotFound, Invalid."""

        def work(connection: Connection) -> tuple[str | None, list[Any]]:
            _, draft = self.find(connection, access, name, draft_id)
            return _base_tree(connection, draft.base_id), _changed_files(connection, draft_id)

        base, changed = await self.database.read(work)
        return await asyncio.to_thread(self._laid_over, base, changed)

    async def base_of(self, access: Access, name: str, draft_id: str) -> Tree | None:
        """What the draft began from. Raises NotFound."""

        def work(connection: Connection) -> str | None:
            return _base_tree(connection, self.find(connection, access, name, draft_id)[1].base_id)

        base = await self.database.read(work)
        return await asyncio.to_thread(self.datasets.tree, base) if base is not None else None

    # Beginning

    async def create(self, access: Access, name: str, body: DraftCreate) -> Draft:
        """Begin a draft, empty or from a version. Raises NotFound, DiskFull."""
        self.check_disk()
        draft_id = new_id()

        def work(tx: Transaction) -> None:
            dataset = read.find(tx.connection, access.in_project["id"], name)
            base = read.find_version(tx.connection, dataset, body.base) if body.base is not None else None
            latest, now = _latest(tx.connection, dataset.id), clock.now()
            tx.execute(
                drafts.insert().values(
                    id=draft_id,
                    dataset_id=dataset.id,
                    base_id=base.id if base is not None else None,
                    seen_number=latest.number if latest is not None else 0,
                    changes=0,
                    brief=body.brief,
                    created_at=now,
                    created_by=access.person.id,
                    updated_at=now,
                )
            )
            tell(tx, "dataset.changed", access, (dataset.id, name), state="draft begun", draft=draft_id)

        await self.database.write(work)
        return await self.get(access, name, draft_id)

    # Filling

    async def announce(self, access: Access, name: str, draft_id: str, body: Announcement) -> Missing:
        """Add files by their digests; answers which bytes the project does not have. Raises Invalid, DiskFull."""
        self.check_disk()
        files = [
            {"path": f.path, "size": f.size, "digest": f.digest, "executable": f.executable}
            for f in body.files
        ]
        await asyncio.to_thread(check_paths, [f.path for f in body.files])
        project_id = access.in_project["id"]

        def work(tx: Transaction) -> list[str]:
            _, draft = self.find(tx.connection, access, name, draft_id)
            self.put_files(tx, draft, files)
            # What is there already will not be sent, so the collector must not take it for old.
            announced = sa.select(draft_files.c.digest).where(draft_files.c.draft_id == draft_id)
            renew(tx, project_id, announced, clock.now() - self.snapshots.grace / 4)
            return sorted(missing(tx.connection, project_id, draft_id))

        return Missing(missing=await self.database.write(work))

    async def receive(self, access: Access, name: str, draft_id: str, stream: AsyncIterator[bytes]) -> Bundle:
        """Add the files of a bundle, all or none. Raises Invalid, TooLarge, DiskFull."""
        self.check_disk()
        await self.database.read(lambda c: self.find(c, access, name, draft_id))
        files = await read_bundle(stream)
        added = await asyncio.to_thread(self._store, files)
        await self.database.write(lambda tx: self.add(tx, access, name, draft_id, added))
        return Bundle(files=len(added), size=sum(one.stored.size for one in added))

    def _store(self, files: Sequence[Bundled]) -> list[Added]:
        check_paths(file.path for file in files)
        stored = self.snapshots.put_many(file.content for file in files)
        for file, one in zip(files, stored, strict=True):
            if file.digest not in (None, one.digest):
                raise Invalid.field("body", f"{file.path} is not what was announced: it has other bytes.")
        return [Added(f.path, one, f.executable) for f, one in zip(files, stored, strict=True)]

    def add(self, tx: Transaction, access: Access, name: str, draft_id: str, added: Sequence[Added]) -> None:
        """Write down files whose bytes are stored. Raises NotFound when the draft is gone."""
        _, draft = self.find(tx.connection, access, name, draft_id)
        own_many(tx, access.in_project["id"], [one.stored for one in added])
        files = [
            {
                "path": one.path,
                "size": one.stored.size,
                "digest": one.stored.digest,
                "executable": one.executable,
            }
            for one in added
        ]
        self.put_files(tx, draft, files)

    @staticmethod
    def put_files(tx: Transaction, draft: Any, files: Sequence[dict[str, Any]]) -> None:
        """Write files of a draft down, in place of what has the same paths; `digest` None removes one."""
        if draft.changes:
            paths = [file["path"] for file in files]
            for start in range(0, len(paths), CHUNK):
                same = draft_files.c.path.in_(paths[start : start + CHUNK])
                tx.execute(draft_files.delete().where(draft_files.c.draft_id == draft.id, same))
        if files:
            tx.connection.execute(draft_files.insert(), [{"draft_id": draft.id, **file} for file in files])
        touch(tx, draft.id)

    async def update(self, access: Access, name: str, draft_id: str, body: DraftUpdate) -> Draft:
        """Remove files, and folders with all that is in them; what is not there is left out of account."""

        def begun(connection: Connection) -> str | None:
            return _base_tree(connection, self.find(connection, access, name, draft_id)[1].base_id)

        base = await self.database.read(begun)
        gone = await asyncio.to_thread(self._below, base, body.remove)

        def work(tx: Transaction) -> None:
            _, draft = self.find(tx.connection, access, name, draft_id)
            for path in body.remove:
                at_or_below = sa.or_(
                    draft_files.c.path == path, draft_files.c.path.startswith(f"{path}/", autoescape=True)
                )
                tx.execute(draft_files.delete().where(draft_files.c.draft_id == draft_id, at_or_below))
            self.put_files(tx, draft, gone)

        await self.database.write(work)
        return await self.get(access, name, draft_id)

    def _below(self, base: str | None, paths: Iterable[str]) -> list[dict[str, Any]]:
        """Rows that remove those files of a tree that are at or below one of `paths`."""
        there = [file.path for file in self.datasets.tree(base).files] if base is not None else []
        gone: set[str] = set()
        for path in paths:
            at = bisect_left(there, path)
            if at < len(there) and there[at] == path:
                gone.add(path)
            # “0” is the character behind “/”.
            gone.update(there[bisect_left(there, f"{path}/") : bisect_left(there, f"{path}0")])
        return [{"path": path, "size": 0, "digest": None, "executable": False} for path in sorted(gone)]

    # Ending

    async def commit(
        self,
        access: Access,
        name: str,
        draft_id: str,
        body: DraftCommit,
        key: str | None = None,
        mark: str = "",
    ) -> tuple[Version, bool]:
        """Make the draft a version, and forget it; (version, whether it is new).

        A draft that changes nothing makes none: the answer is the version that is there. Raises Conflict when
        somebody else made a version meanwhile, Invalid when bytes are missing or nothing is in it, WrongState
        while it is being changed.
        """
        person = access.person.id

        def look(connection: Connection) -> str | _Found:
            made = made_before(connection, person, key, mark)
            return made if made is not None else self._found(connection, access, name, draft_id, body)

        found = await self.database.read(look)
        if isinstance(found, str):
            return await self.datasets.shown_version(access, found), False
        tree = await asyncio.to_thread(self._laid_over, found.tree, found.changed)
        if not tree.files:
            raise Invalid.field("draft", "There are no files in this draft. Add some, then commit it.")
        stored = await self.snapshots.put(access.in_project["id"], None, tree.to_bytes())
        made = Made(tree, stored.digest, body.note, body.aliases)

        def work(tx: Transaction) -> str:
            return once(tx, person, key, mark, lambda: self._write(tx, access, name, found, made))[0]

        version_id = await self.database.write(work)
        is_new = found.latest is None or version_id != found.latest.id
        return await self.datasets.shown_version(access, version_id), is_new

    def _found(
        self, connection: Connection, access: Access, name: str, draft_id: str, body: DraftCommit
    ) -> _Found:
        dataset, draft = self.find(connection, access, name, draft_id)
        latest = _latest(connection, dataset.id)
        number = latest.number if latest is not None else 0
        moved = (
            number > draft.seen_number
        )  # a smaller one: the newest was deleted since, and nothing was made
        if moved and body.onto == "base":
            raise Conflict(
                f"Version {number} of {name} was made since this draft was begun. See what it changed, then "
                "commit onto the latest version, which lays your changes over it, or delete the draft.",
                latest=number,
                seen=draft.seen_number,
            )
        if unfinished(connection, draft_id):
            raise WrongState("Files of this draft are still being uploaded. Finish or remove them first.")
        if importing(connection, draft_id):
            raise WrongState(
                "Files are still being imported into this draft. Wait for that, or stop it first."
            )
        if lacking := missing(connection, access.in_project["id"], draft_id):
            raise Invalid(
                f"The bytes of {len(lacking)} file(s) have not arrived, or are not those that were announced. "
                "Send them, then commit.",
                missing=sorted(lacking)[:1000],
            )
        tree = latest.tree if moved and latest is not None else _base_tree(connection, draft.base_id)
        return _Found(draft, latest, tree, _changed_files(connection, draft_id))

    def _write(self, tx: Transaction, access: Access, name: str, found: _Found, made: Made) -> str:
        dataset, draft = self.find(tx.connection, access, name, found.draft.id)
        latest = _latest(tx.connection, dataset.id)
        changed = draft.changes != found.draft.changes or latest != found.latest
        if changed or unfinished(tx.connection, draft.id) or importing(tx.connection, draft.id):
            raise WrongState("The draft or its dataset changed while it was committed. Commit it again.")
        remove_drafts(tx, [draft.id])
        if latest is not None and latest.tree == made.digest:
            self.datasets.point(tx, dataset.id, made.aliases, latest.id)
            tell(tx, "dataset.changed", access, (dataset.id, name), state="draft ended", draft=draft.id)
            return str(latest.id)
        return self.datasets.write_version(tx, access, dataset, made)

    async def delete(self, access: Access, name: str, draft_id: str) -> None:
        """Forget a draft and what was uploaded for it alone. Raises NotFound."""

        def work(tx: Transaction) -> None:
            dataset, _ = self.find(tx.connection, access, name, draft_id)
            for hook in self.delete_hooks:
                hook(tx, draft_id)
            remove_drafts(tx, [draft_id])
            tell(tx, "dataset.changed", access, (dataset.id, name), state="draft ended", draft=draft_id)

        await self.database.write(work)

    def purge(self, tx: Transaction) -> int:
        """Remove some drafts that nobody has used for long: how many."""
        now = clock.now()
        old = drafts.c.updated_at < now - timedelta(days=self.unused_days)
        left = sa.and_(drafts.c.brief, drafts.c.updated_at < now - BRIEF)
        filled = sa.select(imports.c.draft_id).where(imports.c.state.notin_(list(ENDED)))
        unused = sa.and_(sa.or_(old, left), drafts.c.id.notin_(filled))
        query = sa.select(drafts.c.id).where(unused).limit(PURGE_AT_ONCE)
        ids = list(tx.execute(query).scalars())
        remove_drafts(tx, ids)
        return len(ids)

    def _laid_over(self, base: str | None, changed: Sequence[Any]) -> Tree:
        files = {file.path: file for file in self.datasets.tree(base).files} if base is not None else {}
        for row in changed:
            if row.digest is None:
                files.pop(row.path, None)
            else:
                files[row.path] = TreeFile(row.path, row.size, row.digest, row.executable)
        try:
            return Tree.of(files.values())
        except TreeError as error:
            raise Invalid.field("files", str(error)) from error


@dataclass(frozen=True, slots=True)
class _Found:
    """What a commit was based on: rows of the draft, the newest version and the changes, the tree below them."""

    draft: Any
    latest: Any
    tree: str | None
    changed: Sequence[Any]


def held(connection: Connection) -> Held:
    """What the collector must keep: every version's files, and those of drafts."""
    trees = connection.execute(sa.select(versions.c.tree).distinct()).scalars()
    digests = connection.execute(
        sa.select(draft_files.c.digest).where(draft_files.c.digest.isnot(None)).distinct()
    ).scalars()
    return Held(frozenset(trees), frozenset(digest for digest in digests if digest is not None))


def touch(tx: Transaction, draft_id: str) -> None:
    """Note that a draft was changed now."""
    values = {"changes": drafts.c.changes + 1, "updated_at": clock.now()}
    tx.execute(drafts.update().where(drafts.c.id == draft_id).values(values))


def _latest(connection: Connection, dataset_id: str) -> Any:
    query = (
        sa.select(versions)
        .where(versions.c.dataset_id == dataset_id, versions.c.deleted_at.is_(None))
        .order_by(versions.c.number.desc())
        .limit(1)
    )
    return connection.execute(query).first()


def _base_tree(connection: Connection, version_id: str | None) -> str | None:
    query = sa.select(versions.c.tree).where(versions.c.id == version_id)
    return connection.execute(query).scalar() if version_id is not None else None


def _changed_files(connection: Connection, draft_id: str) -> list[Any]:
    return list(connection.execute(sa.select(draft_files).where(draft_files.c.draft_id == draft_id)))


def check_paths(paths: Iterable[str]) -> None:
    """Raise Invalid unless a tree may hold every path, and each is there once."""
    seen: set[str] = set()
    for path in paths:
        try:
            validate_path(path)
        except BadPathError as error:
            raise Invalid.field("path", str(error)) from error
        if path in seen:
            raise Invalid.field("path", f"The path {path!r} is there twice.")
        seen.add(path)


def project_of(connection: Connection, draft_id: str) -> str | None:
    """The id of the project that a draft is of."""
    query = sa.select(datasets.c.project_id).join(drafts, drafts.c.dataset_id == datasets.c.id)
    return connection.execute(query.where(drafts.c.id == draft_id)).scalar()
