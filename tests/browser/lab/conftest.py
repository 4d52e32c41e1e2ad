"""JupyterLab with the built panels and the development service, seen through headless Chromium.

What the panels do on a real platform is tested elsewhere; here it is the kit and the server extension.
"""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page

REPOSITORY = Path(__file__).resolve().parents[3]
LABEXTENSION = REPOSITORY / "extensions" / "labextension"
sys.path.insert(0, str(LABEXTENSION / "dev"))

import devlab  # noqa: E402

NOTEBOOK = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    "cells": [
        {
            "cell_type": "code",
            "id": "parameters",
            "metadata": {"tags": ["parameters"]},
            "execution_count": None,
            "outputs": [],
            "source": [
                "max_iter = 100  # passes over the data\n",
                "C: float = 1\n",
                "fail = False\n",
                "solver: Literal['lbfgs', 'saga'] = 'lbfgs'\n",
                "note: str | None = None\n",
            ],
        }
    ],
}


@dataclass
class Lab:
    """A running Lab: its address, its token, and the folder it shows."""

    address: str
    token: str
    root: Path

    @property
    def http(self) -> httpx.Client:
        return httpx.Client(
            base_url=self.address + devlab.BASE, headers={"Authorization": f"token {self.token}"}, timeout=60
        )

    def service(self, method: str, path: str, **content: Any) -> httpx.Response:
        """A call of the development service."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.request(method, f"{self.address}/services/himalia{path}", headers=headers, **content)


def _start(root: Path, seed: str) -> tuple[subprocess.Popen[bytes], Lab]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    environment = {**devlab.environment(port, seed, root.parent / "state"), "JUPYTER_TOKEN": token}
    log = (root.parent / "lab.log").open("wb")
    process = subprocess.Popen(
        devlab.command(root, port), env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
    )
    lab = Lab(f"http://127.0.0.1:{port}", token, root)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if lab.http.get("api/status").status_code == 200:
                return process, lab
        except httpx.TransportError:
            time.sleep(0.1)
    process.kill()
    raise RuntimeError("Lab did not start:\n" + (root.parent / "lab.log").read_text(errors="replace")[-4000:])


def _running_lab(seed: str) -> Iterator[Lab]:
    if not (REPOSITORY / "extensions" / "himalia_lab" / "labextension" / "package.json").exists():
        pytest.fail("The panels are not built: npm ci && npm run build:prod in extensions/labextension.")
    place = Path(tempfile.mkdtemp(dir="/tmp", prefix="hl"))
    root = place / "home"
    root.mkdir()
    (root / "digits.ipynb").write_text(json.dumps(NOTEBOOK))
    (root / "train.py").write_text("print('hello')\n")
    process, lab = _start(root, seed)
    try:
        yield lab
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(place)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """A Lab whose service holds some jobs of every kind."""
    yield from _running_lab("full")


@pytest.fixture(scope="session")
def crowded_lab() -> Iterator[Lab]:
    """A Lab whose service holds five thousand jobs, one with a log of a million lines."""
    yield from _running_lab("many")


@contextmanager
def opened_page(context: BrowserContext, lab: Lab, path: str = "lab", width: int = 1280) -> Iterator[Page]:
    """Lab with the navigator shown, in a page that remembers nothing of others; it must not throw."""
    page = context.new_page()
    page.set_viewport_size({"width": width, "height": 800})
    thrown: list[str] = []
    page.on("pageerror", lambda error: thrown.append(str(error)))
    page.goto(f"{lab.address}{devlab.BASE}{path}?token={lab.token}&reset")
    page.wait_for_selector('.jp-SideBar [data-id="himalia-navigator"]', timeout=90_000)
    # Until Lab has put up its first view, that view would come before one opened by a test.
    page.wait_for_selector(".jp-Notebook" if "tree" in path else ".jp-Launcher")
    run(page, "himalia:show-jobs")
    page.wait_for_selector(".hm-JobRow, .hm-Empty")
    yield page
    page.evaluate("localStorage.clear()")
    page.close()
    context.clear_cookies()
    assert thrown == [], thrown


@pytest.fixture
def open_lab(warm: BrowserContext) -> Iterator[Callable[..., Page]]:
    """Opens pages of Lab, which close with the test."""
    with ExitStack() as opened:
        yield lambda *how, **more: opened.enter_context(opened_page(warm, *how, **more))


def run(page: Page, command: str, arguments: dict[str, Any] | None = None) -> None:
    """Run one of Lab's commands without waiting for its end."""
    page.evaluate(
        "([command, given]) => { void window.jupyterapp.commands.execute(command, given); }",
        [command, arguments or {}],
    )
