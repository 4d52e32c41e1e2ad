"""The store on S3 on a server that keeps what it has, and checks signatures: the suites, and bad days."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from blake3 import blake3
from s3_gateway import gateway
from s3_servers import S3Server, Wire, credentials
from s3_suite import LARGE, S3Suite

from himalia.storage.errors import StoreFullError, StoreUnavailableError
from himalia.storage.s3 import store as module
from himalia.storage.s3.place import S3Place
from himalia.storage.s3.store import S3Store
from himalia.testing.storage import AT_ONCE

# Stores objects for ever, large ones in parts, and says after each round what the last one was.
ENDLESS_WRITER = """
import io, os, sys
from pathlib import Path
from himalia.storage.s3.place import S3Place
from himalia.storage.s3.store import S3Store
store = S3Store(S3Place("endless", "", sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
while True:
    store.put_many(os.urandom(20_000) for _ in range(20))
    print(store.put(io.BytesIO(os.urandom(9_000_000))).digest, flush=True)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with gateway(tmp_path_factory.mktemp("gateway")) as server:
        yield server


class TestS3StoreOnGateway(S3Suite):
    """On the Versity gateway."""

    def test_uploads_of_the_dead_are_dropped_and_others_are_not(
        self, store: S3Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client, bucket = store._bucket._client, store._bucket.place.bucket
        client.create_multipart_upload(Bucket=bucket, Key="a/objects/00/dead")
        assert store.collect(set(), AT_ONCE).leftovers == 0
        monkeypatch.setattr(module, "KEPT", timedelta(seconds=-5))
        assert store.collect(set(), AT_ONCE).leftovers == 1
        assert not client.list_multipart_uploads(Bucket=bucket).get("Uploads")


def new_store(server: S3Server, folder: Path, bucket: str) -> S3Store:
    store = S3Store(S3Place(bucket, "", server.address), folder / f"near-{bucket}", credentials(folder))
    store._bucket._client.create_bucket(Bucket=bucket)
    return store


def test_a_wrong_key_is_said(server: S3Server, tmp_path: Path) -> None:
    place = S3Place("refused", "", server.address)
    with closing(S3Store(place, tmp_path / "near", credentials(tmp_path, secret="wrong"))) as store:
        for work in (store.check, lambda: store.put(b"x"), lambda: store.has(["0" * 64])):
            with pytest.raises(StoreUnavailableError, match=r"refuses the platform's key .*Correct"):
                work()


def test_a_server_that_is_killed_and_comes_back_goes_unnoticed(tmp_path: Path) -> None:
    with gateway(tmp_path) as own, closing(new_store(own, tmp_path, "restarted")) as store:
        contents = [b"%d" % n * 1000 for n in range(2000)]
        stored: list[str] = []
        work = threading.Thread(target=lambda: stored.extend(s.digest for s in store.put_many(contents)))
        work.start()
        for _ in range(2):
            time.sleep(0.3)
            own.kill()
            own.start()
        assert work.is_alive()
        work.join(60)
        assert stored == [blake3(content).hexdigest() for content in contents]
        assert [store.get(digest) for digest in stored[::100]] == contents[::100]


@pytest.fixture
def distant(server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Store]:
    """A store of the bucket “dies” that tries everything once, behind a slow wire."""
    monkeypatch.setattr("himalia.storage.s3.place.ATTEMPTS", 1)
    with closing(Wire(server.port)) as wire:
        wire.delay_s = 0.5
        place = S3Place("dies", "", wire.address)
        with closing(S3Store(place, tmp_path / "distant", credentials(tmp_path))) as store:
            yield store


def kill_in_upload(server: S3Server, store: S3Store) -> None:
    """Kill the server as soon as an upload has begun."""
    while not store._bucket._client.list_multipart_uploads(Bucket="dies").get("Uploads"):
        time.sleep(0.02)
    server.kill()


def test_a_server_that_dies_in_an_upload_leaves_nothing_of_it(
    server: S3Server, distant: S3Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "large").write_bytes(os.urandom(5 * LARGE))
    digest = blake3((tmp_path / "large").read_bytes()).hexdigest()
    with closing(new_store(server, tmp_path, "dies")) as store:
        dies = threading.Thread(target=kill_in_upload, args=(server, store))
        dies.start()
        with pytest.raises(StoreUnavailableError):
            distant.adopt(tmp_path / "large")
        dies.join()
        server.start()
        assert store.has([digest]) == set()
        monkeypatch.setattr(module, "KEPT", timedelta(seconds=-5))
        assert store.collect(set(), AT_ONCE).leftovers == 1
        assert store.adopt(tmp_path / "large").digest == digest
        assert blake3(store.get(digest)).hexdigest() == digest


def test_killed_writers_leave_whole_objects(
    server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT", timedelta(seconds=-5))
    with closing(new_store(server, tmp_path, "endless")) as store:
        for seconds in (0.0, 0.1):
            arguments = [server.address, str(tmp_path / "near-killed"), str(credentials(tmp_path))]
            with subprocess.Popen(
                [sys.executable, "-c", ENDLESS_WRITER, *arguments], stdout=subprocess.PIPE, text=True
            ) as writer:
                assert writer.stdout is not None
                said = writer.stdout.readline().strip()
                time.sleep(seconds)
                writer.send_signal(signal.SIGKILL)
            assert store.has([said]) == {said}
        listed = [entry.key for page in store._bucket.pages("objects/") for entry in page]
        for key in listed:
            digest = key.removeprefix("objects/").replace("/", "")
            assert blake3(store.get(digest)).hexdigest() == digest
        assert store.collect(set(), AT_ONCE).objects == len(listed) > 40


def test_a_full_server_is_said(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "himalia-test", str(small)], check=True)
    try:
        with gateway(small) as own, closing(new_store(own, tmp_path, "full")) as store:
            kept = store.put(b"kept")
            content = os.urandom(6 << 20)
            with pytest.raises((StoreFullError, StoreUnavailableError)):
                store.put(content)
            assert store.has([blake3(content).hexdigest()]) == set()
            assert store.get(kept.digest) == b"kept"
            assert store.put(b"there is room again").size == 19
    finally:
        subprocess.run(["umount", str(small)], check=True)
