"""The platform as on a cluster: parts started by themselves, as an ordinary user, with PostgreSQL and TCP."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from platforms import Person
from separate import Separate


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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_runs_outlives_the_service(parts: Separate, ada: Person, number: int) -> None:
    job = ada.submit("sh", "-c", "echo begun; sleep 4; echo done")
    deadline = time.monotonic() + 60
    while "begun" not in ada.text(job["name"]):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    parts.end("service", number)
    assert httpx.get(f"{parts.gateway_url}/readyz").status_code == 200
    parts.begin("service")
    parts.answers(f"{parts.service_url}/readyz")
    ended = ada.ended(job["name"])
    assert (ended["status"]["state"], ended["status"]["attempt"]) == ("SUCCEEDED", 1), ended["status"]
    assert ada.text(job["name"]) == "begun\ndone\n"


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
