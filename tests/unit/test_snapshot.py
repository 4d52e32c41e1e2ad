"""Snapshots of real folders: what is in, what is out, and what is refused."""

from __future__ import annotations

import ast
import os
import socket
import sys
from pathlib import Path

import pytest
from blake3 import blake3

import himalia.client.digest_cache
import himalia.client.snapshot
import himalia.client.snapshot_walk
from himalia.client.snapshot import (
    BadNameError,
    DigestCache,
    FileChangedError,
    SecretsInSnapshotError,
    Snapshot,
    SnapshotError,
    SnapshotTooLargeError,
    build,
)
from himalia.storage.trees import Tree


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    return folder


def fill(folder: Path, *paths: str) -> None:
    for path in paths:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"content of {path}")


def paths(snapshot: Snapshot) -> list[str]:
    return [file.path for file in snapshot.files]


def left_out(snapshot: Snapshot) -> dict[str, str]:
    return {entry.path: entry.reason for entry in snapshot.left_out}


def test_manifest_is_a_tree_and_the_bytes_can_be_had(folder: Path) -> None:
    fill(folder, "train.ipynb", "src/deep/model.py", "日本 語/ünï.txt", "-rf")
    (folder / "run.sh").write_bytes(b"#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "empty").touch()
    snapshot = build(folder)
    tree = Tree.parse(snapshot.manifest())
    assert [file.path for file in tree.files] == paths(snapshot)
    assert paths(snapshot) == [
        "-rf",
        "empty",
        "run.sh",
        "src/deep/model.py",
        "train.ipynb",
        "日本 語/ünï.txt",
    ]
    assert [file.path for file in tree.files if file.executable] == ["run.sh"]
    for file in tree.files:
        with snapshot.open(file.digest) as reader:
            content = reader.read()
        assert content == (folder / file.path).read_bytes()
        assert (blake3(content).hexdigest(), len(content)) == (file.digest, file.size)
    assert snapshot.size == tree.size
    with pytest.raises(KeyError):
        snapshot.open("0" * 64)


def test_an_empty_folder_is_an_empty_tree(folder: Path) -> None:
    assert Tree.parse(build(folder).manifest()).files == ()


def test_default_rules_leave_out_what_is_no_code(folder: Path) -> None:
    fill(folder, "a.py", "src/outputs/kept.txt")
    fill(
        folder, ".git/HEAD", "p/__pycache__/a.pyc", "b.pyc", ".ipynb_checkpoints/a.ipynb", "node_modules/x.js"
    )
    fill(folder, "outputs/out.ipynb", ".ssh/id_ed25519", ".config/token", ".bash_history", "sub/.DS_Store")
    fill(folder, "my-venv/pyvenv.cfg", "my-venv/lib/big.so", ".env/pyvenv.cfg")
    snapshot = build(folder)
    assert paths(snapshot) == ["a.py", "src/outputs/kept.txt"]
    assert set(left_out(snapshot)) == {"my-venv", ".env"}


def test_himaliaignore_has_gitignore_syntax_and_can_take_defaults_back(folder: Path) -> None:
    fill(
        folder,
        "a.py",
        "data/big.csv",
        "data/small.csv",
        "logs/x.log",
        "logs/keep/y.log",
        "outputs/kept.txt",
        "#x",
    )
    (folder / ".himaliaignore").write_text(
        "# data is elsewhere\ndata/*\n!data/small.csv\n\n*.log\n!/outputs/\n\\#x\n", encoding="utf-8"
    )
    assert paths(build(folder)) == [".himaliaignore", "a.py", "data/small.csv", "outputs/kept.txt"]


def test_include_takes_what_a_rule_names(folder: Path) -> None:
    fill(folder, "train.ipynb", "outputs/model/weights.bin", "outputs/other", "big/data.csv", "a.py")
    (folder / ".himaliaignore").write_text("*.ipynb\nbig/\n")
    snapshot = build(folder, include=["train.ipynb", "outputs/model", "big/data.csv"])
    assert paths(snapshot) == [
        ".himaliaignore",
        "a.py",
        "big/data.csv",
        "outputs/model/weights.bin",
        "train.ipynb",
    ]
    for absent in ("absent.ipynb", "../code/a.py", "/etc/passwd"):
        with pytest.raises(SnapshotError, match="no file of this folder"):
            build(folder, include=[absent])


def test_a_line_that_is_no_pattern_is_said(folder: Path) -> None:
    (folder / ".himaliaignore").write_text("ok\n!\n")
    with pytest.raises(SnapshotError, match="no pattern"):
        build(folder)


def test_links_are_files_inside_and_nothing_outside(folder: Path, tmp_path: Path) -> None:
    fill(folder, "data/real.csv", "outputs/ignored", "sub/a.py")
    (tmp_path / "outside").write_text("secret")
    (tmp_path / "code-neighbour").mkdir()
    (tmp_path / "code-neighbour/x").write_text("secret")
    for name, target in {
        "inside": "data/real.csv",
        "sub/up": "../data/real.csv",
        "absolute": str(folder / "data/real.csv"),
        "out": "../outside",
        "out-absolute": "/etc/passwd",
        "neighbour": "../code-neighbour/x",
        "around": "../outside/../code/../outside",
        "folder": "data",
        "itself": "itself",
        "nothing": "absent",
        "ignored": "outputs/ignored",
        "root": ".",
    }.items():
        (folder / name).symlink_to(target)
    snapshot = build(folder)
    assert paths(snapshot) == ["absolute", "data/real.csv", "inside", "sub/a.py", "sub/up"]
    assert len({f.digest for f in snapshot.files if f.path != "sub/a.py"}) == 1
    assert set(left_out(snapshot)) == {
        "around", "folder", "ignored", "itself", "neighbour", "nothing", "out", "out-absolute", "root",
    }  # fmt: skip
    assert "out of the folder" in left_out(snapshot)["out"]


def test_a_folder_reached_through_a_link_is_the_folder(folder: Path, tmp_path: Path) -> None:
    fill(folder, "a.py")
    (folder / "b.py").symlink_to(tmp_path / "link" / "a.py")
    (tmp_path / "link").symlink_to(folder)
    assert paths(build(tmp_path / "link")) == ["a.py", "b.py"]


@pytest.mark.parametrize("name", [".env", ".env.local", "sub/.env", "link"])
def test_env_files_are_refused_with_a_pointer_to_secrets(folder: Path, name: str) -> None:
    fill(folder, "a.py")
    if name == "link":
        fill(folder, "hidden/.env")
        (folder / ".himaliaignore").write_text("hidden\n")
        (folder / "link").symlink_to("hidden/.env")
    else:
        fill(folder, name)
    with pytest.raises(SecretsInSnapshotError, match="secrets of the project") as caught:
        build(folder, include=[name])
    assert caught.value.paths == [name]


def test_an_env_file_may_be_ignored_or_be_a_sample(folder: Path) -> None:
    fill(folder, "a.py", ".env", ".env.example")
    (folder / ".himaliaignore").write_text(".env\n")
    assert paths(build(folder)) == [".env.example", ".himaliaignore", "a.py"]


def test_too_large_names_the_ten_largest(folder: Path) -> None:
    for n in range(12):
        with (folder / f"{n:02}.bin").open("wb") as file:
            file.truncate((n + 1) << 20)
    with pytest.raises(SnapshotTooLargeError, match=r"78\.0 MiB, and the limit is 77\.0 MiB") as caught:
        build(folder, limit_bytes=77 << 20)
    assert caught.value.largest == [(f"{n:02}.bin", (n + 1) << 20) for n in range(11, 1, -1)]
    assert (caught.value.size, caught.value.limit_bytes) == (78 << 20, 77 << 20)
    assert "11.bin" in str(caught.value)
    assert build(folder, limit_bytes=78 << 20).size == 78 << 20


def test_too_many_files_end_the_search(folder: Path) -> None:
    fill(folder, *(f"{n}.txt" for n in range(20)))
    with pytest.raises(SnapshotTooLargeError, match="more than 10 files"):
        build(folder, limit_files=10)
    assert len(build(folder, limit_files=20).files) == 20


def test_sockets_pipes_and_devices_are_left_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(folder, "a.py")
    os.mkfifo(folder / "pipe")
    monkeypatch.chdir(folder)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        snapshot = build(folder)
    assert paths(snapshot) == ["a.py"]
    assert set(left_out(snapshot)) == {"pipe", "socket"}


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (b"caf\xe9.py", "UTF-8"),
        (b"line\nbreak", "control"),
        ("e\u0301.py".encode(), "NFC"),
        (b"d\xff/x.py", "UTF-8"),
    ],
)
def test_names_that_cannot_be_stored_are_said(folder: Path, name: bytes, why: str) -> None:
    file = folder / os.fsdecode(name)
    file.parent.mkdir(exist_ok=True)
    file.touch()
    with pytest.raises(BadNameError, match=why) as caught:
        build(folder)
    str(caught.value).encode()
    assert len(caught.value.paths) == 1
    (folder / ".himaliaignore").write_text("caf*\nline*\n*.py\nd*\n")
    assert paths(build(folder)) == [".himaliaignore"]


def test_path_too_long_is_said(folder: Path) -> None:
    fill(folder, "/".join(["d" * 200] * 5 + ["x" * 60]))
    with pytest.raises(BadNameError, match="1024"):
        build(folder)


def test_no_folder_is_said(folder: Path) -> None:
    fill(folder, "a.py")
    for wrong in (folder / "absent", folder / "a.py"):
        with pytest.raises(SnapshotError, match="is not a folder"):
            build(wrong)


def test_what_changes_after_the_snapshot_is_not_sent_as_if_it_had_not(folder: Path) -> None:
    fill(folder, "same-size", "shrunk", "grown", "removed", "linked")
    snapshot = build(folder)
    digests = {file.path: file.digest for file in snapshot.files}
    (folder / "same-size").write_text("CONTENT of same-size")
    (folder / "shrunk").write_text("")
    with (folder / "grown").open("a") as file:
        file.write("more")
    (folder / "removed").unlink()
    (folder / "linked").unlink()
    (folder / "linked").symlink_to("/etc/passwd")
    for path in ("same-size", "shrunk", "removed", "linked"):
        with pytest.raises(FileChangedError, match=path), snapshot.open(digests[path]) as reader:
            reader.read()
    with snapshot.open(digests["grown"]) as reader:
        assert reader.read() == b"content of grown"


def test_a_file_that_never_stands_still_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = folder / "log"
    log.write_bytes(b"x" * 1000)

    class Disturbing:
        """Hashes as blake3 does, and somebody writes to the file meanwhile."""

        def __init__(self) -> None:
            self._hasher = blake3()

        def update(self, data: bytes) -> None:
            self._hasher.update(data)
            with log.open("ab") as file:
                file.write(b"x")

        def hexdigest(self) -> str:
            return self._hasher.hexdigest()

    monkeypatch.setattr("himalia.client.snapshot.blake3", Disturbing)
    with pytest.raises(FileChangedError):
        build(folder)


class Opened:
    """Which files below a folder were opened since `clear`."""

    def __init__(self, folder: Path) -> None:
        self.files: list[str] = []
        self._folder = f"{folder}/"
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and str(arguments[0]).startswith(self._folder):
            self.files.append(str(arguments[0])[len(self._folder) :])


@pytest.fixture
def opened(folder: Path) -> Opened:
    return Opened(folder)


def test_unchanged_files_are_not_opened_again(folder: Path, tmp_path: Path, opened: Opened) -> None:
    fill(folder, "a.py", "b/c.py", "d.csv")
    cache = DigestCache(tmp_path / "cache.json", settled_s=0)
    opened.files.clear()
    first = build(folder, cache=cache)
    assert sorted(opened.files) == [".himaliaignore", "a.py", "b/c.py", "d.csv"]
    opened.files.clear()
    assert build(folder, cache=cache) == first
    assert opened.files == [".himaliaignore"]

    cache.save()
    assert (tmp_path / "cache.json").stat().st_mode & 0o777 == 0o600
    opened.files.clear()
    stored = DigestCache(tmp_path / "cache.json", settled_s=0)
    assert build(folder, cache=stored) == first
    assert opened.files == [".himaliaignore"]

    before = (folder / "d.csv").stat()
    (folder / "d.csv").write_text("CONTENT OF d.csv")
    os.utime(folder / "d.csv", ns=(before.st_atime_ns, before.st_mtime_ns))  # as if nothing had happened
    (folder / "a.py").unlink()
    opened.files.clear()
    changed = build(folder, cache=stored)
    assert opened.files == [".himaliaignore", "d.csv"]
    assert paths(changed) == ["b/c.py", "d.csv"]
    assert changed.files[1].digest == blake3(b"CONTENT OF d.csv").hexdigest()
    stored.save()
    assert "a.py" not in (tmp_path / "cache.json").read_text()


def test_what_was_just_written_is_not_trusted(folder: Path, opened: Opened) -> None:
    fill(folder, "a.py")
    cache = DigestCache()
    build(folder, cache=cache)
    opened.files.clear()
    build(folder, cache=cache)
    assert "a.py" in opened.files


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"format": 0}', '{"format": 1, "digests": {"a": []}}', "\xff"]
)
def test_a_broken_cache_is_an_empty_one(folder: Path, tmp_path: Path, content: str) -> None:
    (tmp_path / "cache.json").write_text(content, encoding="latin-1")
    fill(folder, "a.py")
    assert paths(build(folder, cache=DigestCache(tmp_path / "cache.json"))) == ["a.py"]


def test_imports_little() -> None:
    # It must run beside any user's code, where the service is not installed.
    allowed = {"blake3", "pathspec", *sys.stdlib_module_names}
    for module in (himalia.client.snapshot, himalia.client.snapshot_walk, himalia.client.digest_cache):
        for node in ast.walk(ast.parse(Path(module.__file__).read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module is not None:
                names = [node.module]
            for name in names:
                assert name.startswith("himalia.client.") or name.partition(".")[0] in allowed
