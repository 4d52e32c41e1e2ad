"""The platform with its objects on S3: datasets, jobs that read them, outputs, and what nobody needs any more."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3
from machinery.waiting import until
from platforms import Person, Running
from s3_gateway import gateway
from s3_servers import S3Server, credentials

from himalia.storage.s3.place import S3Place

READ = """
import pathlib, himalia.run as run
folder = run.input("digits")
found = sorted((p.name, p.stat().st_size) for p in folder.rglob("*") if p.is_file())
print(found)
pathlib.Path("outputs").mkdir(exist_ok=True)
pathlib.Path("outputs/found.txt").write_text(str(found))
"""
GRACE_S = 4.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with gateway(tmp_path_factory.mktemp("gateway")) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    place = S3Place("platform", "", server.address)
    with closing(place.connect(credentials(tmp_path_factory.mktemp("key")), 1)) as client:
        client.create_bucket(Bucket="platform")
        yield client


@pytest.fixture(scope="module")
def eve(environments: Path, server: S3Server, client: Any) -> Iterator[Person]:
    """Somebody on a platform that collects all the time."""
    running = Running(
        ("base",),
        HIMALIA_OBJECT_STORE_URL=f"s3://platform/himalia?endpoint={server.address}",
        HIMALIA_COLLECT_EVERY_S="0.5",
        HIMALIA_OBJECT_GRACE_S=str(GRACE_S),
        HIMALIA_RETENTION_DAYS="0",
    )
    secrets = running.home / "secrets"
    secrets.mkdir(mode=0o700)
    credentials(secrets).rename(secrets / "s3-credentials")
    try:
        running.up()
        running.add_user("eve")
        with closing(Person(running, "eve")) as person:
            yield person
    finally:
        running.remove()


def stored(client: Any) -> set[str]:
    listed = client.list_objects_v2(Bucket="platform", Prefix="himalia/objects/").get("Contents", [])
    return {one["Key"].removeprefix("himalia/objects/").replace("/", "") for one in listed}


def bundle(files: dict[str, bytes]) -> bytes:
    listed = json.dumps({"files": [{"path": p, "size": len(c)} for p, c in files.items()]}).encode()
    return len(listed).to_bytes(4, "big") + listed + b"".join(files.values())


def begin(person: Person, dataset: str) -> str:
    """Begin a draft: where it is."""
    where = f"/projects/{person.project}/datasets/{dataset}/drafts"
    return f"{where}/{person.http.post(where, json={}).raise_for_status().json()['id']}"


def add(person: Person, dataset: str, files: dict[str, bytes]) -> None:
    """Add files in one bundle, and commit them."""
    draft = begin(person, dataset)
    person.http.put(f"{draft}/bundle", content=bundle(files)).raise_for_status()
    person.http.post(f"{draft}/commit", json={}).raise_for_status()


@pytest.fixture(scope="module")
def large(eve: Person) -> bytes:
    """What is in large.bin of the dataset digits, beside 50 small files."""
    eve.http.post(f"/projects/{eve.project}/datasets", json={"name": "digits"}).raise_for_status()
    content = os.urandom(20 << 20)
    add(eve, "digits", {f"{n}.txt": b"%d" % n for n in range(50)} | {"large.bin": content})
    return content


def test_a_job_reads_what_was_added_and_its_outputs_are_kept(eve: Person, client: Any, large: bytes) -> None:
    job = eve.submit("python", "-c", READ, inputs={"digits": "digits@latest"})
    ended = eve.ended(job["name"])
    assert ended["status"]["state"] == "SUCCEEDED", eve.text(job["name"])
    assert f"('large.bin', {len(large)})" in eve.text(job["name"])
    outputs = f"/projects/{eve.project}/jobs/{job['name']}/outputs/outputs/found.txt"
    assert "('7.txt', 1)" in eve.http.get(outputs).raise_for_status().text
    files = f"/projects/{eve.project}/datasets/digits/versions/1/files/large.bin"
    part = eve.http.get(files, headers={"Range": "bytes=15000000-15000009"})
    assert (part.status_code, part.content) == (206, large[15000000:15000010])
    assert eve.http.get(files).content == large
    assert len(stored(client)) > 51


def test_what_nobody_needs_leaves_the_bucket_and_the_rest_stays(
    eve: Person, client: Any, large: bytes
) -> None:
    eve.http.post(f"/projects/{eve.project}/datasets", json={"name": "gone"}).raise_for_status()
    content = os.urandom(10 << 20)
    add(eve, "gone", {"gone.bin": content})
    assert blake3(content).hexdigest() in stored(client)
    eve.http.delete(f"/projects/{eve.project}/datasets/gone").raise_for_status()
    deadline = time.monotonic() + 60
    while blake3(content).hexdigest() in stored(client):
        assert time.monotonic() < deadline, eve.platform.log("service")[-3000:]
        time.sleep(0.5)
    kept = eve.http.get(f"/projects/{eve.project}/datasets/digits/versions/1/files/large.bin")
    assert kept.content == large


def test_a_server_that_is_away_is_said_and_comes_back(eve: Person, server: S3Server, large: bytes) -> None:
    draft = begin(eve, "digits")
    content = bundle({"x.txt": b"new"})
    server.kill()
    try:
        answer = eve.http.put(f"{draft}/bundle", content=content, timeout=90)
    finally:
        server.start()
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
    assert "does not answer as it should" in answer.json()["error"]["message"]
    # Others of the service may be trying at this moment; until they know, it is still away.
    until(lambda: eve.http.put(f"{draft}/bundle", content=content).is_success, "what was refused is taken")
    assert eve.http.post(f"{draft}/commit", json={}).status_code == 201


def test_a_job_waits_for_a_server_that_is_away(eve: Person, server: S3Server, large: bytes) -> None:
    first = eve.submit("python", "-c", READ, inputs={"digits": "digits@1"})
    assert eve.ended(first["name"])["status"]["state"] == "SUCCEEDED"
    home = eve.platform.home
    for laid_out in (*home.glob("projects/*/checkouts/*"), *home.glob("near/??")):
        shutil.rmtree(laid_out)  # as on another machine
    server.kill()
    try:
        job = eve.submit("python", "-c", READ, inputs={"digits": "digits@1"})
        deadline = time.monotonic() + 90
        while "waits for its inputs" not in eve.platform.log("service"):
            assert time.monotonic() < deadline, eve.job(job["name"])["status"]
            time.sleep(0.2)
        assert eve.job(job["name"])["status"]["state"] == "STARTING"
    finally:
        server.start()
    ended = eve.ended(job["name"], timeout_s=90)
    assert ended["status"]["state"] == "SUCCEEDED", eve.text(job["name"])
    assert ended["status"]["attempt"] == 1
