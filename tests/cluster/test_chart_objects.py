"""The installed platform with its objects on S3, its key in a Secret of the administrator's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from machinery.release import Release
from platforms import Person
from s3_gateway import gateway
from s3_servers import S3Server, credentials

from himalia.storage.s3.place import S3Place

SECRET = "objects-key"

pytestmark = pytest.mark.full


@pytest.fixture
def server(release: Release, tmp_path: Path) -> Iterator[S3Server]:
    """One that pods reach at this machine's address."""
    with gateway(tmp_path, release.cluster.layout.host) as server:
        yield server


@pytest.fixture
def bucket(server: S3Server, tmp_path: Path) -> Iterator[Any]:
    with closing(S3Place("platform", "", server.address).connect(credentials(tmp_path), 1)) as client:
        client.create_bucket(Bucket="platform")
        yield client


@pytest.fixture
def on_s3(release: Release, server: S3Server, bucket: Any, tmp_path: Path) -> Iterator[Release]:
    key = credentials(tmp_path)
    release.kubectl("create", "secret", "generic", SECRET, f"--from-file=key={key}")
    url = f"s3://platform/himalia?endpoint={server.address}"
    release.install({"storage": {"objects": {"url": url, "existingSecret": SECRET, "key": "key"}}})
    yield release
    release.install()
    release.kubectl("delete", "secret", SECRET)


def test_outputs_of_a_job_are_objects_of_the_bucket(on_s3: Release, bucket: Any) -> None:
    on_s3.add_user("ivo")
    with closing(Person(on_s3, "ivo")) as ivo:
        job = ivo.submit("sh", "-c", "mkdir -p outputs; echo bucket > outputs/word")["name"]
        assert ivo.ended(job)["status"]["state"] == "SUCCEEDED"
        path = f"/projects/{ivo.project}/jobs/{job}/outputs/outputs/word"
        assert ivo.http.get(path).raise_for_status().text == "bucket\n"
    listed = bucket.list_objects_v2(Bucket="platform", Prefix="himalia/objects/")["Contents"]
    bodies = [bucket.get_object(Bucket="platform", Key=one["Key"])["Body"].read() for one in listed]
    assert b"bucket\n" in bodies
