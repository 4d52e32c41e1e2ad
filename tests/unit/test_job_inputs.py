"""What a deleted job needs to come back."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from himalia.core import clock, links, people
from himalia.core.database import Database, Transaction
from himalia.core.errors import WrongState
from himalia.core.migrate import migrate
from himalia.datasets.tables import datasets, versions
from himalia.jobs import inputs
from himalia.projects import service as projects_service
from himalia.projects.schema import ProjectCreate

READS = {"x": {"dataset": "digits", "version": 1, "version_id": "v1", "tree": "t"}}
JOB = SimpleNamespace(id="j", inputs=READS)


def fill(tx: Transaction) -> None:
    now = clock.now()
    ada = people.ensure(tx, "ada", "2026-01-01", [])
    project = projects_service.create(tx, ProjectCreate(name="p"), ada)
    made = {"created_at": now, "created_by": ada.id}
    tx.execute(
        datasets.insert().values(
            **made, id="d", project_id=project["id"], name="digits", labels={}, spec={}, version=1, last_number=1,
            updated_at=now,
        )
    )  # fmt: skip
    tx.execute(
        versions.insert().values(
            **made, id="v1", dataset_id="d", number=1, note="", tree="t", files=1, size=1
        )
    )


async def test_a_job_comes_back_unless_what_it_read_could_come_back_first(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/himalia.sqlite")
    await asyncio.to_thread(migrate, database)
    database.start()

    def linked(tx: Transaction) -> list[str]:
        inputs.link_again(tx, [JOB])
        query = sa.select(links.links.c.from_id).where(links.links.c.to_id == "dataset:v1")
        return list(tx.execute(query).scalars())

    await database.write(fill)
    assert await database.write(linked) == ["job:j"]
    gone = versions.update().values(deleted_at=clock.now())
    await database.write(lambda tx: tx.execute(gone).rowcount)
    with pytest.raises(WrongState, match="digits@1, which was deleted"):
        await database.write(linked)
    await database.write(lambda tx: tx.execute(sa.delete(links.links)).rowcount)
    await database.write(lambda tx: tx.execute(sa.delete(versions)).rowcount)
    assert await database.write(linked) == []
    database.close()
