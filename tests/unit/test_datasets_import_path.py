"""Copying a folder of the machine: everything plain in it, and nothing that a link could lead to."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from himalia.datasets.work import import_path
from himalia.datasets.work.import_path import copy
from himalia.datasets.work.limits import Limits
from himalia.datasets.work.preview.child import guarded
from himalia.datasets.work.say import CannotGoOn

ANY = Limits(free=0)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret.txt").write_text("secret")
    root = tmp_path / "opened"
    (root / "set/a").mkdir(parents=True)
    (root / "set/1.txt").write_text("one")
    (root / "set/a/2.txt").write_text("two")
    (root / "set/A").mkdir()
    (root / "set/A/2.TXT").write_text("three")
    (root / "other.txt").write_text("other")
    return root


def found(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}


def test_a_folder_is_copied_as_it_is(root: Path, tmp_path: Path) -> None:
    words = copy(root, "set", tmp_path / "out", ANY)
    assert found(tmp_path / "out") == {"1.txt": "one", "a/2.txt": "two", "A/2.TXT": "three"}
    assert words == "Copied 3 files, 11 bytes."
    assert (root / "set/1.txt").stat().st_nlink == (tmp_path / "out/1.txt").stat().st_nlink == 1


def test_all_of_it_or_one_file(root: Path, tmp_path: Path) -> None:
    copy(root, "", tmp_path / "all", ANY)
    assert len(found(tmp_path / "all")) == 4
    copy(root, "/set//1.txt", tmp_path / "one", ANY)
    assert found(tmp_path / "one") == {"1.txt": "one"}


def test_links_and_devices_are_left_out(root: Path, tmp_path: Path) -> None:
    (root / "set/link.txt").symlink_to(tmp_path / "outside/secret.txt")
    (root / "set/folder").symlink_to(tmp_path / "outside")
    os.mkfifo(root / "set/fifo")
    words = copy(root, "set", tmp_path / "out", ANY)
    assert "secret" not in "".join(found(tmp_path / "out").values())
    assert words.endswith("Left out 3 links and other things that are no plain files.")


@pytest.mark.parametrize(
    "below", ["link", "link/secret.txt", "set/../../outside", "..", "set/1.txt/x", "none"]
)
def test_no_path_leads_out(root: Path, tmp_path: Path, below: str) -> None:
    (root / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(CannotGoOn):
        copy(root, below, tmp_path / "out", ANY)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_becomes_a_link_meanwhile_is_left_out(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = import_path._Copying._below

    def swapped(self: import_path._Copying, folder: int, name: str, path: str) -> None:
        if name == "a":
            (root / "set/a").rename(root / "moved")
            (root / "set/a").symlink_to(tmp_path / "outside")
        plain(self, folder, name, path)

    monkeypatch.setattr(import_path._Copying, "_below", swapped)
    words = copy(root, "set", tmp_path / "out", ANY)
    assert found(tmp_path / "out") == {"1.txt": "one", "A/2.TXT": "three"}
    assert "Left out 1" in words


def test_limits_are_kept(root: Path, tmp_path: Path) -> None:
    with pytest.raises(CannotGoOn, match="more than 2 files"):
        copy(root, "set", tmp_path / "out", Limits(free=0, files=2))
    with pytest.raises(CannotGoOn, match="more than 5 bytes"):
        copy(root, "set", tmp_path / "out", Limits(free=0, total=5))
    assert {path.name for path in tmp_path.iterdir()} == {"outside", "opened"}


def test_names_that_are_one_in_unicode_are_refused(root: Path, tmp_path: Path) -> None:
    for name in ("é.txt", "e\u0301.txt"):
        (root / "set" / name).write_text(name)
    with pytest.raises(CannotGoOn, match="twice"):
        copy(root, "set", tmp_path / "out", ANY)


def test_what_may_not_be_read_is_named() -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        place.chmod(0o777)
        (place / "set").mkdir()
        (place / "set/open.txt").write_text("open")
        (place / "set/closed.txt").write_text("closed")
        (place / "set/closed.txt").chmod(0)

        def as_nobody() -> str:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            with pytest.raises(CannotGoOn) as caught:
                copy(place, "set", place / "out", ANY)
            return str(caught.value)

        words = guarded(as_nobody, 20)
        assert words.startswith("1 files or folders may not be read by you, such as 'closed.txt'.")
        assert {path.name for path in place.iterdir()} == {"set"}
