"""The SDK's and the command's tests share the session's platform; each works in a project of its own."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from client_harness import Run, notebook, run_himalia
from platforms import Person

import himalia


@pytest.fixture(autouse=True)
def _no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith(("HIMALIA_", "JUPYTERHUB_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def project(ada: Person) -> str:
    """A new project of Ada's."""
    name = f"t-{secrets.token_hex(4)}"
    with himalia.Client(ada.platform.url, ada.token) as client:
        client.projects.create(name)
    return name


@pytest.fixture
def client(ada: Person, project: str) -> Iterator[himalia.Client]:
    with himalia.Client(ada.platform.url, ada.token, project) as made:
        yield made


@pytest.fixture
def environment(ada: Person, project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a notebook server has in its environment."""
    monkeypatch.setenv("HIMALIA_URL", f"{ada.platform.url}/services/himalia")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", ada.token)
    monkeypatch.setenv("HIMALIA_PROJECT", project)


@pytest.fixture
def run(environment: None) -> Run:
    """The command, for Ada and the test's project."""
    return run_himalia


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A notebook that logs a metric and leaves a file, with a module beside it."""
    place = tmp_path / "code"
    place.mkdir()
    (place / "steps.py").write_text("def value(step):\n    return 1 / (step + 1)\n")
    body = """
import himalia.run as run
from steps import value
for step in range(steps):
    run.log("loss", value(step), step)
    print("step", step, flush=True)
"""
    last = 'open("made.txt", "w").write("ü" * steps)\nrun.output("made.txt")'
    (place / "train.ipynb").write_text(notebook("steps = 2  # how many", body, last))
    return place
