"""MLflow as a process beside the service, ended and started by others."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

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
def mlflow(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "himalia.tracking.sidecar"],
        env={**os.environ, "HIMALIA_HOME": str(home)},
        stdin=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def alive(home: Path) -> tuple[int, str]:
    """What the kubelet is told when it asks."""
    done = subprocess.run(
        [sys.executable, "-m", "himalia.tracking.alive"],
        env={**os.environ, "HIMALIA_HOME": str(home)},
        stderr=subprocess.PIPE,
        text=True,
    )
    return done.returncode, done.stderr


async def until(check: object, timeout_s: float = 120) -> None:
    deadline = time.monotonic() + timeout_s
    while not check():  # type: ignore[operator]
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_it_is_waited_for_and_found_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sidecar, "LOOK_S", 0.1)
    monkeypatch.setattr(sidecar, "WAIT_S", 120)  # its start takes long on a busy machine
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
        assert alive(home) == (0, "")
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert alive(home) == (1, "MLflow does not answer: [Errno 111] Connection refused\n")
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


async def test_a_new_database_is_made_before_it_listens(home: Path) -> None:
    """Two calls at once would make it twice, and wait for each other."""
    with mlflow(home):
        await until((home / "s" / "mlflow" / "mlflow.sock").exists)
        with sqlite3.connect(home / "mlflow" / "mlflow.sqlite") as connection:
            assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
