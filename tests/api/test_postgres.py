"""The same service on PostgreSQL: a small selection of what the other tests do on SQLite."""

from __future__ import annotations

import asyncio
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from blake3 import blake3
from platforms import Person, Running

from himalia.client import Client
from himalia.core import events
from himalia.core.database import Database


@pytest.fixture(scope="module")
def elsewhere(environments: object, postgres_url: str) -> Iterator[Running]:
    """A platform of its own, whose service keeps everything in PostgreSQL."""
    often = {"HIMALIA_COLLECT_EVERY_S": "0.5", "HIMALIA_OBJECT_GRACE_S": "1"}
    running = Running(("base",), HIMALIA_DATABASE_URL=postgres_url, **often)
    try:
        yield running.up()
    finally:
        running.remove()


@pytest.fixture(scope="module")
def zoe(elsewhere: Running) -> Iterator[Person]:
    elsewhere.add_user("zoe")
    person = Person(elsewhere, "zoe")
    yield person
    person.close()


def test_it_is_postgresql(elsewhere: Running, zoe: Person) -> None:
    assert zoe.http.get("/whoami").status_code == 200
    assert not (elsewhere.home / "service" / "himalia.sqlite").exists()


def test_jobs_run(zoe: Person) -> None:
    jobs = [zoe.submit("sh", "-c", "echo hällo; mkdir outputs; echo 1 > outputs/a") for _ in range(5)]
    ended = [zoe.ended(job["name"]) for job in jobs]
    assert {one["status"]["state"] for one in ended} == {"SUCCEEDED"}
    assert zoe.text(jobs[0]["name"]) == "hällo\n"
    failed = zoe.ended(zoe.submit("sh", "-c", "exit 3")["name"])
    assert (failed["status"]["state"], failed["status"]["reason"]) == ("FAILED", "user_error")


def test_a_search_runs(zoe: Person) -> None:
    code = "import sys, himalia.run as run; run.log('loss', float(sys.argv[2])); run.log('size', 1)"
    spec = {
        "job": {"kind": "command", "command": ["python", "-c", code], "profile": "base"},
        "space": {"x": {"kind": "float", "low": 0, "high": 1, "step": 0.25}},
        "objectives": [{"metric": "loss"}],
        "sampler": {"kind": "grid"},
        "pruner": {"kind": "median"},
        "parallel": 3,
    }
    path = f"/projects/{zoe.project}/experiments"
    name = zoe.http.post(path, json={"spec": spec}).raise_for_status().json()["name"]
    deadline = time.monotonic() + 60
    while (found := zoe.http.get(f"{path}/{name}").json())["status"]["state"] == "RUNNING":
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    assert (found["status"]["state"], found["status"]["done"]) == ("COMPLETE", 5), found
    assert found["status"]["best"][0]["values"] == [0]
    assert zoe.http.get(path).json()["items"][0]["status"]["counts"]["complete"] == 5
    trials = zoe.http.get(f"{path}/{name}/trials", params={"state": "COMPLETE", "limit": 2}).json()
    assert len(trials["items"]) == 2
    rows = zoe.http.get(f"{path}/{name}/plots/intermediate").json()["rows"]
    assert sorted(row["value"] for row in rows) == [0, 0.25, 0.5, 0.75, 1]
    assert zoe.http.delete(f"{path}/{name}").status_code == 204
    assert zoe.http.post(f"{path}/{name}/restore", json={}).json()["status"]["done"] == 5


def test_an_archive_is_imported_and_looked_at(zoe: Person, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr("t.csv", "n,word\n1,grüße\n")
    with Client(zoe.platform.url, zoe.token) as client:
        version = client.datasets.add_archive("set", tmp_path / "set.zip", into="ünï")
        assert [file.path for file in client.datasets.files(version)] == ["ünï/t.csv"]
        assert client.datasets.preview(version)["tables"][0]["head"] == [[1, "grüße"]]
        client.datasets.delete("set")


def test_lists_filter_and_have_pages(zoe: Person) -> None:
    path = f"/projects/{zoe.project}/jobs"
    body = {
        "labels": {"team/name": "ä'b"},
        "spec": {"kind": "command", "command": ["true"], "profile": "base"},
    }
    marked = zoe.http.post(path, json=body).json()
    found = zoe.http.get(path, params={"label": "team/name=ä'b"}).json()["items"]
    assert [one["id"] for one in found] == [marked["id"]]
    names, token = [], None
    while True:
        params = {"limit": 2, **({"page_token": token} if token else {})}
        page = zoe.http.get(path, params=params).json()
        names += [one["name"] for one in page["items"]]
        token = page["next_page_token"]
        if token is None:
            break
    assert len(names) == len(set(names)) >= 7
    assert zoe.http.get(path, params={"text": "%_\\'"}).json()["items"] == []


def test_the_same_key_makes_one_job(zoe: Person) -> None:
    body = {"spec": {"kind": "command", "command": ["true"], "profile": "base"}}
    answers = [
        zoe.http.post(
            f"/projects/{zoe.project}/jobs", json=body, headers=[(b"Idempotency-Key", b"once \xfc")]
        )
        for _ in range(2)
    ]
    assert [one.status_code for one in answers] == [201, 200]
    assert answers[0].json()["id"] == answers[1].json()["id"]


@pytest.mark.parametrize("text", ["a\0b", "\0"])
def test_what_postgresql_cannot_hold_is_refused(zoe: Person, text: str) -> None:
    project = {"name": "with-nul", "spec": {"title": text}}
    assert zoe.http.post("/projects", json=project).status_code == 422
    assert zoe.http.get("/people", params={"text": text}).status_code == 422
    path = f"/projects/{zoe.project}/secrets/KEY"
    assert zoe.http.put(path, json={"value": text}).status_code == 422
    assert "A request failed" not in zoe.platform.log("service")


def test_what_nothing_needs_is_removed(elsewhere: Running, zoe: Person) -> None:
    job = zoe.ended(zoe.submit("sh", "-c", "mkdir outputs; echo kept > outputs/a")["name"])
    content = b"needed by nothing"
    digest = blake3(content).hexdigest()
    put = zoe.http.put(f"/projects/{zoe.project}/objects/{digest}", content=content)
    assert put.status_code == 200
    deadline = time.monotonic() + 30
    while (elsewhere.home / "objects" / digest[:2] / digest[2:]).exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    output = f"/projects/{zoe.project}/jobs/{job['name']}/outputs/outputs/a"
    assert zoe.http.get(output).text == "kept\n"


def test_no_text_of_an_event_ends_the_writer(postgres_url: str, elsewhere: Running) -> None:
    """Rows of events are written for a whole group of changes: what is refused there would end the service."""

    async def emit(name: str) -> str:
        database = Database(postgres_url)
        database.start()
        subject = ("job", "j" * 100, name)
        await database.write(lambda tx: events.emit(tx, "job.changed", subject=subject))
        last = await database.read(lambda c: events.after(c, 0, subject="j" * 40))
        await asyncio.to_thread(database.close)
        return str(last[-1]["subject_name"])

    assert asyncio.run(emit("n" * 1000)) == "n" * 255
    assert asyncio.run(emit("a\0b\ud800c")) == "a\ufffdb?c"
    assert asyncio.run(emit("größe 😀")) == "größe 😀"


def test_everything_is_there_after_a_restart(elsewhere: Running, zoe: Person) -> None:
    before = zoe.http.get(f"/projects/{zoe.project}/jobs", params={"limit": 500}).json()["items"]
    elsewhere.down()
    elsewhere.up()
    after = zoe.http.get(f"/projects/{zoe.project}/jobs", params={"limit": 500}).json()["items"]
    assert [one["id"] for one in after] == [one["id"] for one in before]
    assert zoe.ended(zoe.submit("true")["name"])["status"]["state"] == "SUCCEEDED"
