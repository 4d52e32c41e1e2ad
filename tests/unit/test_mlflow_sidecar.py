"""MLflow as a process beside the service, with SQLite and with PostgreSQL, ended and started by others."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from himalia.core.errors import Unavailable
from himalia.core.settings import Settings
from himalia.engine.folders import Folders
from himalia.tracking import sidecar
from himalia.tracking.sidecar import MlflowSidecar


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="h", dir="/tmp"))
    Folders(folder).prepare()
    yield folder
    shutil.rmtree(folder)


@contextmanager
def mlflow(home: Path, url: str | None = None) -> Iterator[subprocess.Popen[bytes]]:
    variables = {"HIMALIA_HOME": str(home), **({"HIMALIA_MLFLOW_DATABASE_URL": url} if url else {})}
    process = subprocess.Popen(
        [sys.executable, "-m", "himalia.tracking.sidecar"],
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def until(check: object, timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not check():  # type: ignore[operator]
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_it_is_waited_for_and_found_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sidecar, "LOOK_S", 0.1)
    beside = MlflowSidecar(Settings(home=home, mlflow_mode="sidecar"))
    ready: list[bool] = []
    beside.on_ready = lambda: ready.append(beside.is_ready)
    beside.start()
    assert beside.state == "starting"
    with mlflow(home) as process:
        async with beside.use() as http:  # which waits
            made = await http.post("/api/2.0/mlflow/experiments/create", json={"name": "one"})
            assert made.status_code == 200, made.text
        assert ready == [True]
        process.send_signal(signal.SIGKILL)
        process.wait()
        await until(lambda: beside.state == "starting")
    monkeypatch.setattr(sidecar, "WAIT_S", 0.2)
    with pytest.raises(Unavailable, match="MLflow does not answer now"):
        async with beside.use():
            pass
    with mlflow(home):
        await until(lambda: ready == [True, True])
        async with beside.use() as http:
            found = await http.get("/api/2.0/mlflow/experiments/get-by-name?experiment_name=one")
            assert found.json()["experiment"]["name"] == "one"
    await beside.stop()


async def test_on_postgresql(home: Path, postgres_url: str) -> None:
    server = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE mlflow")
    server.dispose()
    url = postgres_url.replace("+psycopg", "").replace("/postgres?", "/mlflow?")
    beside = MlflowSidecar(Settings(home=home, mlflow_mode="sidecar"))
    beside.start()
    with mlflow(home, url):
        await until(lambda: beside.is_ready)
        async with beside.use() as http:
            made = await http.post("/api/3.0/mlflow/workspaces", json={"name": "p-one"})
            assert made.status_code in (200, 201), made.text
            headers = {"X-MLFLOW-WORKSPACE": "p-one"}
            made = await http.post("/api/2.0/mlflow/experiments/create", json={"name": "e"}, headers=headers)
            assert made.status_code == 200, made.text
    await beside.stop()
    assert not (home / "mlflow" / "mlflow.sqlite").exists()
