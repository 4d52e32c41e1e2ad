"""Drafts and uploads on a real database: what happens between two steps, and what is forgotten when."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from himalia.core import clock, people
from himalia.core.access import Access
from himalia.core.database import Database, Transaction
from himalia.core.errors import DiskFull, NotFound, WrongState
from himalia.core.identity import Identity
from himalia.core.migrate import migrate
from himalia.datasets.drafts import Drafts
from himalia.datasets.handed import HandedFiles
from himalia.datasets.partial import PartialFiles
from himalia.datasets.schema import DatasetCreate, DraftCommit, DraftCreate
from himalia.datasets.service import Datasets
from himalia.datasets.tables import drafts as draft_table
from himalia.datasets.tables import imports
from himalia.datasets.uploads import Uploads
from himalia.lineage.service import Lineage
from himalia.projects import service as projects
from himalia.projects.schema import ProjectCreate
from himalia.snapshots.service import Snapshots
from himalia.storage.base import Stored
from himalia.storage.directory import DirectoryStore

COMMIT = DraftCommit()


def check_disk(size: int = 0) -> None:
    """There is room."""


async def pieces(*content: bytes) -> AsyncIterator[bytes]:
    for piece in content:
        yield piece


@dataclass
class Parts:
    """The services, and a person who may do everything with the dataset `it`."""

    database: Database
    drafts: Drafts
    uploads: Uploads
    access: Access

    async def draft(self, brief: bool = False) -> str:
        return (await self.drafts.create(self.access, "it", DraftCreate(brief=brief))).id

    async def upload(self, draft: str, size: int) -> str:
        described = f"path {b64encode(b'file').decode()}"
        return await self.uploads.create(self.access, "it", draft, size, described)

    async def unused_for(self, draft: str, time: timedelta) -> None:
        query = draft_table.update().where(draft_table.c.id == draft).values(updated_at=clock.now() - time)
        await self.database.write(lambda tx: tx.execute(query))


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Parts]:
    database = Database(f"sqlite:///{tmp_path}/himalia.sqlite")
    await asyncio.to_thread(migrate, database)
    database.start()

    def begin(tx: Transaction) -> Access:
        ada = people.ensure(tx, "ada", "2026-01-01", [])
        return Access(Identity("person", person=ada), projects.create(tx, ProjectCreate(name="p"), ada))

    access = await database.write(begin)
    (tmp_path / "uploads").mkdir()
    store = DirectoryStore(tmp_path / "objects")
    datasets = Datasets(database, Snapshots(database, store, 1 << 20, check_disk), Lineage(), check_disk)
    drafts = Drafts(datasets, PartialFiles(tmp_path / "uploads"))
    await datasets.create(access, DatasetCreate(name="it"))
    handed = HandedFiles(tmp_path / "files.sock", [tmp_path])
    yield Parts(database, drafts, Uploads(drafts, handed, 1 << 20), access)
    store.close()
    database.close()


async def test_a_whole_file_whose_row_cannot_be_written_is_not_lost(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise DiskFull("full")

    draft = await parts.draft()
    upload = await parts.upload(draft, 5)
    with monkeypatch.context() as patched:
        patched.setattr(Drafts, "add", full)
        with pytest.raises(DiskFull):
            await parts.uploads.append(parts.access, "it", draft, upload, 0, pieces(b"who", b"le"))
    state = await parts.uploads.state(parts.access, "it", draft, upload)
    assert (state.offset, state.digest is not None) == (5, True)
    assert (await parts.drafts.commit(parts.access, "it", draft, COMMIT))[1]


async def test_an_upload_that_begins_during_a_commit_is_not_lost(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = await parts.draft()
    await parts.uploads.append(parts.access, "it", draft, await parts.upload(draft, 3), 0, pieces(b"old"))
    original, begun = Snapshots.put, []

    async def slow(self: Snapshots, project_id: str, digest: str | None, content: bytes) -> Stored:
        begun.append(await parts.upload(draft, 3))
        return await original(self, project_id, digest, content)

    with monkeypatch.context() as patched:
        patched.setattr(Snapshots, "put", slow)
        with pytest.raises(WrongState, match="Commit it again"):
            await parts.drafts.commit(parts.access, "it", draft, COMMIT)
    assert (await parts.uploads.append(parts.access, "it", draft, begun[0], 0, pieces(b"new"))).digest
    assert (await parts.drafts.commit(parts.access, "it", draft, COMMIT))[0].status.files == 1


async def test_unused_drafts_go_but_not_while_an_import_fills_one(parts: Parts) -> None:
    day, hours = timedelta(days=1), timedelta(hours=3)
    old, importing, fresh, brief = [await parts.draft() for _ in range(3)] + [await parts.draft(brief=True)]
    used = await parts.draft(brief=True)
    for draft, unused in ((old, 8 * day), (importing, 8 * day), (fresh, 6 * day), (brief, hours)):
        await parts.unused_for(draft, unused)
    row = {
        "id": "a" * 16,
        "draft_id": importing,
        "into": "",
        "based": False,
        "state": "RUNNING",
        "created_at": clock.now(),
        "created_by": parts.access.person.id,
    }
    await parts.database.write(lambda tx: tx.execute(imports.insert().values(row)))
    assert await parts.database.write(parts.drafts.purge) == 2
    for draft in (importing, fresh, used):
        await parts.drafts.get(parts.access, "it", draft)
    with pytest.raises(NotFound):
        await parts.drafts.get(parts.access, "it", brief)
    await parts.database.write(lambda tx: tx.execute(sa.update(imports).values(state="FAILED")))
    assert await parts.database.write(parts.drafts.purge) == 1


async def test_a_newest_version_that_was_deleted_since_is_no_new_one(parts: Parts) -> None:
    for content in (b"one", b"two"):
        draft = await parts.draft()
        await parts.uploads.append(
            parts.access, "it", draft, await parts.upload(draft, 3), 0, pieces(content)
        )
        await parts.drafts.commit(parts.access, "it", draft, COMMIT)
    draft = (await parts.drafts.create(parts.access, "it", DraftCreate(base="2"))).id
    await parts.drafts.datasets.delete_version(parts.access, "it", "2", cascade=False)
    with pytest.raises(NotFound):
        await parts.drafts.datasets.version(parts.access, "it", "2")
    version, is_new = await parts.drafts.commit(parts.access, "it", draft, COMMIT)
    assert (version.number, is_new, version.status.size) == (3, True, 3)
