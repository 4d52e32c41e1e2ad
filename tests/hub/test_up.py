"""`himalia up` for real: proxy, hub and service, their deaths, and the supervisor's own."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from hub_platform import runs
from processes import kill

from himalia.supervisor.home import Home
from himalia.supervisor.status import status

PASSWORD = "a-password-for-tests"
HIMALIA = [sys.executable, "-c", "from himalia.cli.main import main; main()"]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _until(check: Callable[[], Any], what: str, timeout_s: float = 60.0) -> Any:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if found := check():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {timeout_s:g} s: {what}")


@dataclass
class Up:
    """One home, and the `himalia up` that runs in it."""

    home: Path
    port: int
    process: subprocess.Popen[str] | None = None
    said: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        line = [*HIMALIA, *words, "--home", str(self.home)]
        return subprocess.run(line, capture_output=True, text=True, check=False, timeout=90)

    def start(self, *words: str) -> None:
        """Start it and read what it says until it is ready."""
        line = [*HIMALIA, "up", "--home", str(self.home), "--address", f"127.0.0.1:{self.port}", *words]
        self.process = subprocess.Popen(
            line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
        assert self.process.stdout is not None
        self.said = []
        for text in self.process.stdout:
            self.said.append(text.rstrip("\n"))
            if text.startswith("Ctrl-C"):
                return
        raise AssertionError("\n".join(self.said))

    def stop(self, number: signal.Signals = signal.SIGINT) -> str:
        """Stop it; what it said meanwhile."""
        assert self.process is not None
        self.process.send_signal(number)
        said, _ = self.process.communicate(timeout=60)
        return said

    def status(self) -> dict[str, Any]:
        return status(Home.at(self.home))

    def pids(self) -> dict[str, int]:
        return {process["name"]: process["pid"] for process in self.status()["processes"]}

    def service_answers(self) -> bool:
        try:
            answer = httpx.get(f"{self.url}/services/himalia/health")
        except httpx.TransportError:
            return False
        return answer.status_code == 200 and answer.json()["status"] == "ok"

    def hub_answers(self) -> bool:
        try:
            answer = httpx.get(f"{self.url}/hub/api/")
        except httpx.TransportError:
            return False
        return answer.status_code == 200 and "version" in answer.json()

    def processes(self) -> list[str]:
        """Command lines of whatever was started for this home."""
        marker = f"HIMALIA_HOME={self.home}".encode()
        found = []
        for folder in Path("/proc").iterdir():
            try:
                if folder.name.isdigit() and marker in (folder / "environ").read_bytes().split(b"\0"):
                    found.append((folder / "cmdline").read_text().replace("\0", " "))
            except OSError:
                continue
        return found


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir="/tmp", prefix="h"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def up(home: Path) -> Iterator[Up]:
    made = Up(home, _free_port())
    file = home.with_suffix(".password")
    file.write_text(f"{PASSWORD}\n")
    made.start("--admin-password-file", str(file))
    file.unlink()
    yield made
    if made.process is not None and made.process.poll() is None:
        made.stop()
    made.command("down")


def test_the_start_ends_with_the_address_and_no_password(up: Up) -> None:
    said = "\n".join(up.said)
    assert re.findall(r"http://\S+", said) == [up.url]
    for name in ("proxy", "hub", "service", "gateway"):
        assert re.search(rf"^  {name} +ready after \d+\.\d s$", said, re.MULTILINE)
    assert "assword" not in said


def test_the_administrator_signs_in(up: Up) -> None:
    with httpx.Client(base_url=up.url, follow_redirects=True) as browser:
        browser.get("/hub/login")
        form = {"username": "admin", "password": PASSWORD, "_xsrf": browser.cookies["_xsrf"]}
        browser.post("/hub/login", data={**form, "password": "wrong"})
        assert "jupyterhub-session-id" not in browser.cookies
        browser.post("/hub/login?next=/hub/home", data=form)
        assert "jupyterhub-session-id" in browser.cookies
        assert browser.get("/hub/admin").status_code == 200


def test_all_is_healthy(up: Up) -> None:
    found = up.command("status", "--json")
    assert found.returncode == 0
    shown = json.loads(found.stdout)
    assert (shown["url"], shown["healthy"]) == (up.url, True)
    assert {process["name"]: process["state"] for process in shown["processes"]} == dict.fromkeys(
        ("proxy", "hub", "service", "gateway"), "healthy"
    )
    assert 50 * 2**20 < shown["memory"]["platform_bytes"] < 600 * 2**20
    assert "MEMORY" in up.command("status").stdout


def test_secrets_are_nobody_elses(up: Up) -> None:
    secrets = [file.read_text() for file in (up.home / "secrets").iterdir()]
    assert len(secrets) == 4
    lines = [Path("/proc", str(pid), "cmdline").read_text() for pid in up.pids().values()]
    logs = [file.read_text() for file in (up.home / "logs").iterdir()]
    assert not [secret for secret in secrets for text in (*lines, *logs) if secret in text]


def test_a_second_up_gives_the_address(up: Up) -> None:
    answer = up.command("up")
    assert answer.returncode == 0
    assert f"runs already in {up.home}" in answer.stdout
    assert up.url in answer.stdout


def test_a_busy_port_is_explained(up: Up) -> None:
    other = Up(Path(tempfile.mkdtemp(dir="/tmp", prefix="h")), up.port)
    answer = other.command("up", "--address", f"127.0.0.1:{up.port}")
    shutil.rmtree(other.home)
    assert answer.returncode == 1
    assert f"Port {up.port} of 127.0.0.1 is in use" in answer.stderr


@pytest.mark.parametrize("name", ["service", "hub", "proxy", "gateway"])
def test_what_is_killed_comes_back(up: Up, name: str) -> None:
    before = up.pids()
    kill(before[name])
    _until(
        lambda: up.status()["processes"] and up.pids()[name] not in (None, before[name]),
        "restart",
    )
    # With its routes lost, the proxy would answer for the service with a redirect.
    _until(up.service_answers, "the service through the proxy")
    _until(up.hub_answers, "the hub through the proxy")
    after = up.pids()
    assert {other for other in before if before[other] != after[other]} == {name}


def test_a_killed_supervisor_is_taken_over(up: Up) -> None:
    before = up.pids()
    assert up.process is not None
    up.process.kill()
    up.process.wait()
    assert up.hub_answers(), "what it supervised runs on"
    assert up.command("status").returncode == 3
    up.start()
    assert any("this one takes over" in text for text in up.said)
    assert not [pid for pid in before.values() if runs(pid)]
    assert up.command("status").returncode == 0


def test_an_orderly_stop_leaves_nothing(up: Up) -> None:
    said = up.stop()
    assert said.split("\n")[-3:] == ["Stopping …", "Stopped.", ""]
    assert up.process is not None
    assert up.process.returncode == 0
    assert up.processes() == []
    assert [file.name for file in (up.home / "run").iterdir() if file.suffix in (".pid", ".sock")] == []
    with socket.create_server(("127.0.0.1", up.port)):
        pass


def test_two_homes_side_by_side_and_down(up: Up) -> None:
    one, two = up, Up(Path(tempfile.mkdtemp(dir="/tmp", prefix="h")), _free_port())
    one.start()
    assert not [text for text in one.said if "assword" in text], "shown at the very first start only"
    two.start()
    try:
        found = re.search(r"Sign in as +admin\n +Password +(\S+) +\(shown only now\)", "\n".join(two.said))
        assert found is not None
        ports = [json.loads((each.home / "run" / "ports.json").read_text()) for each in (one, two)]
        assert len({port for kept in ports for port in kept.values()}) == 10
        logs = [file.read_text() for file in (two.home / "logs").iterdir()]
        assert not [text for text in logs if found[1] in text]
        assert one.hub_answers()
    finally:
        stopped = two.command("down")
        assert two.process is not None
        two.process.communicate(timeout=60)
    assert (stopped.returncode, stopped.stdout) == (0, "Stopped.\n")
    assert two.processes() == []
    shutil.rmtree(two.home)
    assert one.service_answers()
