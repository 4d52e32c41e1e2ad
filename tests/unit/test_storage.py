"""The directory store: the common suite, and what only a directory can get wrong."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from blake3 import blake3

from himalia.snapshots.reachable import Reachable
from himalia.storage import directory
from himalia.storage.directory import DirectoryStore
from himalia.storage.errors import StoreFullError
from himalia.storage.trees import Tree, TreeFile
from himalia.testing.storage import ObjectStoreSuite

AT_ONCE = timedelta(0)

# Stores objects for ever, and says after each batch what the last object was.
ENDLESS_WRITER = """
import os, sys
from pathlib import Path
from himalia.storage.directory import DirectoryStore
store = DirectoryStore(Path(sys.argv[1]))
while True:
    stored = [store.put(os.urandom(300_000)), *store.put_many(os.urandom(20_000) for _ in range(40))]
    print(stored[-1].digest, flush=True)
"""


def start_writer(root: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", ENDLESS_WRITER, str(root)], stdout=subprocess.PIPE, text=True
    )


def objects(root: Path) -> dict[str, Path]:
    return {p.parent.name + p.name: p for p in root.glob("[0-9a-f][0-9a-f]/*")}


def scratch_files(root: Path) -> list[Path]:
    return [p for p in (root / "tmp").rglob("*") if p.is_file()]


class TestDirectoryStore(ObjectStoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[DirectoryStore]:
        store = DirectoryStore(tmp_path / "objects")
        yield store
        assert scratch_files(store.root) == []
        store.close()
        assert list((store.root / "tmp").iterdir()) == []


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DirectoryStore]:
    store = DirectoryStore(tmp_path / "objects")
    yield store
    store.close()


def test_objects_are_read_only_whatever_the_umask(store: DirectoryStore) -> None:
    before = os.umask(0o077)
    try:
        stored = store.put(b"x")
    finally:
        os.umask(before)
    assert store.path(stored.digest).stat().st_mode & 0o777 == 0o444
    assert store.root.stat().st_mode & 0o777 == 0o700


def test_checkout_shares_bytes_with_the_store_but_not_an_executables_mode(
    store: DirectoryStore, tmp_path: Path
) -> None:
    stored = store.put(b"#!/bin/sh\n")
    tree = Tree.of(
        [TreeFile("plain", 10, stored.digest), TreeFile("run", 10, stored.digest, executable=True)]
    )
    store.put(tree.to_bytes())
    (tmp_path / "checkouts").mkdir()
    folder = store.checkout(tree.digest, tmp_path / "checkouts")
    assert (folder / "plain").samefile(store.path(stored.digest))
    assert not (folder / "run").samefile(store.path(stored.digest))
    assert store.path(stored.digest).stat().st_mode & 0o777 == 0o444


def test_copies_are_on_the_disk_before_their_checkout_is_there(
    store: DirectoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    program, table = store.put(b"#!/bin/sh\n"), store.put(b"1,2\n")
    tree = Tree.of(
        [
            TreeFile("bin/run.sh", program.size, program.digest, executable=True),
            TreeFile("t.csv", table.size, table.digest),
        ]
    )
    store.put(tree.to_bytes())
    (tmp_path / "checkouts").mkdir()
    monkeypatch.setattr(directory, "_sync", lambda path: synced.append(path.name))
    store.checkout(tree.digest, tmp_path / "checkouts")
    assert synced == ["run.sh"]


def test_asking_for_an_object_makes_it_young_again(store: DirectoryStore) -> None:
    stored = store.put(b"old")
    os.utime(store.path(stored.digest), (1, 1))
    assert store.has([stored.digest]) == {stored.digest}
    assert store.collect(set(), timedelta(hours=1)).objects == 0
    os.utime(store.path(stored.digest), (1, 1))
    store.put(io.BytesIO(b"old"))
    assert store.collect(set(), timedelta(hours=1)).objects == 0
    os.utime(store.path(stored.digest), (1, 1))
    assert store.collect(set(), timedelta(hours=1)).objects == 1


def test_killed_writers_leave_whole_objects_and_what_is_collected(store: DirectoryStore) -> None:
    for lines in (1, 2, 3):
        writer = start_writer(store.root)
        assert writer.stdout is not None
        reported = [writer.stdout.readline().strip() for _ in range(lines)]
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        assert store.has(reported) == set(reported)
        for digest, path in objects(store.root).items():
            assert blake3(path.read_bytes()).hexdigest() == digest
    assert store.collect(set(objects(store.root)), AT_ONCE).leftovers == 3
    assert list((store.root / "tmp").iterdir()) == []


def test_collect_leaves_living_writers_alone(store: DirectoryStore) -> None:
    other = start_writer(store.root)
    try:
        assert other.stdout is not None
        for _ in range(3):
            other.stdout.readline()
            with store.writer() as writer:
                writer.write(b"half of ")
                assert store.collect(set(), AT_ONCE).leftovers == 0
                writer.write(b"an object")
                stored = writer.commit()
            assert store.get(stored.digest) == b"half of an object"
        assert other.poll() is None
    finally:
        other.kill()
        other.communicate()


def test_trees_are_read_once_for_many_passes(store: DirectoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def tree(*names: str) -> str:
        files = [TreeFile(name, len(name), store.put(name.encode()).digest) for name in names]
        return store.put(Tree.of(files).to_bytes()).digest

    small, large, no_tree = tree("a"), tree("a", "b", "c"), store.put(b"no tree").digest
    expected = {blake3(name).hexdigest() for name in (b"a", b"b", b"c")} | {small, large, no_tree}
    read: list[str] = []
    original = store.get
    monkeypatch.setattr(store, "get", lambda digest: read.append(digest) or original(digest))
    found = Reachable(store, kept_bytes=3 * 32)  # the small one, and not the large one
    assert found.of({small, large, no_tree}) == expected
    assert sorted(read) == sorted([small, large, no_tree])
    read.clear()
    assert found.of({small, large}) == expected - {no_tree}
    assert read == [large]
    read.clear()
    assert found.of(set()) == set()
    assert found.of({small}) == {small, blake3(b"a").hexdigest()}
    assert read == [small]


def test_two_processes_share_a_store(store: DirectoryStore) -> None:
    writers = [start_writer(store.root) for _ in range(2)]
    try:
        for writer in writers:
            assert writer.stdout is not None
            assert store.size(writer.stdout.readline().strip()) == 20_000
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()


def test_checkouts_of_killed_processes_are_swept(store: DirectoryStore, tmp_path: Path) -> None:
    checkouts = tmp_path / "checkouts"
    checkouts.mkdir()
    code = (
        "import os, signal, sys; from pathlib import Path; from himalia.storage.scratch import Scratch\n"
        "(Scratch(Path(sys.argv[1])).path / 'half').write_text('x'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(checkouts)], check=False)
    assert len(list(checkouts.iterdir())) == 1
    tree = Tree.of([TreeFile("x", 1, store.put(b"x").digest)])
    store.put(tree.to_bytes())
    store.checkout(tree.digest, checkouts)
    assert [p.name for p in checkouts.iterdir()] == [tree.digest]


@pytest.fixture
def small(tmp_path: Path) -> Iterator[DirectoryStore]:
    """A store on a file system of 1 MiB."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a small file system")
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "himalia-test", str(folder)], check=True)
    try:
        with closing(DirectoryStore(folder / "objects")) as store:
            yield store
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_full_disk_is_said_and_leaves_nothing_half_done(small: DirectoryStore) -> None:
    kept = small.put(b"kept")
    with pytest.raises(StoreFullError, match="full"):
        small.put(os.urandom(2 << 20))
    with pytest.raises(StoreFullError):
        small.put(io.BytesIO(os.urandom(2 << 20)))
    with pytest.raises(StoreFullError):
        small.put_many(os.urandom(100_000) for _ in range(20))
    assert scratch_files(small.root) == []
    assert small.get(kept.digest) == b"kept"
    assert small.put(b"there is room again").size == 19
    assert set(objects(small.root)) == {kept.digest, small.put(b"there is room again").digest}


def test_full_disk_while_a_checkout_copies(small: DirectoryStore) -> None:
    stored = small.put(os.urandom(600_000))
    tree = Tree.of([TreeFile("run", 600_000, stored.digest, executable=True)])
    small.put(tree.to_bytes())
    checkouts = small.root.parent / "checkouts"
    checkouts.mkdir()
    with pytest.raises(StoreFullError):
        small.checkout(tree.digest, checkouts)
    assert list(checkouts.iterdir()) == []
