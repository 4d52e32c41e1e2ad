"""What nobody can reach any more is removed, and nothing else, whatever happens at the same time."""

from __future__ import annotations

import json
import os
import random
import re
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3
from platforms import Person, Running
from processes import kill

GRACE_S = 3.0
NOBODY = "nobody" + 10 * "a"


@pytest.fixture(scope="module")
def tidy(environments: object) -> Iterator[Running]:
    """A platform that collects all the time, and where a deleted job is gone at once."""
    settings = {
        "HIMALIA_COLLECT_EVERY_S": "0.1",
        "HIMALIA_OBJECT_GRACE_S": str(GRACE_S),
        "HIMALIA_RETENTION_DAYS": "0",
        "HIMALIA_OVERLAY_DAYS": "0",
    }
    running = Running(("base",), **settings)
    try:
        yield running.up()
    finally:
        running.remove()


@pytest.fixture(scope="module")
def eve(tidy: Running) -> Iterator[Person]:
    tidy.add_user("eve")
    person = Person(tidy, "eve")
    yield person
    person.close()


def until(check: Callable[[], object], what: str, timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    while not check():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def stored(platform: Running, digest: str) -> bool:
    return (platform.home / "objects" / digest[:2] / digest[2:]).exists()


def announce(person: Person, files: dict[str, bytes]) -> dict[str, Any]:
    listed = [
        {"path": path, "size": len(content), "digest": blake3(content).hexdigest()}
        for path, content in files.items()
    ]
    answer = person.http.post(f"/projects/{person.project}/snapshots", json={"files": listed})
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def upload(person: Person, files: dict[str, bytes], pause_s: float = 0) -> str:
    """Send a snapshot as clients do; its digest."""
    by_digest = {blake3(content).hexdigest(): content for content in files.values()}
    for digest in announce(person, files)["missing"]:
        time.sleep(pause_s)
        put = person.http.put(f"/projects/{person.project}/objects/{digest}", content=by_digest[digest])
        assert put.status_code == 200, put.text
    shown = announce(person, files)
    assert shown["complete"], "a file went while the others came"
    return str(shown["digest"])


def leavings(platform: Running, job_id: str) -> list[Path]:
    folders = (platform.home / "people", platform.home / "service" / "logs")
    return [path for folder in folders for path in folder.rglob(f"{job_id}-*")]


def query(platform: Running, text: str, *values: str) -> list[Any]:
    with closing(sqlite3.connect(platform.home / "service" / "himalia.sqlite")) as connection:
        return connection.execute(text, values).fetchall()


def passed(platform: Running) -> None:
    """Wait until what is old was looked for: twice, since a pass may be under way."""
    for _ in range(2):
        log = platform.home / "service" / "logs" / f"{NOBODY}-1.log"  # of a workload that never was
        overlay = platform.home / "people" / "nobody" / "overlays" / "old"
        log.touch()
        overlay.mkdir(parents=True)
        os.utime(overlay, (1, 1))
        until(lambda log=log: not log.exists(), "a pass of the collector")
        until(lambda overlay=overlay: not overlay.exists(), "a pass over the environments")


def test_what_a_job_needs_stays_until_it_is_deleted(tidy: Running, eve: Person) -> None:
    code = upload(eve, {"a.txt": b"of a job", "b.txt": secrets.token_bytes(100)})
    spec = {"snapshot": code}
    job = eve.submit("sh", "-c", "cat a.txt; mkdir outputs; date > outputs/when", **spec)
    assert eve.ended(job["name"])["status"]["state"] == "SUCCEEDED"
    path = f"/projects/{eve.project}/jobs/{job['name']}"
    output = eve.http.get(f"{path}/outputs").json()["items"][0]
    orphan = secrets.token_bytes(1000)
    lonely = blake3(orphan).hexdigest()
    put = eve.http.put(f"/projects/{eve.project}/objects/{lonely}", content=orphan)
    assert put.status_code == 200
    until(lambda: not stored(tidy, lonely), "what no job needs goes")
    assert eve.http.get(f"{path}/outputs/{output['path']}").status_code == 200
    again = eve.ended(eve.http.post(f"{path}/rerun", json={}).json()["name"])
    assert again["status"]["state"] == "SUCCEEDED"
    work = next((tidy.home / "people").glob("*/work/*"))
    (work / f"{job['id']}-1").mkdir(exist_ok=True)  # as a runner leaves it that was killed

    for name in (job["name"], again["name"]):
        assert eve.http.delete(f"/projects/{eve.project}/jobs/{name}").status_code == 204
    until(lambda: not stored(tidy, code), "the code of deleted jobs goes")
    until(lambda: not stored(tidy, blake3(b"of a job").hexdigest()), "its files go")
    until(lambda: not leavings(tidy, job["id"]), "its folder and its log go")
    assert eve.http.post(f"{path}/restore", json={}).status_code == 404


def test_a_preview_stays_as_long_as_its_version(tidy: Running, eve: Person) -> None:
    base = f"/projects/{eve.project}/datasets"
    eve.http.post(base, json={"name": "seen"}).raise_for_status()
    draft = eve.http.post(f"{base}/seen/drafts", json={}).json()["id"]
    content = b"a,b\n1,2\n" + secrets.token_hex(8).encode()
    listed = json.dumps({"files": [{"path": "t.csv", "size": len(content)}]}).encode()
    body = len(listed).to_bytes(4, "big") + listed + content
    eve.http.put(f"{base}/seen/drafts/{draft}/bundle", content=body).raise_for_status()
    version = eve.http.post(f"{base}/seen/drafts/{draft}/commit", json={}).raise_for_status().json()
    preview = f"{base}/seen/versions/1/preview"
    until(lambda: eve.http.get(preview).json()["state"] == "SUCCEEDED", "it is looked at")
    where = "SELECT data FROM dataset_previews WHERE tree = ?"
    ((data,),) = query(tidy, where, version["status"]["digest"])
    orphan = secrets.token_bytes(1000)
    lonely = blake3(orphan).hexdigest()
    eve.http.put(f"/projects/{eve.project}/objects/{lonely}", content=orphan).raise_for_status()
    until(lambda: not stored(tidy, lonely), "what nothing needs goes")
    assert eve.http.get(preview).json()["preview"]["tables"][0]["path"] == "t.csv"
    assert query(tidy, "SELECT id FROM workloads WHERE name LIKE 'preview-%'") == []  # its task is forgotten
    assert eve.http.delete(f"{base}/seen").status_code == 204
    until(lambda: not query(tidy, where, version["status"]["digest"]), "its preview is forgotten")
    until(lambda: not stored(tidy, data), "what was seen goes")


def test_a_deleted_project_is_emptied(tidy: Running, eve: Person) -> None:
    assert eve.http.post("/projects", json={"name": "short-lived"}).status_code == 201
    place = "/projects/short-lived"
    assert eve.http.put(f"{place}/secrets/KEY", json={"value": "of nobody"}).status_code == 204
    spec = {"kind": "command", "command": ["sh", "-c", "echo x > /shared/short-lived/x"], "profile": "base"}
    job = eve.http.post(f"{place}/jobs", json={"name": "writes", "spec": spec}).json()
    path = f"{place}/jobs/writes"
    until(lambda: eve.http.get(path).json()["status"]["state"] == "SUCCEEDED", "the job succeeds")
    project = next(
        one["id"] for one in eve.http.get("/projects").json()["items"] if one["name"] == "short-lived"
    )
    shared = tidy.home / "projects" / project / "shared"
    assert (shared / "x").read_text() == "x\n"

    assert eve.http.delete(place).status_code == 204
    until(lambda: not shared.exists(), "its shared folder goes")
    until(lambda: not leavings(tidy, job["id"]), "its jobs go")
    rows = query(tidy, "SELECT count(*) FROM secrets WHERE project_id = ?", project)
    assert rows + query(tidy, "SELECT count(*) FROM jobs WHERE project_id = ?", project) == [(0,), (0,)]
    assert eve.http.post(f"{place}/restore", json={}).status_code == 404
    assert "short-lived" not in eve.http.get("/projects?deleted=true").text
    # Its number made the id of a group, which must never be another project's.
    number = query(tidy, "SELECT number FROM projects WHERE id = ?", project)[0][0]
    assert eve.http.post("/projects", json={"name": "short-lived"}).status_code == 201
    assert query(tidy, "SELECT max(number) FROM projects")[0][0] > number


def test_a_task_goes_after_what_needed_it(tidy: Running, eve: Person) -> None:
    text = b"no-such-package-of-himalia\n"
    code = upload(eve, {"requirements.txt": text})
    job = eve.submit("true", snapshot=code, requirements="requirements.txt")
    task = job["status"]["environment_job"]
    assert eve.ended(job["name"])["status"]["state"] == "FAILED"
    passed(tidy)
    assert eve.http.get(f"/projects/{eve.project}/overlays/{task}/log").status_code == 200
    assert eve.http.delete(f"/projects/{eve.project}/jobs/{job['name']}").status_code == 204
    until(lambda: not leavings(tidy, task), "its log goes")
    until(lambda: query(tidy, "SELECT id FROM workloads WHERE id = ?", task) == [], "its row goes")
    assert eve.http.get(f"/projects/{eve.project}/overlays/{task}").status_code == 404


def test_unused_overlays_go_while_nothing_of_their_owner_runs(tidy: Running, eve: Person) -> None:
    def ask() -> dict[str, Any]:
        body = {"environment": "base", "requirements": "iniconfig==2.0.0\n"}
        answer: dict[str, Any] = eve.http.post(f"/projects/{eve.project}/overlays", json=body).json()
        return answer

    def left() -> list[str]:
        return [path.name for path in tidy.home.glob("people/*/overlays/*")]

    job = eve.submit("sleep", "600")
    digest = ask()["digest"]
    until(lambda: digest in left(), "it is built", 60)
    passed(tidy)
    assert ask()["ready"]
    assert eve.http.post(f"/projects/{eve.project}/jobs/{job['name']}/stop").status_code == 200
    until(lambda: left() == [], "it goes, and all that was made to make it")
    assert not ask()["ready"], "it is built again"


def test_a_pass_that_fails_is_not_the_last(tidy: Running, eve: Person) -> None:
    database = tidy.home / "service" / "himalia.sqlite"
    with closing(sqlite3.connect(database, isolation_level=None, timeout=30)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        until(lambda: "What is old could not be removed now" in tidy.log("service"), "a pass that failed")
        connection.execute("ROLLBACK")
    old = next(tidy.home.glob("people/*")) / "overlays" / "old"
    old.mkdir(parents=True, exist_ok=True)
    os.utime(old, (1, 1))
    until(lambda: not old.exists(), "a later pass")


def test_what_was_freed_is_told(tidy: Running, eve: Person) -> None:
    admin = Person(tidy, "admin", ("admin",))
    figures = admin.browser.get(
        "/services/himalia/metrics", headers={"Authorization": f"Bearer {admin.token}"}
    ).text
    admin.close()
    found = {
        name: float(re.search(rf"^{name} (\S+)$", figures, re.M)[1])  # type: ignore[index]
        for name in ("himalia_collected_bytes_total", "himalia_purged_jobs_total")
    }
    assert found["himalia_collected_bytes_total"] >= 1000
    assert found["himalia_purged_jobs_total"] >= 2
    assert "that nothing needs" in tidy.log("service")


def test_uploads_at_the_same_time_lose_nothing(tidy: Running, eve: Person) -> None:
    """What comes again does so just when nothing has needed it for so long that it may go."""
    failures: list[BaseException] = []

    def work(number: int) -> None:
        again = {f"again{n}": f"again {number} {n}".encode() for n in range(4)}
        try:
            for turn in range(3):
                own = {f"own{n}": secrets.token_bytes(64) for n in range(2)}
                code = upload(eve, {**again, **own}, GRACE_S / 30)
                job = eve.submit("sh", "-c", "cat again* own* | wc -c", snapshot=code)
                assert eve.ended(job["name"])["status"]["state"] == "SUCCEEDED", (number, turn)
                assert int(eve.text(job["name"])) == 4 * 9 + 2 * 64
                gone = eve.http.delete(f"/projects/{eve.project}/jobs/{job['name']}")
                assert gone.status_code == 204
                time.sleep(GRACE_S * random.uniform(0.7, 1.1))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_collection_that_is_killed_does_no_harm(tidy: Running, eve: Person) -> None:
    code = upload(eve, {"kept": b"kept by a job"})
    kept = eve.submit("cat", "kept", snapshot=code)
    assert eve.ended(kept["name"])["status"]["state"] == "SUCCEEDED"
    orphans = []
    for _ in range(150):
        content = secrets.token_bytes(50)
        orphans.append(blake3(content).hexdigest())
        eve.http.put(f"/projects/{eve.project}/objects/{orphans[-1]}", content=content)
    until(lambda: not all(stored(tidy, one) for one in orphans), "the collection has begun")
    pid = json.loads(next((tidy.home / "run").glob("*service*.pid")).read_text())["pid"]
    kill(pid)
    until(lambda: not any(stored(tidy, one) for one in orphans), "the next service goes on with it", 60)
    until(lambda: eve.http.get("/whoami").status_code == 200, "the service answers")
    again = eve.http.post(f"/projects/{eve.project}/jobs/{kept['name']}/rerun", json={}).json()
    assert eve.ended(again["name"])["status"]["state"] == "SUCCEEDED"
    assert eve.text(again["name"]) == "kept by a job"
