"""What pods get of this package: the same file for the same code, and enough for any Python."""

from __future__ import annotations

import ast
import io
import json
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from himalia.engine.backends.kubernetes.inject import SHARED, runner_zip

BARE = Path("/usr/bin/python3")
"""An interpreter that has nothing of ours."""


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "himalia.zip"
    path.write_bytes(runner_zip().data)
    return path


@pytest.fixture
def service() -> Iterator[ThreadingHTTPServer]:
    """What a runner reports to, and no more."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Takes)
    server.reports = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


class _Takes(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.reports += body["reports"]  # type: ignore[attr-defined]
        self._answer({"acknowledged": body["reports"][-1]["n"], "should_stop": False, "stop": None})

    def _answer(self, content: dict[str, Any]) -> None:
        data = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Stay quiet."""


def python(
    archive: Path, *arguments: str, interpreter: str = str(BARE), **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run an interpreter that finds the archive and, if it has it, its own installed packages."""
    environment = {"PATH": os.defpath, "PYTHONPATH": str(archive), **variables}
    command = [interpreter, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)


def test_equal_code_makes_an_equal_file() -> None:
    first = runner_zip()
    runner_zip.cache_clear()
    assert runner_zip() == first
    assert len(first.data) < 1_000_000  # what a ConfigMap holds
    code = "from himalia.engine.backends.kubernetes.inject import runner_zip; print(runner_zip().digest)"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == first.digest


def test_it_holds_whatever_it_imports() -> None:
    with zipfile.ZipFile(io.BytesIO(runner_zip().data)) as held:
        sources = {name: held.read(name).decode() for name in held.namelist()}
    there = {name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in sources}
    missing = [
        f"{name} imports {module}"
        for name, text in sources.items()
        if name.removeprefix("himalia/") not in SHARED
        for node in ast.walk(ast.parse(text))
        for module in _imported(node)
        if module.startswith("himalia.") and module not in there
    ]
    assert missing == []
    assert {"himalia.runner.pod", "himalia.run._kept", "himalia.serving.__main__"} <= there


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [one.name for one in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


@pytest.mark.skipif(not BARE.exists(), reason="this system has no Python of its own")
def test_a_bare_interpreter_runs_a_workload_with_it_alone(
    archive: Path, tmp_path: Path, service: ThreadingHTTPServer
) -> None:
    code = (
        "import himalia, sys; print(himalia.run.id, himalia.__file__); himalia.run.log('x', 1); sys.exit(4)"
    )
    task = {"kind": "command", "command": ["python3", "-c", code], "directory": str(tmp_path / "job")}
    launch = {"name": "a-1", "workload": "a", "attempt": 1, "task": task}
    launch["url"] = f"http://127.0.0.1:{service.server_port}"
    (tmp_path / "launch.json").write_text(json.dumps(launch))
    (tmp_path / "run").mkdir()
    options = ("--launch", str(tmp_path / "launch.json"), "--folder", str(tmp_path / "run"))
    done = python(archive, "-m", "himalia.runner.pod", *options)
    assert (done.returncode, done.stderr) == (0, "")
    by_kind = {report["op"]: report for report in service.reports}  # type: ignore[attr-defined]
    assert by_kind["log"]["text"] == f"a {archive}/himalia/__init__.py\n"
    assert by_kind["metrics"]["items"][0][:3] == ["x", 0, 1.0]
    assert (by_kind["ended"]["exit_code"], by_kind["ended"]["reason"]) == (4, "user_error")


def test_what_is_installed_beside_it_is_found(archive: Path) -> None:
    code = "import himalia, himalia.client as c, himalia.environments.local as e; print(himalia.run.__file__, c, e)"
    found = python(archive, "-c", code, interpreter=sys.executable)
    assert found.returncode == 0, found.stderr
    assert found.stdout.startswith(f"{archive}/himalia/run/")
    assert found.stdout.count(str(archive)) == 1


@pytest.mark.skipif(not BARE.exists(), reason="this system has no Python of its own")
def test_what_is_not_installed_is_said_plainly(archive: Path) -> None:
    found = python(archive, "-S", "-c", "import himalia.client")
    assert "No module named 'himalia.client'" in found.stderr


def test_a_launch_file_that_cannot_be_read_is_told(archive: Path, tmp_path: Path) -> None:
    for content in (None, "{"):
        if content is not None:
            (tmp_path / "launch.json").write_text(content)
        done = python(archive, "-m", "himalia.runner.pod", "--launch", str(tmp_path / "launch.json"))
        assert done.returncode == 1
        assert "The launch file" in done.stderr
        assert "Traceback" not in done.stderr
