"""Previews of versions: a sandboxed task makes them, once for equal files. The only code that changes them."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.engine import Connection

from himalia.core import clock, people
from himalia.core.access import Access
from himalia.core.database import Transaction
from himalia.core.errors import NotFound
from himalia.datasets import preview, read
from himalia.datasets.croissant import About, croissant
from himalia.datasets.preview import Preview
from himalia.datasets.schema import PreviewShown
from himalia.datasets.service import Datasets
from himalia.datasets.tables import previews
from himalia.datasets.tasks import OUTPUTS, message_of, task, tell_versions, versions_of
from himalia.engine import outputs
from himalia.engine.changes import Change
from himalia.engine.service import Engine
from himalia.engine.states import ENDED, State
from himalia.snapshots.collector import Held
from himalia.storage.errors import StorageError

TIME_LIMIT_S = 600.0
LARGEST_SHEET = 16 << 20
UNREADABLE = "The preview could not be understood. Make it again."
NOT_MADE = "No preview has been made of this version."
_WORDS = {
    State.QUEUED: "Waiting to be looked at.",
    State.STARTING: "The files are about to be looked at.",
    State.RUNNING: "The files are being looked at.",
    State.STOPPING: "The looking is being stopped.",
    State.STOPPED: "The looking was stopped. Make the preview again.",
    State.FAILED: "The files could not be looked at. Make the preview again.",
}


class Previews:
    """What there is to see of versions, and Croissant, which tells it to other platforms."""

    def __init__(self, datasets: Datasets, engine: Engine, address: str) -> None:
        self.datasets = datasets
        self.database = datasets.database
        self.engine = engine
        self.address = address
        self._parsed = lru_cache(maxsize=32)(self._parse)
        datasets.made_hooks.append(self.want)
        engine.on_change("task", self._changed, purpose="preview")

    # Making

    def want(self, tx: Transaction, project_id: str, person_id: str, tree: str) -> None:
        """Have the files of a tree looked at, unless they were or are."""
        row = _row(tx.connection, project_id, tree)
        if row is not None and (row.state == State.SUCCEEDED or row.state not in ENDED):
            return
        command = ["preview", "inputs/version", OUTPUTS.rstrip("/")]
        inputs = {"inputs/version": {"tree": tree, "path": ""}}
        spec = task("preview", f"preview-{tree[:8]}", (project_id, person_id), command, inputs, TIME_LIMIT_S)
        self.engine.submit(tx, spec)
        values = {"task_id": spec.id, "state": State.QUEUED, "message": None, "created_at": clock.now()}
        if row is None:
            tx.execute(previews.insert().values(project_id=project_id, tree=tree, **values))
        else:
            tx.execute(previews.update().where(_of(project_id, tree)).values(values))

    async def make(self, access: Access, name: str, wanted: str) -> PreviewShown:
        """Have a version looked at again, if that failed or was never done."""
        project_id = access.in_project["id"]

        def work(tx: Transaction) -> None:
            found = read.resolve(tx.connection, project_id, f"{name}@{wanted}")
            self.want(tx, project_id, access.person.id, found.tree)

        await self.database.write(work)
        return await self.get(access, name, wanted)

    def _changed(self, tx: Transaction, changes: list[Change]) -> None:
        for change in changes:
            values: dict[str, Any] = {
                "state": change.state,
                "message": message_of(tx.connection, change),
            }
            if change.state == State.SUCCEEDED:
                values |= _left(tx.connection, change)
            mine = previews.c.task_id == change.id
            if tx.execute(previews.update().where(mine).values(values)).rowcount:
                tree = tx.execute(sa.select(previews.c.tree).where(mine)).scalar_one()
                tell_versions(tx, change, tree, state="previewed", preview=values["state"])

    # Showing

    async def get(self, access: Access, name: str, wanted: str) -> PreviewShown:
        """What there is to see of a version, or how the looking stands. Raises NotFound."""
        row = await self._found(access, name, wanted)
        if row is None:
            return PreviewShown(state="MISSING", message=NOT_MADE)
        if row.state == State.SUCCEEDED:
            seen = await asyncio.to_thread(self.read, row.data)
            if seen is None:
                return PreviewShown(state=State.FAILED, message=UNREADABLE)
            return PreviewShown(state=row.state, preview=seen)
        active = self.engine.board.active.get(row.task_id)
        told = (active.progress or {}) if active is not None else {}
        message = row.message or told.get("message") or _WORDS[State(row.state)]
        fraction = told.get("fraction")
        return PreviewShown(
            state=row.state,
            message=str(message)[:2000],
            fraction=fraction if isinstance(fraction, float | int) else None,
        )

    async def sheet(self, access: Access, name: str, wanted: str) -> tuple[str, int]:
        """Digest and size of the thumbnails' picture. Raises NotFound."""
        row = await self._found(access, name, wanted)
        if row is None or row.sheet is None:
            raise NotFound("There are no thumbnails of this version.")
        size = await asyncio.to_thread(self.datasets.snapshots.store.size, row.sheet)
        return row.sheet, size

    async def croissant(self, access: Access, name: str, wanted: str) -> dict[str, Any]:
        """A version as Croissant, with columns where it was looked at. Raises NotFound."""
        project = access.in_project

        def work(connection: Connection) -> tuple[Any, Any, str, Any]:
            dataset = read.find(connection, project["id"], name)
            version = read.find_version(connection, dataset, wanted)
            who = people.names(connection, {version.created_by}).get(version.created_by, "")
            return dataset, version, who, _row(connection, project["id"], version.tree)

        dataset, version, who, row = await self.database.read(work)
        path = f"projects/{project['name']}/datasets/{dataset.name}/versions/{version.number}"
        about = About(
            name=dataset.name,
            number=version.number,
            title=dataset.spec["title"],
            description=dataset.spec["description"],
            license=dataset.spec["license"],
            keywords=tuple(dataset.spec["keywords"]),
            created_at=version.created_at,
            creator=who,
            url=f"{self.address.rstrip('/')}/services/himalia/api/v1/{path}",
        )
        data = row.data if row is not None else None

        def made() -> dict[str, Any]:
            return croissant(about, self.datasets.tree(version.tree), self.read(data) if data else None)

        return await asyncio.to_thread(made)

    async def _found(self, access: Access, name: str, wanted: str) -> Any:
        project_id = access.in_project["id"]

        def work(connection: Connection) -> Any:
            found = read.resolve(connection, project_id, f"{name}@{wanted}")
            return _row(connection, project_id, found.tree)

        return await self.database.read(work)

    def read(self, digest: str) -> Preview | None:
        """A preview from the store; None for what is none, since what wrote it had hostile files before it."""
        try:
            return self._parsed(digest)
        except (StorageError, ValidationError):
            return None

    def _parse(self, digest: str) -> Preview:
        return Preview.model_validate_json(self.datasets.snapshots.store.get(digest))

    # Collecting

    @staticmethod
    def held(connection: Connection) -> Held:
        """What the collector must keep: what was seen, and the thumbnails."""
        rows = connection.execute(sa.select(previews.c.data, previews.c.sheet))
        return Held(digests=frozenset(digest for row in rows for digest in row if digest is not None))

    @staticmethod
    def purge(tx: Transaction) -> int:
        """Forget previews of files that no version has any more: how many."""
        needed = versions_of(previews.c.project_id, previews.c.tree).exists()
        return tx.execute(previews.delete().where(~needed)).rowcount


def _of(project_id: str, tree: str) -> sa.ColumnElement[bool]:
    return sa.and_(previews.c.project_id == project_id, previews.c.tree == tree)


def _row(connection: Connection, project_id: str, tree: str) -> Any:
    return connection.execute(sa.select(previews).where(_of(project_id, tree))).first()


def _left(connection: Connection, change: Change) -> dict[str, Any]:
    """The objects that a task left as its preview."""
    left = {row.path: row for row in outputs.of(connection, change.id, change.attempt)}
    data, sheet = left.get(OUTPUTS + preview.FILE), left.get(OUTPUTS + preview.SHEET)
    if data is None or data.size > preview.LARGEST_BYTES:
        return {"state": State.FAILED, "message": UNREADABLE}
    if sheet is not None and sheet.size > LARGEST_SHEET:
        sheet = None
    return {"data": data.digest, "sheet": sheet.digest if sheet is not None else None}
