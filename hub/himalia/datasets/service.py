"""The only code that changes datasets, versions and aliases; `drafts` makes the versions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import clock, events, links
from himalia.core.access import Access
from himalia.core.changing import deleted_one, refuse_stale
from himalia.core.database import Database, Transaction
from himalia.core.disk import CheckDisk
from himalia.core.errors import InUse, NameInUse, NotFound
from himalia.core.idempotency import once
from himalia.core.ids import new_id
from himalia.datasets import read
from himalia.datasets.read import end
from himalia.datasets.schema import Alias, Dataset, DatasetCreate, DatasetUpdate, Version
from himalia.datasets.tables import aliases, datasets, draft_files, drafts, imports, uploads, versions
from himalia.lineage.service import Lineage, in_words
from himalia.snapshots.service import Snapshots
from himalia.storage.trees import Tree

PURGE_AT_ONCE = 50
KEPT_TREES = 16
"""How many versions' manifests are kept in memory: one of a million files has hundreds of megabytes."""


@dataclass(frozen=True, slots=True)
class Made:
    """A version to be written down: what is in it, and where it came from."""

    tree: Tree
    digest: str
    note: str = ""
    aliases: Sequence[Alias] = ()
    source_job: str | None = None


class Datasets:
    """Names, versions and aliases."""

    def __init__(
        self,
        database: Database,
        snapshots: Snapshots,
        lineage: Lineage,
        check_disk: CheckDisk,
        retention_days: int = 30,
    ) -> None:
        self.database = database
        self.lineage = lineage
        self.check_disk = check_disk
        self.snapshots = snapshots
        self.retention_days = retention_days
        self.made_hooks: list[Callable[[Transaction, str, str, str], None]] = []
        """Called where a version is written: (tx, project id, person id, digest of its tree)."""
        self.tree: Callable[[str], Tree] = lru_cache(maxsize=KEPT_TREES)(self._read_tree)

    def _read_tree(self, digest: str) -> Tree:
        return Tree.parse(self.snapshots.store.get(digest))

    # Datasets

    async def create(
        self, access: Access, body: DatasetCreate, key: str | None = None, mark: str = ""
    ) -> tuple[Dataset, bool]:
        """Make a dataset without versions; (dataset, whether it is new). Raises NameInUse, KeyReused."""
        project, person = access.in_project, access.person

        def make(tx: Transaction) -> str:
            self._refuse_taken(tx, project["id"], body.name)
            now, dataset_id = clock.now(), new_id()
            tx.execute(
                datasets.insert().values(
                    id=dataset_id,
                    project_id=project["id"],
                    name=body.name,
                    labels=body.labels,
                    spec=body.spec.model_dump(),
                    version=1,
                    last_number=0,
                    created_at=now,
                    created_by=person.id,
                    updated_at=now,
                    deleted_at=None,
                )
            )
            tell(tx, "dataset.created", access, (dataset_id, body.name))
            return dataset_id

        def work(tx: Transaction) -> tuple[str, bool]:
            return once(tx, person.id, key, mark, lambda: make(tx))

        dataset_id, is_new = await self.database.write(work)
        return await self._shown(access, dataset_id), is_new

    @staticmethod
    def _refuse_taken(tx: Transaction, project_id: str, name: str) -> None:
        query = sa.select(datasets.c.id).where(
            datasets.c.project_id == project_id, datasets.c.name == name, datasets.c.deleted_at.is_(None)
        )
        if tx.execute(query).first() is not None:
            raise NameInUse(f"There is a dataset named {name} already. Choose another name.")

    async def get(self, access: Access, name: str) -> Dataset:
        """One dataset. Raises NotFound."""
        project = access.in_project

        def work(connection: Connection) -> Dataset:
            row = read.find(connection, project["id"], name)
            return read.show(connection, [row], project["name"])[0]

        return await self.database.read(work)

    async def _shown(self, access: Access, dataset_id: str) -> Dataset:
        project = access.in_project["name"]

        def work(connection: Connection) -> Dataset:
            row = connection.execute(sa.select(datasets).where(datasets.c.id == dataset_id)).first()
            if row is None:
                raise NotFound("This dataset is gone.")
            return read.show(connection, [row], project)[0]

        return await self.database.read(work)

    async def update(self, access: Access, name: str, body: DatasetUpdate, etag: str | None) -> Dataset:
        """Rename, label or describe a dataset. Raises Stale, NameInUse."""

        def work(tx: Transaction) -> str:
            row = read.find(tx.connection, access.in_project["id"], name)
            refuse_stale("dataset", row.version, etag)
            values: dict[str, Any] = {"version": row.version + 1, "updated_at": clock.now()}
            if body.labels is not None:
                values["labels"] = body.labels
            if body.spec is not None:
                values["spec"] = body.spec.model_dump()
            if body.name is not None and body.name != row.name:
                self._refuse_taken(tx, row.project_id, body.name)
                values["name"] = body.name
            tx.execute(datasets.update().where(datasets.c.id == row.id).values(values))
            tell(tx, "dataset.changed", access, (row.id, values.get("name", row.name)), state="described")
            return str(row.id)

        return await self._shown(access, await self.database.write(work))

    async def delete(self, access: Access, name: str, cascade: bool) -> None:
        """Delete a dataset softly. Raises InUse while something uses a version, unless `cascade`."""

        def work(tx: Transaction) -> None:
            row = read.find(tx.connection, access.in_project["id"], name)
            if not cascade:
                query = sa.select(versions.c.id).where(
                    versions.c.dataset_id == row.id, versions.c.deleted_at.is_(None)
                )
                self._refuse_used(tx, row.project_id, list(tx.execute(query).scalars()), name)
            tx.execute(datasets.update().where(datasets.c.id == row.id).values(deleted_at=clock.now()))
            tell(tx, "dataset.deleted", access, (row.id, row.name))

        await self.database.write(work)

    async def restore(self, access: Access, name: str, new_name: str | None) -> Dataset:
        """Bring back a deleted dataset, by id, or the last one of a name. Raises NotFound, NameInUse."""

        def work(tx: Transaction) -> str:
            # One without versions, as a first add that failed leaves, does not hide one that holds something.
            query = sa.select(datasets).order_by(datasets.c.last_number == 0)
            where = access.in_project["id"], name
            row = deleted_one(tx.connection, query, datasets, "dataset", where, self.retention_days)
            wanted = new_name or row.name
            self._refuse_taken(tx, row.project_id, wanted)
            values = {"deleted_at": None, "name": wanted, "updated_at": clock.now()}
            tx.execute(datasets.update().where(datasets.c.id == row.id).values(values))
            tell(tx, "dataset.restored", access, (row.id, wanted))
            return str(row.id)

        return await self._shown(access, await self.database.write(work))

    # Versions

    def write_version(self, tx: Transaction, access: Access, dataset: Any, made: Made) -> str:
        """Write a version down, in the transaction in which the caller saw that it may be made: its id."""
        version_id, number = new_id(), dataset.last_number + 1
        now = clock.now()
        tx.execute(
            versions.insert().values(
                id=version_id,
                dataset_id=dataset.id,
                number=number,
                note=made.note,
                tree=made.digest,
                files=len(made.tree.files),
                size=made.tree.size,
                created_at=now,
                created_by=access.person.id,
                deleted_at=None,
            )
        )
        values = {"last_number": number, "updated_at": now}
        tx.execute(datasets.update().where(datasets.c.id == dataset.id).values(values))
        self.point(tx, dataset.id, made.aliases, version_id)
        if made.source_job is not None:
            links.add(tx, end(version_id), f"job:{made.source_job}", "output")
        for hook in self.made_hooks:
            hook(tx, dataset.project_id, access.person.id, made.digest)
        tell(tx, "dataset.changed", access, (dataset.id, dataset.name), state="added", version=number)
        return version_id

    async def version(self, access: Access, name: str, wanted: str) -> Version:
        """One version, by number or alias. Raises NotFound."""
        project = access.in_project

        def work(connection: Connection) -> Version:
            dataset = read.find(connection, project["id"], name)
            row = read.find_version(connection, dataset, wanted)
            return read.show_versions(connection, [row], dataset, project["name"])[0]

        return await self.database.read(work)

    async def shown_version(self, access: Access, version_id: str) -> Version:
        """One version, by its id. Raises NotFound."""
        project = access.in_project["name"]

        def work(connection: Connection) -> Version:
            row = connection.execute(sa.select(versions).where(versions.c.id == version_id)).first()
            if row is None:
                raise NotFound("This version is gone.")
            query = sa.select(datasets).where(datasets.c.id == row.dataset_id)
            dataset = connection.execute(query).first()
            return read.show_versions(connection, [row], dataset, project)[0]

        return await self.database.read(work)

    async def delete_version(self, access: Access, name: str, wanted: str, cascade: bool) -> None:
        """Delete a version softly, and the aliases that stand for it. Raises InUse, unless `cascade`."""

        def work(tx: Transaction) -> None:
            dataset = read.find(tx.connection, access.in_project["id"], name)
            row = read.find_version(tx.connection, dataset, wanted)
            if not cascade:
                self._refuse_used(tx, dataset.project_id, [row.id], f"{name}@{row.number}")
            tx.execute(aliases.delete().where(aliases.c.version_id == row.id))
            tx.execute(versions.update().where(versions.c.id == row.id).values(deleted_at=clock.now()))
            tell(tx, "dataset.changed", access, (dataset.id, name), state="removed", version=row.number)

        await self.database.write(work)

    def _refuse_used(self, tx: Transaction, project_id: str, ids: Sequence[str], name: str) -> None:
        users = self.lineage.users(tx.connection, project_id, [end(one) for one in ids])
        if users:
            raise InUse(
                f"{name} is used by {in_words(users)}, which could not be repeated without it. "
                "Delete those first, or delete it all the same with cascade=true.",
                used_by=[one.model_dump() for one in users],
            )

    async def restore_version(self, access: Access, name: str, number: int) -> Version:
        """Bring back a deleted version; its aliases stay where they are now. Raises NotFound."""
        oldest = clock.now() - timedelta(days=self.retention_days)

        def work(tx: Transaction) -> str:
            dataset = read.find(tx.connection, access.in_project["id"], name)
            query = sa.select(versions).where(
                versions.c.dataset_id == dataset.id,
                versions.c.number == number,
                versions.c.deleted_at >= oldest,
            )
            row = tx.execute(query).first()
            if row is None:
                raise NotFound(f"There is no deleted version {number} that could be restored.")
            tx.execute(versions.update().where(versions.c.id == row.id).values(deleted_at=None))
            tell(tx, "dataset.changed", access, (dataset.id, name), state="restored", version=number)
            return str(row.id)

        return await self.shown_version(access, await self.database.write(work))

    # Aliases

    async def set_alias(self, access: Access, name: str, alias: Alias, number: int) -> Version:
        """Let an alias stand for a version, whatever it stood for before. Raises NotFound."""

        def work(tx: Transaction) -> str:
            dataset = read.find(tx.connection, access.in_project["id"], name)
            row = read.find_version(tx.connection, dataset, str(number))
            self.point(tx, dataset.id, [alias], row.id)
            tell(tx, "dataset.changed", access, (dataset.id, name), alias=alias, version=number)
            return str(row.id)

        return await self.shown_version(access, await self.database.write(work))

    @staticmethod
    def point(tx: Transaction, dataset_id: str, names: Sequence[Alias], version_id: str) -> None:
        """Let aliases stand for a version, in the caller's transaction."""
        for name in names:
            where = sa.and_(aliases.c.dataset_id == dataset_id, aliases.c.alias == name)
            if tx.execute(aliases.update().where(where).values(version_id=version_id)).rowcount == 0:
                tx.execute(aliases.insert().values(dataset_id=dataset_id, alias=name, version_id=version_id))

    async def remove_alias(self, access: Access, name: str, alias: str) -> None:
        """Forget an alias; its version stays. Raises NotFound."""

        def work(tx: Transaction) -> None:
            dataset = read.find(tx.connection, access.in_project["id"], name)
            where = sa.and_(aliases.c.dataset_id == dataset.id, aliases.c.alias == alias)
            if tx.execute(aliases.delete().where(where)).rowcount == 0:
                raise NotFound(f"The dataset {name} has no alias {alias}.")
            tell(tx, "dataset.changed", access, (dataset.id, name), alias=alias, version=None)

        await self.database.write(work)

    # Collecting

    def purge(self, tx: Transaction) -> int:
        """Remove some versions and datasets that can no longer be restored, for good: how many."""
        before = clock.now() - timedelta(days=self.retention_days)
        gone = sa.select(datasets.c.id).where(datasets.c.deleted_at < before).limit(PURGE_AT_ONCE)
        dataset_ids = list(tx.execute(gone).scalars())
        dead = sa.or_(versions.c.deleted_at < before, versions.c.dataset_id.in_(dataset_ids))
        # A draft that began from a version needs its files.
        kept = sa.select(drafts.c.base_id).where(
            drafts.c.base_id.isnot(None), drafts.c.dataset_id.notin_(dataset_ids)
        )
        query = sa.select(versions.c.id).where(dead, versions.c.id.notin_(kept)).limit(PURGE_AT_ONCE * 10)
        version_ids = list(tx.execute(query).scalars())
        if dataset_ids:
            mine = sa.select(drafts.c.id).where(drafts.c.dataset_id.in_(dataset_ids))
            remove_drafts(tx, list(tx.execute(mine).scalars()))
        if version_ids:
            tx.execute(aliases.delete().where(aliases.c.version_id.in_(version_ids)))
            links.forget(tx, [end(one) for one in version_ids])
            tx.execute(versions.delete().where(versions.c.id.in_(version_ids)))
        if dataset_ids:
            left = sa.select(versions.c.dataset_id)
            emptied = sa.and_(datasets.c.id.in_(dataset_ids), datasets.c.id.notin_(left))
            tx.execute(datasets.delete().where(emptied))
        return len(version_ids) + len(dataset_ids)

    @staticmethod
    def project_purged(tx: Transaction, project: dict[str, Any]) -> None:
        """Hook: the datasets of a project whose time is over were deleted with it."""
        left = sa.and_(datasets.c.project_id == project["id"], datasets.c.deleted_at.is_(None))
        tx.execute(datasets.update().where(left).values(deleted_at=project["deleted_at"]))


def remove_drafts(tx: Transaction, ids: Sequence[str]) -> None:
    """Forget drafts with all that is in them; what was uploaded in part is swept away later."""
    for table in (uploads, imports, draft_files):
        tx.execute(table.delete().where(table.c.draft_id.in_(ids)))
    tx.execute(drafts.delete().where(drafts.c.id.in_(ids)))


def tell(tx: Transaction, kind: str, access: Access, subject: tuple[str, str], **data: Any) -> None:
    """Emit an event of a dataset, by its id and name."""
    person = access.identity.person
    events.emit(
        tx,
        kind,
        subject=("dataset", *subject),
        project=access.in_project["id"],
        person=person.id if person else None,
        data=data,
    )
