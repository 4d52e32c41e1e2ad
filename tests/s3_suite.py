"""What the store on S3 must do beside the common suite, on whichever `server`: a fixture of the module."""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3
from s3_servers import S3Server, Wire, credentials

from himalia.storage.errors import (
    DigestMismatchError,
    ObjectDamagedError,
    ObjectMissingError,
    StoreUnavailableError,
)
from himalia.storage.s3 import store as module
from himalia.storage.s3 import transfer
from himalia.storage.s3.place import S3Place
from himalia.storage.s3.store import S3Store
from himalia.storage.trees import Tree, TreeFile
from himalia.testing.storage import ABSENT, AT_ONCE, HOUR, ObjectStoreSuite

PART = transfer.PART_BYTES
LARGE = 2 * PART + 12_345


class S3Suite(ObjectStoreSuite):
    """The common suite, and what only S3 can get wrong."""

    @pytest.fixture
    def place(self, server: S3Server, tmp_path: Path) -> S3Place:
        """Where a bucket will be."""
        return S3Place(f"b{blake3(str(tmp_path).encode()).hexdigest()[:20]}", "a/", server.address)

    @pytest.fixture
    def store(self, place: S3Place, tmp_path: Path) -> Iterator[S3Store]:
        with closing(S3Store(place, tmp_path / "near", credentials(tmp_path))) as store:
            store._bucket._client.create_bucket(Bucket=place.bucket)
            yield store
        assert [p for p in (tmp_path / "near" / "tmp").rglob("*") if p.is_file()] == []

    @pytest.fixture
    def client(self, store: S3Store) -> Any:
        """The client alone, to see and spoil what is in the bucket."""
        return store._bucket._client

    @pytest.fixture
    def wire(self, server: S3Server) -> Iterator[Wire]:
        with closing(Wire(server.port)) as wire:
            yield wire

    @pytest.fixture
    def distant(self, place: S3Place, wire: Wire, tmp_path: Path) -> Iterator[S3Store]:
        """A second store on the same bucket, behind a wire."""
        there = S3Place(place.bucket, place.prefix, wire.address)
        with closing(S3Store(there, tmp_path / "distant", credentials(tmp_path))) as store:
            yield store

    def test_large_objects_come_and_go_in_parts(self, store: S3Store, tmp_path: Path) -> None:
        content = os.urandom(LARGE)
        digest = blake3(content).hexdigest()
        assert store.put(io.BytesIO(content)).digest == digest
        with store.open(digest) as reader:
            assert reader.seek(PART - 10) == PART - 10
            assert reader.read(20) == content[PART - 10 : PART + 10]
            reader.seek(-5, os.SEEK_END)
            assert reader.read() == content[-5:]
            assert reader.read(1) == b""
        tree = Tree.of([TreeFile("a/large", LARGE, digest), TreeFile("b", LARGE, digest, executable=True)])
        store.put(tree.to_bytes())
        folder = store.checkout(tree.digest, self.checkouts(tmp_path))
        assert (folder / "a/large").read_bytes() == (folder / "b").read_bytes() == content

    def test_a_large_file_that_is_not_what_was_said_is_not_stored(
        self, store: S3Store, client: Any, tmp_path: Path
    ) -> None:
        (tmp_path / "file").write_bytes(os.urandom(LARGE))
        with pytest.raises(DigestMismatchError):
            store.adopt(tmp_path / "file", ABSENT)
        assert store.has([ABSENT]) == set()
        assert not client.list_multipart_uploads(Bucket=store._bucket.place.bucket).get("Uploads")

    def test_check_outs_share_files_and_fetch_nothing_twice(
        self, store: S3Store, client: Any, tmp_path: Path
    ) -> None:
        first = self.tree_of(store, {"same": b"s" * 1000, "one": b"1"})
        second = self.tree_of(store, {"also/same": b"s" * 1000, "two": b"2"})
        checkouts = self.checkouts(tmp_path)
        here = store.checkout(first.digest, checkouts)
        store.collect({second.digest} | second.digests - first.digests, AT_ONCE)
        there = store.checkout(second.digest, checkouts)
        assert (here / "same").samefile(there / "also/same")

    def test_what_no_check_out_uses_leaves_this_machine_later(self, store: S3Store, tmp_path: Path) -> None:
        tree = self.tree_of(store, {"x": b"x", "run.sh": b"#!/bin/sh\n"})
        store.checkout(tree.digest, self.checkouts(tmp_path))
        near = list((tmp_path / "near").glob("??/*"))
        assert len(near) == 2
        store.collect(tree.digests | {tree.digest}, AT_ONCE)
        assert all(p.exists() for p in near)
        for path in near:
            os.utime(path, (1, 1))
        store.collect(tree.digests | {tree.digest}, AT_ONCE)
        assert [p.stat().st_nlink for p in near if p.exists()] == [2]

    def test_bytes_that_changed_in_the_bucket_are_not_laid_out(
        self, store: S3Store, client: Any, tmp_path: Path
    ) -> None:
        stored = store.put(b"right")
        tree = Tree.of([TreeFile("x", 5, stored.digest)])
        store.put(tree.to_bytes())
        key = f"a/objects/{stored.digest[:2]}/{stored.digest[2:]}"
        client.put_object(Bucket=store._bucket.place.bucket, Key=key, Body=b"wrong")
        with pytest.raises(ObjectDamagedError, match="backup"):
            store.checkout(tree.digest, self.checkouts(tmp_path))

    def test_many_are_looked_for_with_few_requests(
        self, store: S3Store, distant: S3Store, wire: Wire, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        there = {s.digest for s in store.put_many(b"%d" % n for n in range(150))}
        absent = {blake3(b"absent %d" % n).hexdigest() for n in range(150)}
        asked: list[str] = []
        monkeypatch.setattr(distant, "_is_there", lambda digest: asked.append(digest) or digest in there)
        assert distant.has(there | absent) == there
        assert asked == []
        monkeypatch.setattr(module, "FEW", 1000)
        assert distant.has(there | absent) == there
        assert len(asked) == 300

    def test_listings_go_on_where_a_page_ends(self, store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("himalia.storage.s3.bucket._AT_ONCE", 7)
        there = {s.digest for s in store.put_many(b"%d" % n for n in range(60))}
        absent = {blake3(b"absent %d" % n).hexdigest() for n in range(60)}
        assert store.has(there | absent) == there
        monkeypatch.setattr(module, "DENSE", 10.0)  # listings are left for single questions
        assert store.has(there | absent) == there
        assert store.collect(set(), AT_ONCE).objects == 60
        assert store.has(there) == set()

    def test_asking_makes_young_and_is_forgotten_in_time(
        self, store: S3Store, client: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked, sent, old = (store.put(name).digest for name in (b"asked", b"sent", b"old"))
        large = store.put(io.BytesIO(bytes(LARGE))).digest
        time.sleep(2.1)  # a server's times are whole seconds
        assert store.has([asked]) == {asked}
        store.put(b"sent")
        store.put(io.BytesIO(bytes(LARGE)))
        store._uses._remembered.clear()  # as another process would find it
        assert store.collect(set(), timedelta(seconds=1.5)).objects == 1
        assert store.has([asked, sent, old, large]) == {asked, sent, large}
        assert store.collect(set(), AT_ONCE).objects == 3
        listed = client.list_objects_v2(Bucket=store._bucket.place.bucket)
        assert listed["KeyCount"] == 0

    def test_what_is_stored_while_a_collection_runs_stays(
        self, store: S3Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stored = store.put_many([b"put", b"asked for", b"dead"])
        digests = [one.digest for one in stored]
        listed, go_on = threading.Event(), threading.Event()
        pages = store._bucket.pages

        def slow(folder: str) -> Iterator[object]:
            found = list(pages(folder))
            if folder == "objects/":
                listed.set()
                assert go_on.wait(10)
            yield from found

        monkeypatch.setattr(store._bucket, "pages", slow)
        collection = threading.Thread(target=store.collect, args=(set(), AT_ONCE))
        collection.start()
        assert listed.wait(10)
        store.put(b"put")
        assert store.has([digests[1]]) == {digests[1]}
        go_on.set()
        collection.join()
        assert store.has(digests) == set(digests[:2])

    def test_a_busy_server_and_answers_that_break_off_are_tried_again(
        self, store: S3Store, distant: S3Store, wire: Wire
    ) -> None:
        stored = store.put(os.urandom(900_000))
        wire.refusals = 2
        assert distant.put(b"x").size == 1
        wire.refusals = 2
        assert distant.has([stored.digest]) == {stored.digest}
        wire.cut_after = 300_000
        distant._bucket._client.close()  # its connections are from before
        assert blake3(distant.get(stored.digest)).hexdigest() == stored.digest
        assert wire.cut_after is None

    def test_a_server_that_stays_busy_or_away_is_said(
        self, place: S3Place, store: S3Store, wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("himalia.storage.s3.place.ATTEMPTS", 2)
        there = S3Place(place.bucket, place.prefix, wire.address)
        with closing(S3Store(there, tmp_path / "busy", credentials(tmp_path))) as busy:
            wire.refusals = 1000
            with pytest.raises(StoreUnavailableError, match="could not do what it was asked"):
                busy.put(b"x")
            wire.refusals = 0
            assert busy.put(b"x").size == 1
            wire.close()
            with pytest.raises(StoreUnavailableError, match=r"does not answer as it should.*administrator"):
                busy.put(b"x")

    def test_while_a_server_is_away_one_caller_tries_and_the_others_are_told(
        self, place: S3Place, store: S3Store, wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("himalia.storage.s3.place.ATTEMPTS", 1)
        there = S3Place(place.bucket, place.prefix, wire.address)
        with closing(S3Store(there, tmp_path / "away", credentials(tmp_path))) as away:
            wire.refusals = 1
            with pytest.raises(StoreUnavailableError):
                away.put(b"x")
            wire.delay_s = 1.0
            probe, before = threading.Thread(target=away.put, args=(b"x",)), wire.connections
            probe.start()
            while wire.connections == before:
                time.sleep(0.01)
            began = time.monotonic()
            with pytest.raises(StoreUnavailableError, match="could not do"):
                away.check()
            assert time.monotonic() - began < 0.5
            probe.join()
            away.check()

    def test_no_bucket_is_said(self, place: S3Place, tmp_path: Path) -> None:
        nowhere = S3Place("nowhere-at-all", "", place.endpoint)
        with closing(S3Store(nowhere, tmp_path / "near", credentials(tmp_path))) as store:
            with pytest.raises(StoreUnavailableError, match=r"no bucket nowhere-at-all\. Make it"):
                store.check()
            with pytest.raises(StoreUnavailableError, match="no bucket"):
                store.put(b"x")

    def test_prefixes_are_apart(self, store: S3Store, place: S3Place, tmp_path: Path) -> None:
        stored = store.put(b"mine")
        other = S3Place(place.bucket, "b/", place.endpoint)
        with closing(S3Store(other, tmp_path / "other", credentials(tmp_path))) as beside:
            with pytest.raises(ObjectMissingError):
                beside.get(stored.digest)
            assert beside.collect(set(), AT_ONCE).objects == 0
            assert store.collect(set(), HOUR).objects == 0
        assert store.get(stored.digest) == b"mine"
