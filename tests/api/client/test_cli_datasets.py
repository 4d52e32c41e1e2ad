"""`himalia datasets` against the real service."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from client_harness import Run, run_himalia
from platforms import Person


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "flowers"
    (root / "red").mkdir(parents=True)
    (root / "red" / "1.txt").write_text("rose")
    (root / "blue.txt").write_text("lupin")
    return root


def test_adding_listing_and_comparing(run: Run, folder: Path) -> None:
    assert run("datasets", "list").stdout.startswith("There are no such datasets.")
    assert (
        run("datasets", "add", "flowers", str(folder), "--alias", "gold").stdout
        == "flowers@1: 2 files, 9 B\n"
    )
    again = ["datasets", "add", "flowers", str(folder)]
    assert run(*again).stdout == "Nothing differs from version 1.\n"
    assert run(*again, "--alias", "old").stdout == "Nothing differs from version 1, which is old now.\n"
    assert json.loads(run(*again, "--json").stdout)["is_new"] is False
    (folder / "blue.txt").write_text("cornflower")
    made = json.loads(run("datasets", "add", "flowers", str(folder), "--note", "Blue", "--json").stdout)
    assert (made["number"], made["spec"]["note"], made["is_new"]) == (2, "Blue", True)
    assert "flowers" in run("datasets", "list").stdout
    lines = run("datasets", "versions", "flowers").stdout.splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["2", "1"]
    assert "gold" in lines[2]
    assert "changed  5 B     10 B   blue.txt" in run("datasets", "diff", "flowers").stdout
    assert "red/1.txt" in run("datasets", "files", "flowers@gold", "--prefix", "red/").stdout
    shown = run("datasets", "show", "flowers@gold").stdout
    assert "Aliases   gold" in shown


def test_saving_laying_out_and_aliases(run: Run, folder: Path, tmp_path: Path) -> None:
    run("datasets", "add", "flowers", str(folder))
    run("datasets", "download", "flowers", "--to", str(tmp_path / "copy"))
    assert (tmp_path / "copy" / "red" / "1.txt").read_text() == "rose"
    assert run("datasets", "checkout", "flowers").stdout.endswith("/flowers@1\n")
    assert run("datasets", "alias", "flowers@1", "gold").stdout == "gold is flowers@1\n"
    run("datasets", "alias", "flowers", "gold", "--remove")
    said = run_himalia("datasets", "show", "flowers@gold", code=1).stderr
    assert "has no version gold" in said


def test_importing_and_looking(run: Run, folder: Path, tmp_path: Path, ada: Person) -> None:
    (folder / "t.csv").write_text("count,word\n1,x\n3,y\n")
    shutil.make_archive(str(tmp_path / "set"), "zip", folder)
    assert (
        run("datasets", "import", "packed", str(tmp_path / "set.zip")).stdout == "packed@1: 3 files, 28 B\n"
    )
    lines = run("datasets", "preview", "packed").stdout.splitlines()
    assert lines[0] == "table: 3 files, 28 B (2 .txt, 1 .csv)"
    assert "t.csv: 2 rows" in lines
    assert any(line.split() == ["count", "BIGINT", "0", "2", "1", "to", "3"] for line in lines)
    assert json.loads(run("datasets", "croissant", "packed").stdout)["name"] == "packed"
    opened = ada.platform.folder / "imports" / "cli"
    opened.mkdir(mode=0o755, exist_ok=True)
    (opened / "1.txt").write_text("one")
    (opened / "1.txt").chmod(0o644)
    said = run(
        "datasets", "import", "packed", str(opened), "--from-server", "--keep", "--into", "more"
    ).stdout
    assert said == "packed@2: 4 files, 31 B\n"


def test_deleting_and_restoring(run: Run, folder: Path) -> None:
    run("datasets", "add", "flowers", str(folder))
    run("datasets", "delete", "flowers")
    run_himalia("datasets", "show", "flowers", code=1)
    assert run("datasets", "restore", "flowers", "--name", "again").stdout == "again\n"
    assert json.loads(run("datasets", "show", "again", "--json").stdout)["status"]["versions"] == 1


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["add", "x", "/not/there"], 1, "There is no folder and no file /not/there."),
        (["show", "nothing"], 1, "There is no dataset named nothing in this project."),
        (["add", "Bad Name", __file__], 1, "use lowercase letters"),
        (["files"], 2, "Missing argument"),
    ],
)
def test_mistakes_end_in_one_sentence(run: Run, words: list[str], code: int, sentence: str) -> None:
    done = run_himalia("datasets", *words, code=code)
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
