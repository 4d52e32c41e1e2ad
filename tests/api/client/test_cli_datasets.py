"""`himalia datasets` against the real service."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from client_harness import Run, run_himalia


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
    (folder / "blue.txt").write_text("cornflower")
    made = json.loads(run("datasets", "add", "flowers", str(folder), "--note", "Blue", "--json").stdout)
    assert (made["number"], made["spec"]["note"]) == (2, "Blue")
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
