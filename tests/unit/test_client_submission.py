"""What is sent for a notebook, a script or a command, and where outputs are saved."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from himalia.client.downloads import place_below, place_for
from himalia.client.errors import Invalid
from himalia.client.submission import Code, seconds, snapshot_of, spec_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90", 90),
        ("90s", 90),
        ("45m", 2700),
        ("2h", 7200),
        ("1d 12h", 129_600),
        ("1.5h", 5400),
        (" 2H30M ", 9000),
    ],
)
def test_durations(text: str, expected: float) -> None:
    assert seconds(text) == expected


def test_durations_of_other_kinds() -> None:
    assert (seconds(None), seconds(3), seconds(timedelta(minutes=2))) == (None, 3.0, 120.0)


@pytest.mark.parametrize("text", ["", "h", "2x", "-3s", "1h2d", "two"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="not a duration"):
        seconds(text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "train.ipynb").write_text("{}")
    (tmp_path / "sub" / "requirements.txt").write_text("six\n")
    (tmp_path / "go.py").write_text("print(1)\n")
    return tmp_path


def test_a_notebook_goes_with_its_folder_and_requirements(folder: Path) -> None:
    code = Code(folder / "sub" / "train.ipynb", None, None, None)
    snapshot = snapshot_of(code)
    assert snapshot is not None
    assert [file.path for file in snapshot.files] == ["requirements.txt", "train.ipynb"]
    needed = code.requirements("auto", snapshot)
    assert spec_of(code, "0" * 64, needed, {"parameters": {}, "size": None}) == {
        "kind": "notebook",
        "notebook": "train.ipynb",
        "requirements": "requirements.txt",
        "snapshot": "0" * 64,
    }
    assert code.requirements(None, snapshot) is None


def test_a_wider_folder_changes_the_paths(folder: Path) -> None:
    code = Code(folder / "sub" / "train.ipynb", None, None, folder)
    assert (code.file, code.requirements("auto", snapshot_of(code))) == (
        "sub/train.ipynb",
        "sub/requirements.txt",
    )
    script = Code(None, folder / "go.py", None, folder)
    assert script.requirements("auto", snapshot_of(script)) is None


def test_a_file_that_an_ignore_rule_names_goes_along_all_the_same(folder: Path) -> None:
    (folder / ".himaliaignore").write_text("*.py\n")
    snapshot = snapshot_of(Code(None, folder / "go.py", None, None))
    assert snapshot is not None
    assert "go.py" in [file.path for file in snapshot.files]


def test_a_command_takes_no_code_unless_told(folder: Path) -> None:
    assert snapshot_of(Code(None, None, ["true"], None)) is None
    assert snapshot_of(Code(None, None, ["true"], folder)) is not None


def test_wrong_code_is_refused(folder: Path) -> None:
    for arguments, words in [
        ((None, None, None, None), "exactly one"),
        (("a.ipynb", "b.py", None, None), "exactly one"),
        ((folder / "no.ipynb", None, None, None), "no file"),
        ((folder / "sub", None, None, None), "not a file"),
        ((None, None, "python train.py", None), "list of words"),
        ((None, folder / "go.py", None, folder / "sub"), "not in the folder"),
    ]:
        with pytest.raises(Invalid, match=words):
            Code(*arguments)


def test_outputs_stay_in_the_folder(tmp_path: Path) -> None:
    assert place_below("a/b.txt", tmp_path) == tmp_path / "a" / "b.txt"
    (tmp_path / "link").symlink_to("/etc")
    for path in ("../x", "/etc/passwd", "a/../../x", "a//b", "", ".", "link/passwd", "a\0b"):
        with pytest.raises(Invalid, match="not saved"):
            place_below(path, tmp_path)


def test_an_output_goes_into_a_folder_or_to_a_file(tmp_path: Path) -> None:
    assert place_for("plots/a.png", tmp_path) == tmp_path / "a.png"
    assert place_for("plots/a.png", tmp_path / "b.png") == tmp_path / "b.png"
