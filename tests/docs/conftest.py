"""Each page's examples run in a folder and a project of their own, as Ada would run them in her server."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from platforms import ROOT, Person, Running

import himalia


@dataclass
class Place:
    """Where a page's examples run: a folder, a project, and somebody's environment variables."""

    folder: Path
    project: str
    person: Person
    variables: dict[str, str]


def _variables(person: Person, project: str, folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HIMALIA_", "JUPYTER"))}
    return {
        **kept,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder / ".config"),
        "HIMALIA_URL": f"{person.platform.url}/services/himalia",
        "JUPYTERHUB_API_TOKEN": person.token,
        "HIMALIA_PROJECT": project,
    }


@pytest.fixture
def place(ada: Person, bob: Person, tmp_path: Path) -> Iterator[Place]:
    """Ada's folder, with the examples, and a project that is deleted afterwards."""
    folder = tmp_path / "home"
    folder.mkdir()
    shutil.copytree(ROOT / "examples", folder / "examples")
    name = f"d-{secrets.token_hex(4)}"
    with himalia.Client(ada.platform.url, ada.token) as client:
        client.projects.create(name)
        yield Place(folder, name, ada, _variables(ada, name, folder))
        client.projects.delete(name, cascade=True)


@pytest.fixture
def administration(admin: Person, himalia: Running, place: Place) -> dict[str, str]:
    """What an administrator's shell on the machine has."""
    home = {"HIMALIA_HOME": str(himalia.home), "HIMALIA_TOKEN": admin.token}
    return {**_variables(admin, place.project, place.folder), **home}
