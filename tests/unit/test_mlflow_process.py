"""MLflow's process and the list of its calls: a real MLflow in its sandbox, without a platform around it."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from processes import kill

from himalia.core.processes import memory, sandboxed_in, tree
from himalia.core.settings import Settings
from himalia.engine.folders import Folders
from himalia.tracking.allowed import CALLS, find, find_for_pages
from himalia.tracking.process import MlflowProcess

INFO = "/api/3.0/mlflow/server-info"


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="h", dir="/tmp"))
    folder.chmod(0o711)
    Folders(folder).prepare()
    yield folder
    shutil.rmtree(folder)


@asynccontextmanager
async def mlflow_in(home: Path, idle_s: float = 600) -> AsyncIterator[MlflowProcess]:
    process = MlflowProcess(Settings(home=home, mlflow_idle_s=idle_s))
    try:
        yield process
    finally:
        await process.stop()
        assert sandboxed_in([home / "s" / "mlflow"]) == []


async def until(check: object, timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    while not check():  # type: ignore[operator]
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_it_starts_on_use_sees_nothing_and_ends_when_idle(home: Path) -> None:
    async with mlflow_in(home, idle_s=1) as process:
        assert process.state == "stopped"
        first, second = await asyncio.gather(_info(process), _info(process))
        assert first == second
        pid = process.pid
        assert pid is not None
        _check_sandbox(pid, process.uid, home)
        assert memory(tree([pid])) < 400 * 2**20
        await until(lambda: process.state == "stopped")
        await until(lambda: not sandboxed_in([home / "s" / "mlflow"]))


def _check_sandbox(outer: int, uid: int | None, home: Path) -> None:
    inside = tree([outer]) - {outer}
    assert len(inside) == 1, "one process, however many asked at once"
    seen = Path("/proc", str(inside.pop()))
    if os.geteuid() == 0:
        assert f"Uid:\t{uid}\t" in (seen / "status").read_text()
    # Its own network namespace, with nothing that listens in it.
    assert (seen / "ns/net").readlink() != Path("/proc/self/ns/net").readlink()
    for table in ("tcp", "tcp6"):
        assert (seen / "net" / table).read_text().count("\n") == 1
    assert [path.name for path in (seen / "root/run/himalia").iterdir()] == ["mlflow.sock"]
    assert not Path(f"{seen}/root{home}").exists()


async def _info(process: MlflowProcess) -> httpx.Response:
    async with process.use() as http:
        answer: dict[str, object] = (await http.get(INFO)).raise_for_status().json()
        assert answer["workspaces_enabled"] is True
        return answer  # type: ignore[return-value]


async def test_one_that_died_is_started_anew_and_nothing_is_lost(home: Path) -> None:
    async with mlflow_in(home) as process:
        async with process.use() as http:
            made = await http.post("/api/3.0/mlflow/workspaces", json={"name": "kept"})
            assert made.is_success, made.text
            pid = process.pid
        assert pid is not None
        kill(pid)
        await until(lambda: process.state == "stopped")
        async with process.use() as http:
            assert (await http.get("/api/3.0/mlflow/workspaces/kept")).is_success
            assert process.pid != pid
            process.memory_bytes = 2**20  # it has grown over what it may use
            await until(lambda: process.state == "stopped")


STARTS = """
import asyncio, sys
from pathlib import Path
from himalia.core.settings import Settings
from himalia.tracking.process import MlflowProcess

async def main():
    process = MlflowProcess(Settings(home=Path(sys.argv[1])))
    async with process.use():
        print("up", flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


def test_a_killed_service_leaves_none(home: Path) -> None:
    service = subprocess.Popen([sys.executable, "-c", STARTS, str(home)], stdout=subprocess.PIPE)
    assert service.stdout is not None
    with service, service.stdout:
        assert service.stdout.readline() == b"up\n"
        assert sandboxed_in([home / "s" / "mlflow"])
        service.kill()
    deadline = time.monotonic() + 10
    while sandboxed_in([home / "s" / "mlflow"]):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_is_not_listed_is_not_there() -> None:
    for method, path in (
        ("GET", "2.0/mlflow/webhooks"),
        ("POST", "3.0/mlflow/workspaces"),
        ("DELETE", "3.0/mlflow/workspaces/other"),
        ("POST", "2.0/mlflow/gateway/endpoints/create"),
        ("POST", "3.0/jobs"),
        ("POST", "3.0/mlflow/traces"),
        ("GET", "2.0/mlflow-artifacts/presigned/a"),
        ("POST", "2.0/mlflow-artifacts/mpu/create/a"),
        ("GET", "2.0/mlflow/runs/create"),
        ("GET", "2.0/mlflow-artifacts/artifacts/../../x"),
        ("GET", "2.0/mlflow-artifacts/artifacts//etc/passwd"),
        ("GET", "2.0/mlflow/runs/get/"),
    ):
        assert find(method, path) is None, path


def test_every_call_that_changes_something_is_a_write() -> None:
    reads = {call.path for call in CALLS if call.kind == "read" and call.method != "GET"}
    assert reads == {
        "2.0/mlflow/experiments/search",
        "2.0/mlflow/runs/search",
        "2.0/mlflow/logged-models/search",
        "2.0/mlflow/registered-models/get-latest-versions",
        "3.0/mlflow/traces/search",
    }


def test_every_listed_call_is_one_of_mlflow() -> None:
    """Of the version that is installed: a new one has to be looked through again."""
    known = _routes()
    for call in CALLS:
        shape = call.path.replace("{path*}", "{}")
        shape = "/".join("{}" if part.startswith("{") else part for part in shape.split("/"))
        assert (call.method, f"/api/{shape}") in known, call.path


def _routes() -> set[tuple[str, str]]:
    code = (
        "import re\n"
        "from mlflow.server.fastapi_app import app, flask_app\n"
        "plain = lambda path: re.sub(r'[<{][^>}]*[>}]', '{}', path)\n"
        "for rule in flask_app.url_map.iter_rules():\n"
        "    [print(method, plain(str(rule))) for method in rule.methods]\n"
        "for path, methods in app.openapi()['paths'].items():\n"
        "    [print(method.upper(), plain(path)) for method in methods]\n"
    )
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "_MLFLOW_SERVER_FILE_STORE": "sqlite://", "MLFLOW_ENABLE_WORKSPACES": "true"},
    )
    return {(method, path) for method, _, path in (line.partition(" ") for line in told.stdout.splitlines())}


def test_its_pages_only_read() -> None:
    assert find_for_pages("POST", "ajax-api/2.0/mlflow/runs/search")
    assert find_for_pages("GET", "static-files/static/js/main.js")
    assert find_for_pages("POST", "ajax-api/2.0/mlflow/runs/delete") is None
    assert find_for_pages("POST", "api/2.0/mlflow/runs/search") is None
    assert find_for_pages("POST", "ajax-api/2.0/mlflow/registered-models/create") is None
    assert find_for_pages("PUT", "ajax-api/2.0/mlflow-artifacts/artifacts/x") is None
