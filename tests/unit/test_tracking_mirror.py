"""What jobs measured is told to MLflow once, whenever it starts; what is gone for good goes there, too."""

from __future__ import annotations

import asyncio
import math
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from himalia.core import clock, people
from himalia.core.database import Database, Transaction
from himalia.core.disk import Disk
from himalia.core.migrate import migrate
from himalia.core.people import Person
from himalia.core.settings import Settings
from himalia.engine.folders import Folders
from himalia.engine.tables import attempts, metrics, workloads
from himalia.jobs.tables import jobs
from himalia.projects import service as projects_service
from himalia.projects.schema import ProjectCreate
from himalia.projects.tables import projects
from himalia.tracking.client import MlflowClient
from himalia.tracking.runs import run_of
from himalia.tracking.service import WORKSPACES, Tracking

POINTS = 2500
"""More than MLflow takes in one call."""


def _home() -> Path:
    home = Path(tempfile.mkdtemp(prefix="h", dir="/tmp"))
    home.chmod(0o711)
    Folders(home).prepare()
    return home


@pytest.fixture
async def tracking() -> AsyncIterator[Tracking]:
    home = _home()
    database = Database(f"sqlite:///{home}/service/himalia.sqlite")
    await asyncio.to_thread(migrate, database)
    database.start()
    made = Tracking(Settings(home=home), database, Disk(home, 0).check)
    made.start()
    yield made
    await made.stop()
    database.close()
    shutil.rmtree(home)


def project(tx: Transaction, name: str) -> tuple[Person, str]:
    person = people.ensure(tx, name, "2026-01-01", [])
    made = projects_service.create(tx, ProjectCreate(name=name), person)
    return person, made["id"]


def job(tx: Transaction, person: Person, project_id: str, identifier: str, state: str, count: int) -> None:
    now = clock.now()
    spec = {"kind": "notebook", "notebook": "train.ipynb", "parameters": {"depth": 3, "of": [1, "a"]}}
    common = {"id": identifier, "name": identifier, "project_id": project_id, "created_at": now}
    tx.execute(
        workloads.insert().values(
            **common, kind="job", person_id=person.id, spec=spec, priority=0, state=state, attempt=1,
            devices={}, restarts=0, tries=0, queued_at=now,
        )
    )  # fmt: skip
    tx.execute(
        jobs.insert().values(
            **common, labels={"himalia/experiment": "wide"}, spec=spec, version=1, created_by=person.id,
            updated_at=now,
        )
    )  # fmt: skip
    tx.execute(
        attempts.insert().values(
            workload_id=identifier, attempt=1, state=state, starting_at=now, started_at=now, ended_at=now
        )
    )
    for step in range(count):
        log(tx, identifier, "loss", step, 1 / (step + 1))


def log(
    tx: Transaction, identifier: str, name: str, step: int, value: float, source: str | None = None
) -> None:
    tx.execute(
        metrics.insert().values(
            workload_id=identifier,
            attempt=1,
            name=name,
            step=step,
            value=value,
            at=clock.now(),
            source=source,
        )
    )


async def until(check: Callable[[], Any], timeout_s: float = 30) -> Any:
    deadline = time.monotonic() + timeout_s
    while not (found := await check()):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
    return found


async def history(mlflow: MlflowClient, run_id: str, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (
        await mlflow.get("metrics/get-history", run_id=run_id, metric_key=name, max_results="25000")
    ).get("metrics", [])
    return found


async def test_a_backlog_is_caught_up_and_nothing_is_told_twice(tracking: Tracking) -> None:
    def before(tx: Transaction) -> str:
        person, project_id = project(tx, "ada")
        job(tx, person, project_id, "joba", "FAILED", POINTS)
        log(tx, "joba", "odd", 1, math.nan)
        log(tx, "joba", "not, a? name", 1, 1.0)
        log(tx, "joba", "own", 1, 1.0, source="mlflow")
        job(tx, person, project_id, "jobb", "RUNNING", 1)
        return project_id

    project_id = await tracking.database.write(before)
    assert tracking.process.state == "stopped", "a job alone does not start MLflow"
    async with tracking.client(project_id) as mlflow:

        async def of(name: str) -> str | None:
            return await tracking.database.read(lambda c: run_of(c, name, 1))

        run_id = await until(lambda: of("joba"))
        run = await until(lambda: _ended(mlflow, run_id))
        assert run["info"]["status"] == "FAILED"
        assert len(await history(mlflow, run_id, "loss")) == POINTS
        assert [point["value"] for point in await history(mlflow, run_id, "odd")] == ["NaN"]
        assert await history(mlflow, run_id, "own") == []
        params = {one["key"]: one["value"] for one in run["data"]["params"]}
        assert params == {"depth": "3", "of": '[1, "a"]'}
        place = await mlflow.get("experiments/get", experiment_id=run["info"]["experiment_id"])
        assert place["experiment"]["name"] == "wide", "the search of its trials"
        running = await until(lambda: of("jobb"))
        # A service that is killed before it has written down the run finds it again.
        from himalia.tracking.tables import mlflow_mirror, mlflow_runs

        def forgotten(tx: Transaction) -> None:
            tx.execute(mlflow_runs.delete().where(mlflow_runs.c.workload_id == "jobb"))
            tx.execute(mlflow_mirror.update().values(metric_id=mlflow_mirror.c.metric_id))
            log(tx, "jobb", "loss", 2, 0.5)

        await tracking.database.write(forgotten)
        tracking.mirror.started()
        assert await until(lambda: of("jobb")) == running
        await until(lambda: _count(mlflow, running, 2))


async def _ended(mlflow: MlflowClient, run_id: str) -> Any:
    run = (await mlflow.get("runs/get", run_id=run_id))["run"]
    return run if run["info"]["status"] != "RUNNING" else None


async def _count(mlflow: MlflowClient, run_id: str, count: int) -> bool:
    return len(await history(mlflow, run_id, "loss")) == count


async def test_what_is_gone_for_good_goes_in_mlflow_too(tracking: Tracking) -> None:
    _, gone = await tracking.database.write(lambda tx: project(tx, "gone"))
    _, kept = await tracking.database.write(lambda tx: project(tx, "kept"))
    for project_id in (gone, kept):
        async with tracking.client(project_id) as mlflow:
            put = await mlflow.http.put(
                "/api/2.0/mlflow-artifacts/artifacts/note.txt", content=b"x", headers=mlflow.headers
            )
            assert put.is_success

    def purge(tx: Transaction) -> None:
        deleted = projects.update().where(projects.c.id == gone)
        tx.execute(deleted.values(deleted_at=clock.now() - timedelta(days=60)))
        projects_service.purge(tx, 30, [])

    await tracking.database.write(purge)
    tracking.mirror.started()
    folder = tracking.process.folder / "artifacts" / "workspaces"

    async def removed() -> bool:
        return not (folder / gone).exists()

    await until(removed)
    assert (folder / kept / "note.txt").read_bytes() == b"x"
    async with tracking.client(kept) as mlflow:
        names = {one["name"] for one in (await MlflowClient(mlflow.http, kept).get(WORKSPACES))["workspaces"]}
    assert kept in names
    assert gone not in names


async def test_its_queries_are_for_postgresql_too(postgres_url: str) -> None:
    from himalia.tracking import mirror, runs

    # A database of its own: what it leaves is no platform's.
    server = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE mirror")
    server.dispose()
    database = Database(postgres_url.replace("/postgres?", "/mirror?"))
    try:
        await asyncio.to_thread(migrate, database)
        database.start()

        def work(tx: Transaction) -> None:
            mirror._mend(tx)
            person, project_id = project(tx, f"p{time.monotonic_ns()}")
            job(tx, person, project_id, f"j{time.monotonic_ns()}"[:16], "RUNNING", 2)
            found = mirror._unknown(tx.connection)
            assert [row.step for row in found[-2:]] == [0, 1]
            assert found[-1].project_id == project_id
            mirror._reached(tx, found[-1].id)
            assert mirror._unknown(tx.connection) == []
            runs._forget(tx)
            assert run_of(tx.connection, "none", 1) is None

        await database.write(work)
    finally:
        database.close()
