"""What is killed with -9, at any time, loses no accepted job and completes none twice."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from platforms import Person, Running
from processes import kill


@pytest.fixture(scope="module")
def own(environments: Path) -> Iterator[Running]:
    """A platform whose parts may be killed."""
    running = Running(("base",), HIMALIA_LOST_AFTER_S="3", HIMALIA_STOP_GRACE_S="3")
    try:
        yield running.up()
    finally:
        running.remove()


@pytest.fixture(scope="module")
def ada(own: Running) -> Iterator[Person]:
    own.add_user("ada")
    person = Person(own, "ada")
    yield person
    person.close()


def processes(own: Running, words: str) -> list[int]:
    """PIDs of this platform's processes whose command line holds `words`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                mine = str(own.folder) in line or str(own.folder) in str((entry / "cwd").readlink())
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
            if words in line and mine:
                found.append(int(entry.name))
    return found


def kill_service(own: Running) -> None:
    """SIGKILL, then wait until the supervisor has a new one that answers."""
    kill(*processes(own, "himalia.app"))
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            answer = httpx.get(f"{own.url}/services/himalia/health", timeout=2)
            if answer.status_code == 200 and answer.json().get("status") == "ok":
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise AssertionError("the service did not come back:\n" + own.log("service")[-3000:])


def ended(person: Person, name: str, timeout_s: float = 60) -> dict[str, object]:
    """The status of a job that has ended; asked again and again, since the service may be away."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            status: dict[str, object] = person.job(name)["status"]
            if status["state"] in ("SUCCEEDED", "FAILED", "STOPPED"):
                return status
        except (httpx.HTTPError, AssertionError, json.JSONDecodeError):
            pass
        time.sleep(0.1)
    raise AssertionError(f"{name} did not end")


def running(person: Person, name: str) -> None:
    """Wait until a job runs."""
    deadline = time.monotonic() + 30
    while person.job(name)["status"]["state"] != "RUNNING":
        assert time.monotonic() < deadline, person.job(name)["status"]
        time.sleep(0.05)


def test_the_service_dies_while_a_job_runs(own: Running, ada: Person) -> None:
    job = ada.submit("sh", "-c", "echo begun; sleep 4; mkdir outputs; echo result > outputs/r.txt; echo done")
    running(ada, job["name"])
    kill_service(own)
    status = ended(ada, job["name"])
    assert (status["state"], status["attempt"]) == ("SUCCEEDED", 1), status
    assert ada.text(job["name"]) == "begun\ndone\n"
    files = ada.http.get(f"/projects/{ada.project}/jobs/{job['name']}/outputs").json()["items"]
    assert [file["path"] for file in files] == ["outputs/r.txt"]


def test_a_job_ends_while_the_service_is_away(own: Running, ada: Person) -> None:
    jobs = [ada.submit("sh", "-c", "sleep 0.5; exit 0") for _ in range(6)]
    running(ada, jobs[0]["name"])
    kill_service(own)
    statuses = [ended(ada, job["name"]) for job in jobs]
    assert {status["state"] for status in statuses} == {"SUCCEEDED"}, statuses
    assert {status["attempt"] for status in statuses} == {1}, statuses


def test_submitting_while_the_service_is_killed_loses_nothing(own: Running, ada: Person) -> None:
    accepted = []
    for _ in range(3):
        for _ in range(10):
            accepted.append(ada.submit("/bin/true")["name"])
        kill_service(own)
    statuses = [ended(ada, name) for name in accepted]
    assert {status["state"] for status in statuses} == {"SUCCEEDED"}
    events = [
        event
        for name in accepted
        for event in ada.http.get(f"/projects/{ada.project}/jobs/{name}/events").json()["items"]
        if event["data"].get("state") == "SUCCEEDED"
    ]
    assert len(events) == len(accepted)


def many_short(ada: Person, folder: Path, count: int) -> list[str]:
    """Names of jobs that each note their name; so many that some wait in their runner behind others."""
    place = f"/shared/{ada.project}/{folder.name}"
    for _ in range(5):
        assert ended(ada, ada.submit("/bin/true")["name"])["state"] == "SUCCEEDED"
    command = f"mkdir -p {place}; echo $HIMALIA_WORKLOAD >> {place}/$HIMALIA_WORKLOAD"
    with ThreadPoolExecutor(8) as pool:
        return [job["id"] for job in pool.map(lambda _: ada.submit("sh", "-c", command), range(count))]


def runs(own: Running, folder: Path) -> dict[str, int]:
    """How often each of them has run."""
    found = next(own.home.rglob(folder.name))
    return {file.name: len(file.read_text().splitlines()) for file in found.iterdir()}


def test_short_jobs_that_went_ahead_run_once_when_the_service_dies(
    own: Running, ada: Person, tmp_path: Path
) -> None:
    ids = many_short(ada, tmp_path, 150)
    kill_service(own)
    names = {
        job["id"]: job for job in ada.http.get(f"/projects/{ada.project}/jobs?limit=200").json()["items"]
    }
    for one in ids:
        status = ended(ada, names[one]["name"])
        assert (status["state"], status["attempt"]) == ("SUCCEEDED", 1), status
    assert runs(own, tmp_path) == dict.fromkeys(ids, 1)


def test_what_went_ahead_behind_a_long_job_is_recalled_after_the_service_died(
    own: Running, ada: Person, tmp_path: Path
) -> None:
    many_short(ada, tmp_path, 40)
    long = ada.submit("sleep", "60")["name"]
    with ThreadPoolExecutor(8) as pool:
        short = [job["name"] for job in pool.map(lambda _: ada.submit("/bin/true"), range(40))]
    running(ada, long)
    kill_service(own)
    for name in short:
        status = ended(ada, name, timeout_s=20)
        assert (status["state"], status["attempt"]) == ("SUCCEEDED", 1), status
    ada.http.post(f"/projects/{ada.project}/jobs/{long}/stop").raise_for_status()
    assert ended(ada, long)["attempt"] == 1


def test_short_jobs_that_went_ahead_all_end_when_their_runner_dies(
    own: Running, ada: Person, tmp_path: Path
) -> None:
    ids = many_short(ada, tmp_path, 150)
    kill(*processes(own, "himalia.runner.resident"))
    names = {
        job["id"]: job for job in ada.http.get(f"/projects/{ada.project}/jobs?limit=200").json()["items"]
    }
    statuses = [ended(ada, names[one]["name"]) for one in ids]
    assert {status["state"] for status in statuses} == {"SUCCEEDED"}
    assert set(runs(own, tmp_path)) == set(ids)


def test_the_runner_dies_and_the_job_starts_again(own: Running, ada: Person) -> None:
    job = ada.submit("sh", "-c", "echo $HIMALIA_ATTEMPT; sleep 3")
    running(ada, job["name"])
    kill(*processes(own, "himalia.runner.resident"))
    status = ended(ada, job["name"])
    assert (status["state"], status["attempt"]) == ("SUCCEEDED", 2), status
    attempts = status["attempts"]
    assert isinstance(attempts, list)
    assert attempts[0]["reason"] == "lost"
    assert ada.text(job["name"]) == "2\n"


def test_an_orderly_stop_starts_jobs_again_at_the_next_start(own: Running, ada: Person) -> None:
    job = ada.submit("sh", "-c", "echo attempt $HIMALIA_ATTEMPT; sleep 5")
    running(ada, job["name"])
    own.down()
    assert processes(own, "himalia") == []
    own.up()
    again = Person(own, "ada")
    status = ended(again, job["name"])
    assert (status["state"], status["attempt"]) == ("SUCCEEDED", 2), status
    attempts = status["attempts"]
    assert isinstance(attempts, list)
    assert attempts[0]["reason"] == "platform_stopped"
    again.close()
