"""The floor of free disk is kept while bytes come, not only before."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from himalia.core import people
from himalia.core.database import Database
from himalia.core.disk import CHECK_BYTES, Disk
from himalia.core.errors import DiskFull
from himalia.core.migrate import migrate
from himalia.projects import service as projects_service
from himalia.projects.schema import ProjectCreate
from himalia.snapshots.service import Snapshots
from himalia.storage.directory import DirectoryStore
from himalia.tracking.passing import checked


async def pieces(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield bytes(CHECK_BYTES)


def test_what_runs_may_use_half_of_the_floor(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    Disk(tmp_path, free // 2).check()
    with pytest.raises(DiskFull, match="this is not taken"):
        Disk(tmp_path, free // 2).check(free)
    scarce = Disk(tmp_path, free * 3 // 2)
    scarce.check(runs=True)
    with pytest.raises(DiskFull, match="no new work is taken"):
        scarce.check()
    with pytest.raises(DiskFull):
        Disk(tmp_path, free * 3).check(runs=True)


async def test_large_objects_end_at_the_floor(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/himalia.sqlite")
    await asyncio.to_thread(migrate, database)
    database.start()
    ada = await database.write(lambda tx: people.ensure(tx, "ada", "2026-01-01", []))
    project = await database.write(lambda tx: projects_service.create(tx, ProjectCreate(name="p"), ada))
    store = DirectoryStore(tmp_path / "objects")
    full = Disk(tmp_path, 2**60)
    snapshots = Snapshots(database, store, 2**30, full.check)
    for runs in (False, True):
        with pytest.raises(DiskFull):
            await snapshots.receive(project["id"], None, pieces(3), 2**30, runs)
    stored = await snapshots.receive(project["id"], None, pieces(1), 2**30, runs=True)
    assert stored.size == CHECK_BYTES, "little things of what runs are kept"
    store.close()
    database.close()


async def test_files_for_mlflow_end_at_the_floor(tmp_path: Path) -> None:
    passed = [piece async for piece in checked(pieces(3), Disk(tmp_path, 0).check)]
    assert len(passed) == 3
    with pytest.raises(DiskFull):
        async for _ in checked(pieces(3), Disk(tmp_path, 2**60).check):
            pass
