"""What every object store must do.

An implementation's tests make a subclass and override the fixture:

    class TestMyStore(ObjectStoreSuite):
        @pytest.fixture
        def store(self, tmp_path):
            return MyStore(...)
"""

from __future__ import annotations

import io
import os
import tarfile
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from blake3 import blake3

from himalia.storage.base import ObjectStore, Stored
from himalia.storage.errors import (
    BadDigestError,
    CheckoutPlaceError,
    DigestMismatchError,
    ObjectMissingError,
)
from himalia.storage.trees import Tree, TreeError, TreeFile, reachable, write_tar

ABSENT = "0" * 64
AT_ONCE = timedelta(0)
HOUR = timedelta(hours=1)


class ObjectStoreSuite:
    """Tests of `himalia.storage.base.ObjectStore`; `store` must be empty and new for each test."""

    @pytest.fixture
    def store(self) -> ObjectStore:
        """The store under test."""
        raise NotImplementedError("Override the fixture “store” with the implementation to check.")

    def test_bytes_come_back_under_their_blake3_digest(self, store: ObjectStore) -> None:
        stored = store.put(b"hello")
        assert stored == Stored("ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f", 5)
        assert store.get(stored.digest) == b"hello"
        assert store.size(stored.digest) == 5

    def test_nothing_is_an_object_too(self, store: ObjectStore) -> None:
        stored = store.put(b"")
        assert stored.size == 0
        assert store.get(stored.digest) == b""

    def test_a_stream_is_stored_from_where_it_stands(self, store: ObjectStore) -> None:
        content = os.urandom(5 << 20)
        stream = io.BytesIO(b"skipped" + content)
        stream.seek(len("skipped"))
        stored = store.put(stream)
        assert stored == Stored(blake3(content).hexdigest(), len(content))
        with store.open(stored.digest) as reader:
            assert reader.read(10) == content[:10]
            assert reader.read() == content[10:]

    def test_a_file_is_taken_over_and_stays_until_it_is_removed(
        self, store: ObjectStore, tmp_path: Path
    ) -> None:
        for content in (b"whole", b"", os.urandom(3 << 20), b"whole"):
            place, digest = tmp_path / "arrived", blake3(content).hexdigest()
            place.write_bytes(content)
            assert store.adopt(place) == Stored(digest, len(content))
            assert store.adopt(place, digest) == Stored(digest, len(content))
            assert place.read_bytes() == content
            place.unlink()
            assert store.get(digest) == content

    def test_put_again_changes_nothing(self, store: ObjectStore) -> None:
        assert store.put(b"same") == store.put(io.BytesIO(b"same")) == store.put(b"same")
        assert store.get(store.put(b"same").digest) == b"same"

    def test_many_are_answered_in_order_with_repetitions(self, store: ObjectStore) -> None:
        contents = [b"a", b"b", b"a", b"", b"c" * 100_000]
        stored = store.put_many(io.BytesIO(c) if i % 2 else c for i, c in enumerate(contents))
        assert [store.get(s.digest) for s in stored] == contents
        assert [s.size for s in stored] == [1, 1, 1, 0, 100_000]
        assert store.put_many([]) == []

    def test_many_leave_nothing_half_done_when_the_source_fails(self, store: ObjectStore) -> None:
        def contents() -> Iterator[bytes]:
            yield b"before"
            raise RuntimeError("source failed")

        with pytest.raises(RuntimeError, match="source failed"):
            store.put_many(contents())
        assert store.put(b"before").size == 6

    def test_announced_digest_is_checked(self, store: ObjectStore) -> None:
        right = blake3(b"right").hexdigest()
        assert store.put(b"right", expected=right).digest == right
        with pytest.raises(DigestMismatchError):
            store.put(b"wrong", expected=ABSENT)
        assert store.has([ABSENT, blake3(b"wrong").hexdigest()]) == set()

    def test_writer_takes_pieces_and_shows_nothing_before_commit(self, store: ObjectStore) -> None:
        digest = blake3(b"one two").hexdigest()
        with store.writer() as writer:
            writer.write(b"one ")
            writer.write(memoryview(b"two"))
            assert (writer.digest, writer.size) == (digest, 7)
            assert store.has([digest]) == set()
            writer.commit(expected=digest)
        assert store.get(digest) == b"one two"

    def test_writer_left_without_commit_stores_nothing(self, store: ObjectStore) -> None:
        with store.writer() as writer:
            writer.write(b"dropped")
        assert store.has([blake3(b"dropped").hexdigest()]) == set()

    def test_has_tells_present_from_absent(self, store: ObjectStore) -> None:
        present = {s.digest for s in store.put_many([b"1", b"2"])}
        assert store.has(present | {ABSENT}) == present
        assert store.has([]) == set()

    def test_what_is_absent_says_so(self, store: ObjectStore) -> None:
        for ask in (store.get, store.open, store.size):
            with pytest.raises(ObjectMissingError) as caught:
                ask(ABSENT)
            assert caught.value.digest == ABSENT

    @pytest.mark.parametrize(
        "digest", ["", "../" * 21 + "x", "A" * 64, "0" * 63, "0" * 65, "0" * 64 + "\n", None, 7]
    )
    def test_no_digest_is_refused_before_anything_is_touched(self, store: ObjectStore, digest: str) -> None:
        for ask in (store.get, store.open, store.size, lambda value: store.has([value])):
            with pytest.raises(BadDigestError):
                ask(digest)

    def test_writers_of_the_same_object_do_not_disturb_each_other(self, store: ObjectStore) -> None:
        content = os.urandom(1 << 20)
        barrier = threading.Barrier(8)
        answers: list[Stored] = []

        def put() -> None:
            barrier.wait()
            answers.append(store.put(io.BytesIO(content)))
            answers.extend(store.put_many([content, b"other"])[:1])

        threads = [threading.Thread(target=put) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [Stored(blake3(content).hexdigest(), len(content))] * 16
        assert store.get(answers[0].digest) == content

    def test_collect_keeps_what_is_alive(self, store: ObjectStore) -> None:
        live, dead = store.put(b"live"), store.put(b"dead!")
        collected = store.collect({live.digest}, AT_ONCE)
        assert (collected.objects, collected.size) == (1, 5)
        assert store.has([live.digest, dead.digest]) == {live.digest}
        assert store.put(b"dead!") == dead
        assert store.get(dead.digest) == b"dead!"

    def test_collect_keeps_what_is_young(self, store: ObjectStore) -> None:
        young = store.put(b"young")
        assert store.collect(set(), HOUR).objects == 0
        assert store.has([young.digest]) == {young.digest}
        with pytest.raises(ValueError, match="negative"):
            store.collect(set(), timedelta(seconds=-1))

    def test_an_open_reader_outlives_the_object(self, store: ObjectStore) -> None:
        stored = store.put(b"still read")
        with store.open(stored.digest) as reader:
            store.collect(set(), AT_ONCE)
            assert reader.read() == b"still read"

    def test_checkout_lays_out_files_and_modes(self, store: ObjectStore, tmp_path: Path) -> None:
        tree = self.tree_of(store, {"a/b/data.bin": b"data", "a/run.sh": b"#!/bin/sh\n", "ünï 日本.txt": b""})
        folder = store.checkout(tree.digest, self.checkouts(tmp_path))
        assert folder == tmp_path / "checkouts" / tree.digest
        found = {str(p.relative_to(folder)): p for p in folder.rglob("*") if p.is_file()}
        assert {path: p.read_bytes() for path, p in found.items()} == {
            "a/b/data.bin": b"data",
            "a/run.sh": b"#!/bin/sh\n",
            "ünï 日本.txt": b"",
        }
        assert {path: p.stat().st_mode & 0o777 for path, p in found.items()} == {
            "a/b/data.bin": 0o444,
            "a/run.sh": 0o555,
            "ünï 日本.txt": 0o444,
        }
        assert (folder.stat().st_mode & 0o777, (folder / "a/b").stat().st_mode & 0o777) == (0o755, 0o755)

    def test_checkout_again_is_the_same_folder(self, store: ObjectStore, tmp_path: Path) -> None:
        tree = self.tree_of(store, {"x": b"x"})
        checkouts = self.checkouts(tmp_path)
        first = store.checkout(tree.digest, checkouts)
        inode = (first / "x").stat().st_ino
        assert store.checkout(tree.digest, checkouts) == first
        assert (first / "x").stat().st_ino == inode
        assert [p.name for p in checkouts.iterdir()] == [tree.digest]

    def test_checkout_outlives_the_objects(self, store: ObjectStore, tmp_path: Path) -> None:
        tree = self.tree_of(store, {"x": b"kept"})
        folder = store.checkout(tree.digest, self.checkouts(tmp_path))
        store.collect(set(), AT_ONCE)
        assert (folder / "x").read_bytes() == b"kept"

    def test_checkout_only_below_checkouts(self, store: ObjectStore, tmp_path: Path) -> None:
        tree = self.tree_of(store, {"x": b"x"})
        with pytest.raises(CheckoutPlaceError):
            store.checkout(tree.digest, tmp_path)

    def test_checkout_with_something_missing_leaves_nothing(self, store: ObjectStore, tmp_path: Path) -> None:
        present = store.put(b"x")
        tree = Tree.of([TreeFile("x", 1, present.digest), TreeFile("y", 1, ABSENT)])
        store.put(tree.to_bytes())
        checkouts = self.checkouts(tmp_path)
        with pytest.raises(ObjectMissingError):
            store.checkout(tree.digest, checkouts)
        assert list(checkouts.iterdir()) == []

    def test_checkout_of_no_tree_is_refused(self, store: ObjectStore, tmp_path: Path) -> None:
        with pytest.raises(TreeError):
            store.checkout(store.put(b"not a tree").digest, self.checkouts(tmp_path))
        lying = Tree.of([TreeFile("x", 2, store.put(b"x").digest)])
        store.put(lying.to_bytes())
        with pytest.raises(TreeError, match="bytes"):
            store.checkout(lying.digest, self.checkouts(tmp_path))

    def test_many_links_to_one_object(self, store: ObjectStore, tmp_path: Path) -> None:
        same = store.put(b"same").digest
        tree = Tree.of([TreeFile(f"{n:05}", 4, same, executable=n % 2 == 0) for n in range(200)])
        store.put(tree.to_bytes())
        folder = store.checkout(tree.digest, self.checkouts(tmp_path))
        assert {p.read_bytes() for p in folder.iterdir()} == {b"same"}
        assert {p.stat().st_mode & 0o777 for p in folder.iterdir()} == {0o444, 0o555}

    def test_tar_of_a_tree(self, store: ObjectStore) -> None:
        files = {"deep/" * 30 + "日本.bin": os.urandom(100_000), "run.sh": b"#!/bin/sh\n", "empty": b""}
        tree = self.tree_of(store, files)
        out = io.BytesIO()
        write_tar(tree, store, out)
        with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as archive:
            members = {m.name: m for m in archive.getmembers()}
            read = {name: cast(BinaryIO, archive.extractfile(m)).read() for name, m in members.items()}
        assert read == files
        assert all(m.isreg() and m.uid == m.gid == m.mtime == 0 for m in members.values())
        assert (members["run.sh"].mode, members["empty"].mode) == (0o755, 0o644)
        again = io.BytesIO()
        write_tar(tree, store, again)
        assert again.getvalue() == out.getvalue()

    def test_tar_of_a_tree_that_lies_about_a_size(self, store: ObjectStore) -> None:
        tree = Tree.of([TreeFile("x", 2, store.put(b"x").digest)])
        with pytest.raises(TreeError, match="2 bytes"):
            write_tar(tree, store, io.BytesIO())

    def test_what_a_tree_keeps_alive(self, store: ObjectStore) -> None:
        tree = self.tree_of(store, {"x": b"x", "y": b"y"})
        store.put(b"dead")
        assert store.collect(reachable([tree.digest], store), AT_ONCE).objects == 1
        assert store.has(tree.digests | {tree.digest}) == tree.digests | {tree.digest}

    @staticmethod
    def tree_of(store: ObjectStore, files: dict[str, bytes]) -> Tree:
        """Store `files` (path → content; what ends in .sh is executable) and their tree."""
        stored = store.put_many(files.values())
        tree = Tree.of(
            TreeFile(path, s.size, s.digest, path.endswith(".sh"))
            for path, s in zip(files, stored, strict=True)
        )
        assert store.put(tree.to_bytes()).digest == tree.digest
        return tree

    @staticmethod
    def checkouts(parent: Path) -> Path:
        """A folder that may hold checkouts."""
        folder = parent / "checkouts"
        folder.mkdir(exist_ok=True)
        return folder
