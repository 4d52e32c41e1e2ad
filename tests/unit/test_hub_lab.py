"""What Lab is given, in a real sandbox."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from himalia.engine.backends.local.sandbox import Sandbox, start
from himalia.hub import lab

UID = 210_005


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir="/tmp", prefix="h"))
    folder.chmod(0o711)
    for name in ("home", "examples"):
        (folder / name).mkdir(mode=0o755)
    (folder / "examples" / lab.FIRST_NOTEBOOK).write_text("{}")
    if os.geteuid() == 0:
        os.chown(folder / "home", UID, UID)
    yield folder
    shutil.rmtree(folder)


def first_start(place: Path) -> str:
    """Runs what precedes Lab in a first start, then a command instead of Lab."""
    sandbox = Sandbox(
        user="ada",
        uid=UID,
        gid=UID,
        home="/home/ada",
        directory="/home/ada",
        writable={"/home/ada": place / "home"},
        readable={lab.EXAMPLES: place / "examples"},
        environment={"PATH": "/usr/bin:/bin"},
    )
    line = lab.command("/home/ada", first=True)
    argv = [*line[: line.index(sys.executable)], "/bin/sh", "-c", "ls -l examples; cat examples/*; echo done"]
    with tempfile.TemporaryFile() as log:
        process = start(sandbox, argv, log)
        assert process.wait(20)
        process.stop(0)
        log.seek(0)
        return log.read().decode()


def test_examples_are_copied_for_their_new_owner(home: Path) -> None:
    assert first_start(home).endswith("{}done\n")
    copied = home / "home" / "examples" / lab.FIRST_NOTEBOOK
    copied.write_text("changed")
    if os.geteuid() == 0:
        assert copied.stat().st_uid == UID
    assert copied.stat().st_mode & 0o600 == 0o600
    assert first_start(home).endswith("changeddone\n")
    assert (home / "examples" / lab.FIRST_NOTEBOOK).read_text() == "{}"


def test_lab_starts_when_the_copy_fails(home: Path) -> None:
    shutil.rmtree(home / "home")
    (home / "home").mkdir(mode=0o555)
    if os.geteuid() == 0:
        assert first_start(home).endswith("done\n")


def test_each_environment_is_a_kernel() -> None:
    environments = [
        {"name": "base", "title": "Base", "prefix": "/e/base"},
        {"name": "ml", "title": "ML", "prefix": "/e/ml"},
    ]
    files = {path: json.loads(text) for path, text in lab.files("ml", environments, "/o", 100).items()}
    kernel = files[f"{lab.FOLDER}/kernels/ml/kernel.json"]
    assert kernel["argv"][0] == "/e/ml/bin/python"
    assert kernel["display_name"] == "ML"
    assert kernel["env"]["PATH"].startswith("/e/ml/bin:")
    extended = files[f"{lab.FOLDER}/kernels/ml.requirements/kernel.json"]
    assert extended["display_name"] == "ML + requirements.txt"
    assert extended["metadata"]["kernel_provisioner"]["config"] == {
        "environment": "ml",
        "prefix": "/e/ml",
        "overlays": "/o",
    }
    settings = files[f"{lab.FOLDER}/etc/jupyter_server_config.json"]
    assert settings["MappingKernelManager"]["default_kernel_name"] == "ml"
    assert settings["MappingKernelManager"]["cull_busy"] is False
