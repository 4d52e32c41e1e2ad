"""The platform as on a cluster: parts started by themselves, as an ordinary user, with PostgreSQL and TCP.

Jobs go the whole way of a pod: the real service, the real runner, and HTTP between, with sandboxes for pods.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from platforms import Person
from processes import kill
from separate import Separate

from himalia.core.tokens import WorkTokens

API = "/services/himalia/api/v1"


@pytest.fixture(scope="module")
def parts(environments: Path) -> Iterator[Separate]:
    made = Separate()
    try:
        yield made.up()
    finally:
        made.remove()


@pytest.fixture(scope="module")
def ada(parts: Separate) -> Iterator[Person]:
    parts.add_user("ada")
    person = Person(parts, "ada")
    yield person
    person.close()


def token(parts: Separate, job: dict[str, Any], attempt: int = 1) -> dict[str, str]:
    """The header of an attempt's runner."""
    key = WorkTokens((parts.secrets / "service-key").read_text().strip().encode())
    return {"Authorization": f"Bearer {key.make(job['id'], attempt)}"}


def until_printed(person: Person, name: str, text: str) -> None:
    """Wait until `text` stands in a job's log."""
    deadline = time.monotonic() + 60
    while text not in person.text(name):
        job = person.job(name)
        assert job["status"]["ended_at"] is None, job["status"]
        assert time.monotonic() < deadline, job["status"]
        time.sleep(0.1)


def test_a_job_runs(parts: Separate, ada: Person) -> None:
    job = ada.submit("sh", "-c", "echo héllo; mkdir outputs; echo 1 > outputs/a")
    ended = ada.ended(job["name"])
    assert ended["status"]["state"] == "SUCCEEDED", ended["status"]
    assert ada.text(job["name"]) == "héllo\n"
    assert not (parts.home / "service/himalia.sqlite").exists()
    assert not (parts.home / "s/service/api.sock").exists()
    assert not (parts.home / "s/service/files.sock").exists()


def test_mlflow_is_there(parts: Separate, ada: Person) -> None:
    headers = {"Authorization": f"Bearer {ada.token}", "X-MLFLOW-WORKSPACE": ada.project}
    url = f"{parts.service_url}/services/himalia/mlflow/api/2.0/mlflow/experiments/create"
    made = httpx.post(url, json={"name": "mine"}, headers=headers, timeout=60)
    assert made.status_code == 200, made.text
    assert not (parts.home / "mlflow/mlflow.sqlite").exists()


def test_environments_are_images(ada: Person) -> None:
    body = {"spec": {"kind": "command", "command": ["true"], "profile": "base", "environment": "nowhere"}}
    refused = ada.http.post(f"/projects/{ada.project}/jobs", json=body)
    assert refused.status_code == 422
    assert "There is no environment nowhere on this cluster" in refused.text


def test_a_disabled_account_is_refused(parts: Separate) -> None:
    parts.add_user("bob")
    bob = Person(parts, "bob")
    assert bob.http.get("/whoami").status_code == 200
    command = [sys.executable, "-m", "himalia.cli.main", "users", "disable", "bob"]
    done = subprocess.run(command, env={**os.environ, **parts.variables}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    deadline = time.monotonic() + 20
    while bob.http.get("/whoami").status_code != 401:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    bob.close()


def test_a_second_service_is_refused(parts: Separate) -> None:
    program = "import himalia.core.database as d; d.ALONE_S = 1; from himalia.app import main; main([])"
    second = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **parts.variables, "HIMALIA_SERVICE_PORT": "18003"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 1
    assert b"Another service works on this database" in second.stderr


def test_a_command_runs_and_all_of_it_comes_back(parts: Separate, ada: Person) -> None:
    secret = {"value": "hunter2-very-secret"}
    ada.http.put(f"/projects/{ada.project}/secrets/PASSWORD", json=secret).raise_for_status()
    code = """
import os, himalia.run as run
for step in range(3): run.log("loss", 1 / (step + 1), step=step)
os.makedirs("outputs")
open("outputs/model.txt", "w").write("weights")
print(os.environ["PASSWORD"], os.environ["HIMALIA_URL"], "HIMALIA_API_SOCKET" in os.environ)
"""
    made = ada.submit("python", "-c", code, secrets=["PASSWORD"])
    job = ada.ended(made["name"])
    assert job["status"]["state"] == "SUCCEEDED", job["status"]
    assert ada.text(made["name"]) == f"[secret] {parts.service_url}/services/himalia False\n"
    place = f"/projects/{ada.project}/jobs/{made['name']}"
    assert ada.http.get(f"{place}/outputs/outputs/model.txt").text == "weights"
    (series,) = ada.http.get(f"{place}/metrics").json()["items"]
    assert [point[:2] for point in series["points"]] == [[0, 1.0], [1, 1 / 2], [2, 1 / 3]]
    deadline = time.monotonic() + 10
    while list((parts.home / "pods").glob(f"{job['id']}-*")):  # it ends once its end is acknowledged
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_user_code_speaks_to_the_service_and_to_mlflow_by_url(ada: Person) -> None:
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
    made = ada.submit("python", "-c", code, permissions=["submit"])
    job = ada.ended(made["name"])
    assert job["status"]["state"] == "SUCCEEDED", ada.text(made["name"])
    assert ada.text(made["name"]) == "ada\n200\n"


def test_a_stop_reaches_it_and_keeps_its_reason(ada: Person) -> None:
    made = ada.submit("sh", "-c", "trap 'echo asked; exit 0' TERM; echo ready; while :; do sleep 0.05; done")
    until_printed(ada, made["name"], "ready")
    ada.http.post(f"/projects/{ada.project}/jobs/{made['name']}/stop").raise_for_status()
    job = ada.ended(made["name"])
    assert (job["status"]["state"], job["status"]["reason"]) == ("STOPPED", "stopped_by_user")
    assert "asked" in ada.text(made["name"])


def test_a_pod_that_is_gone_is_lost_and_starts_again(parts: Separate, ada: Person) -> None:
    folder = f"/shared/{ada.project}"
    script = f"echo attempt $HIMALIA_ATTEMPT; [ $HIMALIA_ATTEMPT = 2 ] || sleep 3600; touch {folder}/second"
    made = ada.submit("sh", "-c", script)
    until_printed(ada, made["name"], "attempt 1")
    old = token(parts, made)
    (state,) = (parts.home / "pods").glob(f"{made['id']}-1/0/state.json")
    kill(json.loads(state.read_text())["child"])
    job = ada.ended(made["name"])
    assert (job["status"]["state"], job["status"]["attempt"]) == ("SUCCEEDED", 2), job["status"]
    body = {"attempt": 1, "runner": "old", "reports": []}
    late = httpx.post(f"{parts.service_url}{API}/workloads/{made['id']}/reports", json=body, headers=old)
    assert (late.status_code, late.json()["error"]["code"]) == (409, "stale_attempt")


def test_what_is_sent_in_place_of_reports_is_refused(parts: Separate, ada: Person) -> None:
    made = ada.submit("sh", "-c", "echo ready; sleep 3600")
    until_printed(ada, made["name"], "ready")
    headers, url = token(parts, made), f"{parts.service_url}{API}/workloads/{made['id']}"
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
    mine = {"Authorization": f"Bearer {ada.token}"}
    assert httpx.post(f"{url}/reports", json=bodies[3][0], headers=mine).status_code == 403
    ada.http.post(f"/projects/{ada.project}/jobs/{made['name']}/stop").raise_for_status()
    assert ada.ended(made["name"])["status"]["state"] == "STOPPED"


@pytest.mark.parametrize(
    ("number", "ends_when"), [(signal.SIGTERM, "it is back"), (signal.SIGKILL, "it is away")]
)
def test_what_runs_outlives_the_service(parts: Separate, ada: Person, number: int, ends_when: str) -> None:
    go = f"go-{number}"
    wait = f"until [ -e /shared/{ada.project}/{go} ]; do sleep 0.05; done"
    job = ada.submit("sh", "-c", f"echo begun; {wait}; seq 5000; exit 3")
    until_printed(ada, job["name"], "begun")
    (shared,) = (parts.home / "projects").glob("*/shared")
    parts.end("service", number)
    assert httpx.get(f"{parts.gateway_url}/readyz").status_code == 200
    if ends_when == "it is away":
        (shared / go).touch()
    parts.begin("service")
    parts.answers(f"{parts.service_url}/readyz")
    (shared / go).touch()
    status = ada.ended(job["name"])["status"]
    assert (status["state"], status["reason"], status["attempt"]) == ("FAILED", "user_error", 1), status
    assert ada.text(job["name"]) == "begun\n" + "".join(f"{line}\n" for line in range(1, 5001))


def test_no_accepted_job_is_lost_with_the_database(parts: Separate, ada: Person) -> None:
    jobs = [ada.submit("sh", "-c", f"sleep {0.5 * number}; echo {number}")["name"] for number in range(4)]
    parts.postgres.kill()
    assert httpx.get(f"{parts.service_url}/readyz", timeout=30).status_code == 503
    assert httpx.get(f"{parts.service_url}/healthz", timeout=30).status_code == 200
    time.sleep(2)  # the outage: all four end within it, while nothing of theirs can be stored
    parts.postgres.start()
    parts.answers(f"{parts.service_url}/readyz")
    ended = [ada.ended(name, 120)["status"] for name in jobs]
    assert {one["state"] for one in ended} == {"SUCCEEDED"}, ended
    assert [ada.text(name) for name in jobs] == [f"{number}\n" for number in range(4)]
