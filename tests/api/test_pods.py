"""The whole way of a job in a pod: the real service, the real runner, and HTTP between, with sandboxes for pods."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from platforms import Person, Running
from processes import kill

from himalia.core.tokens import WorkTokens

TESTS = Path(__file__).parent.parent
API = "/services/himalia/api/v1"


@pytest.fixture(scope="module")
def platform(environments: Path) -> Iterator[Running]:
    variables = {
        "HIMALIA_BACKEND": "pods_as_processes:ProcessPods",
        "PYTHONPATH": str(TESTS),
        "HIMALIA_STOP_GRACE_S": "2",
        "HIMALIA_HUB_CACHE_S": "0.5",
    }
    with Running(("base",), **variables) as running:
        yield running


@pytest.fixture(scope="module")
def ida(platform: Running) -> Iterator[Person]:
    platform.add_user("ida")
    person = Person(platform, "ida")
    yield person
    person.close()


def token(platform: Running, job: dict[str, Any], attempt: int = 1) -> dict[str, str]:
    """The header of an attempt's runner."""
    key = WorkTokens((platform.home / "secrets" / "service-key").read_text().strip().encode())
    return {"Authorization": f"Bearer {key.make(job['id'], attempt)}"}


def until_printed(person: Person, name: str, text: str) -> None:
    """Wait until `text` stands in a job's log."""
    deadline = time.monotonic() + 60
    while text not in person.text(name):
        job = person.job(name)
        assert job["status"]["ended_at"] is None, job["status"]
        assert time.monotonic() < deadline, job["status"]
        time.sleep(0.1)


def test_a_command_runs_and_all_of_it_comes_back(platform: Running, ida: Person) -> None:
    secret = {"value": "hunter2-very-secret"}
    ida.http.put(f"/projects/{ida.project}/secrets/PASSWORD", json=secret).raise_for_status()
    code = """
import os, himalia.run as run
for step in range(3): run.log("loss", 1 / (step + 1), step=step)
os.makedirs("outputs")
open("outputs/model.txt", "w").write("weights")
print(os.environ["PASSWORD"], os.environ["HIMALIA_URL"], "HIMALIA_API_SOCKET" in os.environ)
"""
    made = ida.submit("python", "-c", code, secrets=["PASSWORD"])
    job = ida.ended(made["name"])
    assert job["status"]["state"] == "SUCCEEDED", job["status"]
    port = json.loads((platform.home / "run" / "ports.json").read_text())["service"]
    assert ida.text(made["name"]) == f"[secret] http://127.0.0.1:{port}/services/himalia False\n"
    place = f"/projects/{ida.project}/jobs/{made['name']}"
    assert ida.http.get(f"{place}/outputs/outputs/model.txt").text == "weights"
    (series,) = ida.http.get(f"{place}/metrics").json()["items"]
    assert [point[:2] for point in series["points"]] == [[0, 1.0], [1, 1 / 2], [2, 1 / 3]]
    deadline = time.monotonic() + 10
    while list((platform.home / "pods").glob(f"{job['id']}-*")):  # it ends once its end is acknowledged
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_user_code_speaks_to_the_service_and_to_mlflow_by_url(ida: Person) -> None:
    code = """
import himalia, os, urllib.request
client = himalia.Client()
print(client.whoami().person.name)
address = os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/experiments/search?max_results=1"
call = urllib.request.Request(address, headers={
    "Authorization": "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"],
    "X-MLFLOW-WORKSPACE": os.environ["MLFLOW_WORKSPACE"]})
print(urllib.request.urlopen(call).status)
"""
    made = ida.submit("python", "-c", code, permissions=["submit"])
    job = ida.ended(made["name"])
    assert job["status"]["state"] == "SUCCEEDED", ida.text(made["name"])
    assert ida.text(made["name"]) == "ida\n200\n"


def test_a_stop_reaches_it_and_keeps_its_reason(ida: Person) -> None:
    made = ida.submit("sh", "-c", "trap 'echo asked; exit 0' TERM; echo ready; while :; do sleep 0.05; done")
    until_printed(ida, made["name"], "ready")
    ida.http.post(f"/projects/{ida.project}/jobs/{made['name']}/stop").raise_for_status()
    job = ida.ended(made["name"])
    assert (job["status"]["state"], job["status"]["reason"]) == ("STOPPED", "stopped_by_user")
    assert "asked" in ida.text(made["name"])


def test_it_runs_on_while_the_service_is_killed_and_comes_back(platform: Running, ida: Person) -> None:
    folder = f"/shared/{ida.project}"
    made = ida.submit(
        "sh", "-c", f"echo before; until [ -e {folder}/go ]; do sleep 0.05; done; seq 5000; exit 3"
    )
    until_printed(ida, made["name"], "before")
    before = _service(platform)
    kill(before)
    (shared,) = (platform.home / "projects").glob("*/shared")
    (shared / "go").touch()
    deadline = time.monotonic() + 60
    while _service(platform) in (before, 0):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    job = _ended_somehow(ida, made["name"])
    assert (job["status"]["state"], job["status"]["reason"]) == ("FAILED", "user_error")
    assert job["status"]["attempt"] == 1
    assert ida.text(made["name"]) == "before\n" + "".join(f"{number}\n" for number in range(1, 5001))


def _service(platform: Running) -> int:
    """The PID of the service, 0 while there is none."""
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"himalia.app" in words and os.fsencode(str(platform.home)) in words:
            return int(place.name)
    return 0


def _ended_somehow(person: Person, name: str) -> dict[str, Any]:
    """Wait for a job's end while calls may fail."""
    deadline = time.monotonic() + 60
    while True:
        answer = person.http.get(f"/projects/{person.project}/jobs/{name}")
        if answer.status_code == 200 and answer.json()["status"]["state"] in ("SUCCEEDED", "FAILED"):
            job: dict[str, Any] = answer.json()
            return job
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.2)


def test_a_pod_that_is_gone_is_lost_and_starts_again(platform: Running, ida: Person) -> None:
    folder = f"/shared/{ida.project}"
    script = f"echo attempt $HIMALIA_ATTEMPT; [ $HIMALIA_ATTEMPT = 2 ] || sleep 3600; touch {folder}/second"
    made = ida.submit("sh", "-c", script)
    until_printed(ida, made["name"], "attempt 1")
    old = token(platform, made)
    (state,) = (platform.home / "pods").glob(f"{made['id']}-1/0/state.json")
    kill(json.loads(state.read_text())["child"])
    job = ida.ended(made["name"])
    assert (job["status"]["state"], job["status"]["attempt"]) == ("SUCCEEDED", 2), job["status"]
    body = {"attempt": 1, "runner": "old", "reports": []}
    late = httpx.post(f"{platform.url}{API}/workloads/{made['id']}/reports", json=body, headers=old)
    assert (late.status_code, late.json()["error"]["code"]) == (409, "stale_attempt")


def test_what_is_sent_in_place_of_reports_is_refused(platform: Running, ida: Person) -> None:
    made = ida.submit("sh", "-c", "echo ready; sleep 3600")
    until_printed(ida, made["name"], "ready")
    headers, url = token(platform, made), f"{platform.url}{API}/workloads/{made['id']}"
    bodies: list[tuple[Any, int]] = [
        ({}, 422),
        ({"attempt": 1, "runner": "x", "reports": [5]}, 422),
        ({"attempt": 1, "runner": "", "reports": []}, 422),
        ({"attempt": 2, "runner": "x", "reports": []}, 409),
        ({"attempt": 1, "runner": "another", "reports": [{"n": 1}]}, 409),
        ({"attempt": 1, "rank": -1, "runner": "x", "reports": []}, 422),
    ]
    for body, status in bodies:
        assert httpx.post(f"{url}/reports", json=body, headers=headers).status_code == status, body
    assert httpx.get(f"{url}/orders?attempt=1&wait_s=0", headers=headers).json() == {
        "should_stop": False,
        "stop": None,
    }
    assert httpx.get(f"{url}/orders?attempt=7&wait_s=0", headers=headers).status_code == 409
    assert httpx.get(f"{url}/orders?attempt=1&wait_s=600", headers=headers).status_code == 422
    mine = {"Authorization": f"Bearer {ida.token}"}
    assert httpx.post(f"{url}/reports", json=bodies[3][0], headers=mine).status_code == 403
    ida.http.post(f"/projects/{ida.project}/jobs/{made['name']}/stop").raise_for_status()
    assert ida.ended(made["name"])["status"]["state"] == "STOPPED"
