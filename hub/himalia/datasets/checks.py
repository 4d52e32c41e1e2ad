"""Whether the files of versions are still what was stored: a task reads them all again. The only code that changes
checks.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import clock
from himalia.core.access import Access
from himalia.core.database import Transaction
from himalia.core.errors import NotFound
from himalia.datasets import read
from himalia.datasets.files import compared
from himalia.datasets.schema import Check
from himalia.datasets.service import Datasets
from himalia.datasets.tables import checks
from himalia.datasets.tasks import OUTPUTS, message_of, task, tell_versions, versions_of
from himalia.datasets.work.verify import MANIFEST
from himalia.engine import outputs
from himalia.engine.changes import Change
from himalia.engine.service import Engine
from himalia.engine.states import ENDED, State
from himalia.snapshots.collector import Held
from himalia.storage.errors import StorageError
from himalia.storage.trees import Tree, TreeError

TIME_LIMIT_S = 24 * 3600.0
MOST_DAMAGED = 1000


class Checks:
    """Begin checks of versions, and say how they stand or ended."""

    def __init__(self, datasets: Datasets, engine: Engine) -> None:
        self.datasets = datasets
        self.database = datasets.database
        self.engine = engine
        engine.on_change("task", self._changed, purpose="verify")

    async def begin(self, access: Access, name: str, wanted: str) -> Check:
        """Have a version's files read again, unless that is being done. Raises NotFound."""
        project_id = access.in_project["id"]
        found = await self.database.read(lambda c: read.resolve(c, project_id, f"{name}@{wanted}"))
        lost = await asyncio.to_thread(self._lost, found.tree)
        read_from = await self._laid_out_as(project_id, found.tree)
        spec = task(
            "verify",
            f"verify-{found.tree[:8]}",
            (project_id, access.person.id),
            ["verify", "inputs/version", OUTPUTS.rstrip("/")],
            {"inputs/version": {"tree": read_from, "path": ""}},
            TIME_LIMIT_S,
        )

        def work(tx: Transaction) -> None:
            row = _row(tx.connection, project_id, found.tree)
            if row is not None and row.state not in ENDED:
                return
            values = {"task_id": spec.id, "state": State.QUEUED, "message": None, "found": None}
            if lost:
                words = f"{lost} of its files are not stored any more. Bring them back from a backup."
                values |= {"state": State.FAILED, "message": words}
            else:
                self.engine.submit(tx, spec)
            tx.execute(checks.delete().where(_of(project_id, found.tree)))
            tx.execute(
                checks.insert().values(
                    project_id=project_id, tree=found.tree, began_at=clock.now(), ended_at=None, **values
                )
            )

        await self.database.write(work)
        return await self.get(access, name, wanted)

    def _lost(self, tree: str) -> int:
        digests = self.datasets.tree(tree).digests
        return len(digests - self.datasets.snapshots.store.has(digests))

    async def _laid_out_as(self, project_id: str, tree: str) -> str:
        """The tree that the task reads."""
        plain = await asyncio.to_thread(lambda: _as_links(self.datasets.tree(tree)))
        return (await self.datasets.snapshots.put(project_id, None, plain.to_bytes())).digest

    def _changed(self, tx: Transaction, changes: list[Change]) -> None:
        for change in changes:
            values: dict[str, Any] = {"state": change.state, "message": message_of(tx.connection, change)}
            if change.state in ENDED:
                values["ended_at"] = change.at
            if change.state == State.SUCCEEDED:
                left = outputs.of(tx.connection, change.id, change.attempt)
                values["found"] = next((one.digest for one in left if one.path == OUTPUTS + MANIFEST), None)
            mine = checks.c.task_id == change.id
            if tx.execute(checks.update().where(mine).values(values)).rowcount:
                tree = tx.execute(sa.select(checks.c.tree).where(mine)).scalar_one()
                tell_versions(tx, change, tree, state="verified", check=change.state)

    async def get(self, access: Access, name: str, wanted: str) -> Check:
        """How the last check stands, or how it ended. Raises NotFound where there was none."""
        project_id = access.in_project["id"]

        def work(connection: Connection) -> Any:
            found = read.resolve(connection, project_id, f"{name}@{wanted}")
            return _row(connection, project_id, found.tree)

        row = await self.database.read(work)
        if row is None:
            raise NotFound("This version has not been verified yet.")
        return await asyncio.to_thread(self._shown, row)

    def _shown(self, row: Any) -> Check:
        check = Check(
            state=row.state,
            message=row.message,
            intact=None,
            damaged=[],
            began_at=row.began_at,
            ended_at=row.ended_at,
        )
        if row.state != State.SUCCEEDED or row.found is None:
            return check
        stored = _as_links(self.datasets.tree(row.tree))
        check.intact = row.found == stored.digest
        if not check.intact:
            try:
                there = Tree.parse(self.datasets.snapshots.store.get(row.found))
            except (StorageError, TreeError):
                check.message = "What was found could not be understood. Verify the version again."
                return check
            check.damaged = compared(stored, there, (0, 0), MOST_DAMAGED, None).items
        check.message = check.message or (
            "Every file is as it was stored." if check.intact else "Files are damaged: see which."
        )
        return check

    # Collecting

    @staticmethod
    def held(connection: Connection) -> Held:
        """What the collector must keep: what was found."""
        found = connection.execute(sa.select(checks.c.found).where(checks.c.found.isnot(None))).scalars()
        return Held(digests=frozenset(one for one in found if one is not None))

    @staticmethod
    def purge(tx: Transaction) -> int:
        """Forget checks of files that no version has any more: how many."""
        needed = versions_of(checks.c.project_id, checks.c.tree).exists()
        return tx.execute(checks.delete().where(~needed)).rowcount


def _as_links(tree: Tree) -> Tree:
    """The same files, none executable: an executable one is laid out as a copy, which says nothing of the object."""
    return Tree(tuple(replace(file, executable=False) if file.executable else file for file in tree.files))


def _of(project_id: str, tree: str) -> sa.ColumnElement[bool]:
    return sa.and_(checks.c.project_id == project_id, checks.c.tree == tree)


def _row(connection: Connection, project_id: str, tree: str) -> Any:
    return connection.execute(sa.select(checks).where(_of(project_id, tree))).first()
