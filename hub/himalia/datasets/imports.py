"""Imports into drafts: an archive that was uploaded, or a folder of the machine. A sandboxed task brings the files,
and when it has succeeded they are the draft's, all at once. The only code that changes imports.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import clock
from himalia.core.access import Access
from himalia.core.database import Transaction
from himalia.core.errors import Invalid, NotFound
from himalia.core.live import Exchange
from himalia.datasets.drafts import Drafts, check_paths, touch
from himalia.datasets.schema import Import, ImportCreate
from himalia.datasets.show_drafts import show_import
from himalia.datasets.tables import draft_files, drafts, imports
from himalia.datasets.tasks import OUTPUTS, message_of, task
from himalia.datasets.work.limits import Limits
from himalia.engine import outputs
from himalia.engine.board import Active
from himalia.engine.changes import Change
from himalia.engine.service import Engine, WorkloadSpec
from himalia.engine.states import ENDED, State
from himalia.projects.service import check_may_run
from himalia.snapshots.service import owned_size
from himalia.storage.trees import Tree, TreeFile

TIME_LIMIT_S = 6 * 3600.0
ARCHIVE = "archive"
PURPOSE = "import"
_OUT = OUTPUTS.rstrip("/")


class Imports:
    """Begin, follow and stop imports. `opened` are the folders of the machine that people may import from."""

    def __init__(
        self, drafts: Drafts, engine: Engine, exchange: Exchange, opened: Sequence[Path], limits: Limits
    ) -> None:
        self.drafts = drafts
        self.database = drafts.database
        self.engine = engine
        self.exchange = exchange
        self.opened = [str(folder) for folder in opened]
        self.limits = limits
        engine.on_change("task", self._changed, purpose=PURPOSE)
        engine.on_progress("task", self._progressed, purpose=PURPOSE)
        drafts.delete_hooks.append(self._draft_deleted)

    # What people ask for

    async def begin(self, access: Access, name: str, draft_id: str, body: ImportCreate) -> Import:
        """Begin an import. Raises NotFound, Invalid, DiskFull."""
        self.drafts.check_disk()
        if body.archive is not None:
            spec, values = await self._archive(access, name, draft_id, body.archive)
        else:
            spec, values = self._server_path(access, draft_id, body.server_path or "")

        def work(tx: Transaction) -> Import:
            check_may_run(tx, access)
            self.drafts.find(tx.connection, access, name, draft_id)
            if body.archive is not None:
                self._check_there(tx.connection, access, values["digest"])
            self.engine.submit(tx, spec)
            row = {
                "id": spec.id,
                "draft_id": draft_id,
                "archive": body.archive,
                "server_path": body.server_path,
                "into": body.into,
                "based": values["based"],
                "state": State.QUEUED,
                "message": None,
                "created_at": clock.now(),
                "created_by": access.person.id,
            }
            tx.execute(imports.insert().values(row))
            touch(tx, draft_id)
            return show_import(_row(tx.connection, spec.id))

        return await self.database.write(work)

    async def _archive(
        self, access: Access, name: str, draft_id: str, path: str
    ) -> tuple[WorkloadSpec, dict[str, Any]]:
        """The task that unpacks a file of the draft, which it sees as a tree of one file."""
        file = next(
            (f for f in (await self.drafts.tree(access, name, draft_id)).files if f.path == path), None
        )
        if file is None:
            raise Invalid.field("archive", f"There is no file {path} in this draft. Upload it first.")
        base = await self.drafts.base_of(access, name, draft_id)
        based = base is not None and any(one.path == path for one in base.files)
        tree = Tree.of([TreeFile(ARCHIVE, file.size, file.digest)])
        project = access.in_project["id"]
        stored = await self.drafts.snapshots.put(project, tree.digest, tree.to_bytes())
        command = ["unpack", f"inputs/{ARCHIVE}", _OUT, "--limits", str(self.limits)]
        inputs = {f"inputs/{ARCHIVE}": {"tree": stored.digest, "path": ARCHIVE}}
        spec = task(PURPOSE, _name(draft_id), (project, access.person.id), command, inputs, TIME_LIMIT_S)
        return spec, {"digest": file.digest, "based": based}

    @staticmethod
    def _check_there(connection: Connection, access: Access, digest: str) -> None:
        try:
            owned_size(connection, access.in_project["id"], digest)
        except NotFound:
            words = "The bytes of the archive have not arrived yet. Send them, then unpack it."
            raise Invalid.field("archive", words) from None

    def _server_path(self, access: Access, draft_id: str, path: str) -> tuple[WorkloadSpec, dict[str, Any]]:
        """The task that copies a folder of the machine. Whether it is there, only the task may look."""
        if not self.opened:
            words = "Nothing of the machine is open for imports. The administrator can set import_paths."
            raise Invalid.field("server_path", words)
        plain = os.path.normpath(path)
        inside = [folder for folder in self.opened if plain == folder or plain.startswith(f"{folder}/")]
        if not inside or ".." in path.split("/"):
            listed = ", ".join(self.opened)
            raise Invalid.field(
                "server_path", f"{path} is not in a folder that is open for imports: {listed}."
            )
        folder = max(inside, key=len)
        command = ["import_path", "inputs/folder", _OUT, f"--below={plain[len(folder) :].lstrip('/')}"]
        whose = access.in_project["id"], access.person.id
        inputs = {"inputs/folder": {"folder": folder}}
        limits = ["--limits", str(self.limits)]
        spec = task(PURPOSE, _name(draft_id), whose, [*command, *limits], inputs, TIME_LIMIT_S)
        return spec, {"based": False}

    async def stop(self, access: Access, name: str, draft_id: str, import_id: str) -> Import:
        """End an import; the draft stays as it was before it. Raises NotFound, WrongState when it has ended."""

        def work(tx: Transaction) -> Import:
            self.drafts.find(tx.connection, access, name, draft_id)
            row = _row(tx.connection, import_id)
            if row is None or row.draft_id != draft_id:
                raise NotFound("This draft has no such import.")
            self.engine.stop(tx, import_id)
            return show_import(_row(tx.connection, import_id))

        return await self.database.write(work)

    def _draft_deleted(self, tx: Transaction, draft_id: str) -> None:
        query = sa.select(imports.c.id).where(
            imports.c.draft_id == draft_id, imports.c.state.notin_(list(ENDED))
        )
        for import_id in list(tx.execute(query).scalars()):
            self.engine.stop(tx, import_id)

    # What the engine tells

    def _changed(self, tx: Transaction, changes: list[Change]) -> None:
        for change in changes:
            row = _row(tx.connection, change.id)
            if row is None:
                continue  # its draft is gone
            values: dict[str, Any] = {"state": change.state, "message": message_of(tx.connection, change)}
            if change.state == State.SUCCEEDED:
                values |= self._bring(tx, change, row)
            tx.execute(imports.update().where(imports.c.id == change.id).values(values))
            self._publish(tx, row.draft_id, {"id": change.id, "fraction": None, **values})

    def _bring(self, tx: Transaction, change: Change, row: Any) -> dict[str, Any]:
        """Make what a task has left the draft's files; an archive goes, since what was in it has come."""
        left = outputs.of(tx.connection, change.id, change.attempt)
        into = f"{row.into}/" if row.into else ""
        files = [
            {
                "path": into + one.path.removeprefix(OUTPUTS),
                "size": one.size,
                "digest": one.digest,
                "executable": False,
            }
            for one in left
            if one.path.startswith(OUTPUTS)
        ]
        try:
            check_paths([str(file["path"]) for file in files])
        except Invalid as error:
            return {"state": State.FAILED, "message": str(error)}
        draft = tx.execute(sa.select(drafts).where(drafts.c.id == row.draft_id)).first()
        if row.archive is not None:
            mine = sa.and_(draft_files.c.draft_id == row.draft_id, draft_files.c.path == row.archive)
            tx.execute(draft_files.delete().where(mine))
            if row.based and all(file["path"] != row.archive for file in files):
                files.append({"path": row.archive, "size": 0, "digest": None, "executable": False})
        self.drafts.put_files(tx, draft, files)
        return {"message": f"{len(left):,} files came."}

    def _publish(self, tx: Transaction, draft_id: str, data: Mapping[str, Any]) -> None:
        message = {"type": "progress", "data": dict(data)}
        tx.after_commit(lambda: self.exchange.publish(f"draft:{draft_id}", lambda: message))

    def _progressed(self, item: Active, data: Mapping[str, Any]) -> None:
        message = {"type": "progress", "data": {"id": item.id, "state": item.state, **data}}
        self.exchange.publish(f"draft:{item.name.removeprefix(_name(''))}", lambda: message)


def _name(draft_id: str) -> str:
    """What an import's task is called: its progress is told to those who look at the draft."""
    return f"import-{draft_id}"


def _row(connection: Connection, import_id: str) -> Any:
    return connection.execute(sa.select(imports).where(imports.c.id == import_id)).first()
