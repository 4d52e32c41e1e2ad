"""Every example of the SDK's and the command's pages, and every program in examples/, is run."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from client_harness import HIMALIA
from platforms import ROOT, Person

import himalia


@pytest.fixture
def place(
    environment: None, folder: Path, client: himalia.Client, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A folder with the notebook and the script that the pages speak of; nobody else's project `digits`."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", f"{Path(HIMALIA).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("VALUE", "hidden")
    shutil.copy(ROOT / "examples" / "train.py", folder)
    if "digits" in [project.name for project in client.projects.list()]:
        client.projects.delete("digits", cascade=True)
    return folder


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    found = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found, f"{page} has no examples"
    return found


@pytest.mark.slow
def test_the_pages_of_the_sdk(place: Path) -> None:
    names: dict[str, Any] = {}
    for block in blocks("sdk.md", "python"):
        exec(compile(block, "sdk.md", "exec"), names)
    assert names["job"].state == "SUCCEEDED"
    assert names["with_secret"].state == "SUCCEEDED"
    assert (place / "results.ipynb").exists()


@pytest.mark.slow
def test_the_page_of_the_command(place: Path) -> None:
    lines = [line for block in blocks("cli.md", "console") for line in block.splitlines()]
    assert lines
    assert all(line.startswith("$ ") for line in lines)
    for line in lines:
        done = subprocess.run(
            ["bash", "-c", line[2:]],
            capture_output=True,
            text=True,
            timeout=90,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    assert (place / "results.ipynb").exists()


def test_the_reference_of_commands_is_up_to_date() -> None:
    subprocess.run([sys.executable, ROOT / "tools" / "cli_reference.py", "--check"], check=True, timeout=60)


def example(name: str, python: str = sys.executable) -> str:
    line = [python, str(ROOT / "examples" / name)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_example_that_submits(place: Path) -> None:
    said = example("submit.py")
    assert re.search(r"^y = 2\.9\d+ x \+ 0\.9\d+$", said, re.MULTILINE)
    assert "SUCCEEDED; metrics: {'loss':" in said
    assert (place / "results" / "line.txt").exists()


def test_the_example_that_sweeps(place: Path) -> None:
    lines = example("sweep.py").splitlines()
    assert len(lines) == 3
    assert all("SUCCEEDED" in line for line in lines)


def test_the_example_that_searches(place: Path) -> None:
    lines = example("search.py").splitlines()
    assert len(lines) == 9
    assert re.match(r"best: 0\.0\d+ with {'rate': ", lines[-1]), lines


def test_the_example_that_writes_digits(environments: Path, tmp_path: Path) -> None:
    python = str(environments / "scikit-learn" / "bin" / "python")
    for _ in range(2):
        line = [python, str(ROOT / "examples" / "digit_files.py"), str(tmp_path / "digits")]
        subprocess.run(line, check=True, capture_output=True, timeout=120)
    pictures = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.png"))
    assert len(pictures) == 1797
    assert {path.parent.name for path in pictures} == set("0123456789")
    with (tmp_path / "digits/digits.csv").open() as table:
        rows = list(csv.DictReader(table))
    assert len(rows) == 1797
    assert rows[0] == {
        "file": "images/0/0000.png",
        "label": "0",
        "ink": "0.2871",
        "width": "6",
        "height": "8",
    }


def test_the_script_of_the_examples_runs_by_itself(
    environments: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "hub"))
    assert "y = " in example("train.py", str(environments / "base" / "bin" / "python"))
