"""What existing-hub.md says, done to the letter: a hub of somebody else's, the service beside it, a job."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from platforms import PASSWORD, Person, free_port

from himalia.supervisor.proxy import proxy_command

from .examples import named

THEIRS = """
import sys
c = get_config()
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = {password!r}
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub_port}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api_port}"
c.ConfigurableHTTPProxy.command = {proxy!r}
"""


def until(check: Callable[[], bool], what: str, timeout_s: float = 60) -> None:
    """Ask until it is so: neither hub nor service tells when it answers."""
    deadline = time.monotonic() + timeout_s
    while not check():
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        time.sleep(0.1)


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture
def hub(environments: Path) -> Iterator[SimpleNamespace]:
    """The page's three steps, with this test's folder and ports in the place of the page's."""
    folder = Path(tempfile.mkdtemp(dir="/tmp", prefix="hdoc"))
    folder.chmod(0o711)
    port, hub_port, api_port, service_port = (free_port() for _ in range(4))
    url = f"http://127.0.0.1:{port}"
    ours = {
        "/var/lib/himalia": str(folder / "home"),
        "https://lab.example.org": url,
        "HUB_PORT=8081": f"HUB_PORT={hub_port}",
        "8003": str(service_port),
    }

    def step(how: str) -> str:
        (block,) = named(how)
        text = block.content
        for page, here in ours.items():
            text = text.replace(page, here)
        return text

    subprocess.run(["bash", "-euc", step("secrets")], check=True, timeout=30)
    (folder / "home").chmod(0o711)
    (folder / "home" / "environments").mkdir(mode=0o755)
    (folder / "home" / "environments" / "base").symlink_to(environments / "base")
    values = {"password": PASSWORD, "port": port, "hub_port": hub_port, "api_port": api_port}
    theirs = THEIRS.format(**values, proxy=list(proxy_command()))
    (folder / "config.py").write_text(theirs + step("install"))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    log = (folder / "log").open("ab")
    lines = {"hub": [sys.executable, "-m", "jupyterhub", "-f", "config.py"]}
    lines["service"] = [
        "bash",
        "-euc",
        step("service").replace("HIMALIA_ADDRESS", "exec env HIMALIA_ADDRESS", 1),
    ]
    running = {
        name: subprocess.Popen(
            line,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "PATH": path},
        )
        for name, line in lines.items()
    }
    try:
        yield SimpleNamespace(url=url, log=folder / "log")
    finally:
        for process in reversed(running.values()):
            process.send_signal(signal.SIGINT)  # the service ends what runs, too
            process.wait(30)
        log.close()
        shutil.rmtree(folder)


@pytest.mark.slow
def test_a_job_on_a_hub_of_somebody_else(hub: SimpleNamespace) -> None:
    until(
        lambda: answers(f"{hub.url}/services/himalia/health"), "the service answers through the hub's proxy"
    )
    grace = Person(hub, "grace")  # type: ignore[arg-type]
    try:
        body = {
            "name": "first",
            "spec": {"kind": "command", "command": ["echo", "from a job"], "profile": "base"},
        }
        assert grace.http.post(f"/projects/{grace.project}/jobs", json=body).status_code == 201
        assert grace.ended("first")["status"]["state"] == "SUCCEEDED"
        assert grace.text("first") == "from a job\n"
    finally:
        grace.close()
