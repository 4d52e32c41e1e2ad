"""The store on S3: the common suite and S3's own on a server in this machine's memory; and its settings."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from platforms import free_port
from s3_servers import S3Server, credentials, moto
from s3_suite import S3Suite

from himalia.core.settings import BadSettings, Settings
from himalia.storage.choose import make_store
from himalia.storage.directory import DirectoryStore
from himalia.storage.errors import StoreUnavailableError
from himalia.storage.s3.place import S3Place
from himalia.storage.s3.store import S3Store


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    server = moto(free_port())
    try:
        server.start()
        yield server
    finally:
        server.kill()


class TestS3Store(S3Suite):
    """On Moto's server."""


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder with a short path."""
    with tempfile.TemporaryDirectory(prefix="s3-") as folder:
        yield Path(folder)


def test_a_place_is_read_from_its_url() -> None:
    assert S3Place.parse("s3://data") == S3Place("data")
    assert S3Place.parse("s3://data/some/folder/?region=eu-west-1") == S3Place(
        "data", "some/folder/", region="eu-west-1"
    )
    own = S3Place.parse("s3://data/x?endpoint=http://minio:9000")
    assert own == S3Place("data", "x/", "http://minio:9000", addressing="path")
    assert str(own) == "s3://data/x/ at http://minio:9000"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://bucket", "s3://BUCKET"),
        ("s3://", "s3://BUCKET"),
        ("s3://key:secret@bucket", "neither password"),
        ("s3://bucket?endpont=http://x", "endpont is none of its options"),
        ("s3://bucket?endpoint=minio:9000", "begin with http"),
        ("s3://bucket?addressing=odd", "path, virtual or auto"),
        ("s3://bucket?endpoint=http://", "http://"),
    ],
)
def test_settings_that_cannot_be_used_say_why(url: str, words: str, home: Path) -> None:
    with pytest.raises(BadSettings, match="object_store_url") as caught:
        make_store(Settings(home=home, object_store_url=url))
    assert words in str(caught.value)


def test_a_key_that_nobody_gave_is_said(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    empty = home / "empty"
    empty.touch()
    place = S3Place("bucket", endpoint="http://127.0.0.1:1")
    with (
        closing(S3Store(place, home / "near", empty)) as store,
        pytest.raises(StoreUnavailableError, match=r"no key .*s3-credentials"),
    ):
        store.put(b"x")


def test_settings_choose_the_store(home: Path) -> None:
    with closing(make_store(Settings(home=home))) as store:
        assert isinstance(store, DirectoryStore)
    secrets = home / "elsewhere"
    secrets.mkdir()
    credentials(secrets, "from-file").rename(secrets / "s3-credentials")
    url = "s3://bucket/x?endpoint=http://127.0.0.1:1&region=eu-north-1"
    with closing(make_store(Settings(home=home, secrets_dir=secrets, object_store_url=url))) as store:
        assert isinstance(store, S3Store)
        signed = store._bucket._client.generate_presigned_url(
            "get_object", Params={"Bucket": "bucket", "Key": "y"}
        )
        assert signed.startswith("http://127.0.0.1:1/bucket/y?")
        assert "from-file" in signed
        assert "eu-north-1" in signed
