"""A real resident runner, and the service's side of its protocol over real sockets."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from himalia.engine.backends import base
from himalia.testing.workload_api import WorkloadApi

TOKEN = "test-token-of-the-runner"
TIMEOUT_S = 60.0
KERNEL = [sys.executable, *base.KERNEL]


class Link:
    """One connection of a service to a runner. Reports are acknowledged as they are read unless ``ack=False``."""

    def __init__(self, path: Path, token: str = TOKEN, version: int = 1, ack: bool = True) -> None:
        self._ack = ack
        self._socket = _connect(path)
        self._socket.settimeout(TIMEOUT_S)
        self._stream = self._socket.makefile("rb")
        self.send(op="hello", version=version, token=token)
        line = self._stream.readline()
        self.hello: dict[str, Any] | None = json.loads(line) if line else None

    def send(self, **message: Any) -> None:
        self._socket.sendall(json.dumps(message).encode() + b"\n")

    def read(self) -> dict[str, Any] | None:
        """The next report, or None when the runner has closed."""
        line = self._stream.readline()
        if not line:
            return None
        report: dict[str, Any] = json.loads(line)
        if self._ack:
            self.send(op="ack", upto=report["n"])
        return report

    def until(self, op: str, name: str) -> dict[str, Any]:
        """The next report ``op`` of ``name``."""
        while True:
            report = self.read()
            assert report is not None, f"the runner closed before {op} of {name}"
            if report["op"] == op and report["name"] == name:
                return report

    def close(self) -> None:
        self._stream.close()
        self._socket.close()


class Runner:
    """A folder with a service's HTTP side and a resident runner, started with ``options``."""

    def __init__(self, *options: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="h", dir="/tmp"))
        self.api = WorkloadApi(self.folder / "api.sock")
        self.socket = self.folder / "r.sock"
        self.options = options
        self._links: list[Link] = []
        self.logs: dict[str, str] = {}
        self.launch()

    def launch(self) -> None:
        """Start the runner, after its death once more on the same state."""
        self.socket.unlink(missing_ok=True)
        command = [sys.executable, "-m", "himalia.runner.resident", "--socket", str(self.socket)]
        command += ["--state", str(self.folder / "state"), "--run-socket", str(self.folder / "run.sock")]
        command += ["--api", self.api.url, *self.options]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE)
        assert self.process.stdin is not None
        self.process.stdin.write(TOKEN.encode() + b"\n")
        self.process.stdin.close()
        self.link = self.connect()

    def connect(self, **options: Any) -> Link:
        link = Link(self.socket, **options)
        self._links.append(link)
        return link

    def task(self, name: str, kind: str = "command", **fields: Any) -> dict[str, Any]:
        return {"kind": kind, "directory": str(self.directory(name)), "token": f"him_work_{name}", **fields}

    def directory(self, name: str) -> Path:
        return self.folder / "w" / name

    def start(self, name: str, *command: str, after: str | None = None, **fields: Any) -> None:
        """Start ``command``, or what ``fields`` say."""
        if command:
            fields["command"] = list(command)
        self.link.send(op="start", name=name, task=self.task(name, **fields), after=after)

    def python(self, name: str, code: str, **fields: Any) -> None:
        """Start Python code as a command."""
        self.start(name, sys.executable, "-c", code, **fields)

    def end(self, name: str) -> dict[str, Any]:
        """The final report of ``name``; collects its log on the way."""
        text = b""
        while True:
            report = self.link.read()
            assert report is not None, f"the runner closed before {name} ended"
            if report.get("name") != name:
                continue
            if report["op"] == "log":
                piece = report["text"].encode()
                text = text[: report["offset"]] + piece
            if report["op"] == "ended":
                self.logs[name] = text.decode()
                return report

    def run(self, name: str, *command: str, **fields: Any) -> dict[str, Any]:
        self.start(name, *command, **fields)
        return self.end(name)

    def kill(self) -> None:
        """SIGKILL to the runner, as a crash would."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        for link in self._links:
            link.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        self.api.down()
        private = (self.folder / "state" / "private-folder").read_text()
        shutil.rmtree(self.folder)
        assert not Path(private).exists()


def wait_for(condition: Any, what: str, timeout_s: float = TIMEOUT_S) -> None:
    """Return once ``condition()`` is true; used for what no protocol tells, such as the death of a grandchild."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Whether ``pid`` is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def processes_with(text: str) -> list[int]:
    """Processes whose environment holds ``text``, a runner's leftovers for instance."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if text.encode() in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def _connect(path: Path) -> socket.socket:
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(path))
        except OSError:
            connection.close()
            assert time.monotonic() < deadline, "the runner does not listen"
            time.sleep(0.01)
        else:
            return connection
