"""Environments from a requirements.txt: built once for kernels and jobs, with a log, for their owner alone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3
from platforms import Person, Running

import himalia as sdk
from himalia.client.following import EnvironmentText

GOOD = "iniconfig==2.0.0\n"
BROKEN = "no-such-package-of-himalia\n"
CODE = b"import iniconfig; print(iniconfig.__file__)\n"


def overlays(person: Person) -> str:
    return f"/projects/{person.project}/overlays"


def ask(person: Person, requirements: str, environment: str = "base", profile: str = "base") -> Any:
    body = {"environment": environment, "profile": profile, "requirements": requirements}
    return person.http.post(overlays(person), json=body)


def built(person: Person, overlay: str, timeout_s: float = 90) -> dict[str, Any]:
    """Wait for the end of a building, told by the event stream."""
    topic = f"/events/stream?topic=overlay:{overlay}"
    deadline = time.monotonic() + timeout_s
    with person.http.stream("GET", topic, timeout=timeout_s) as events:
        for line in events.iter_lines():
            found: dict[str, Any] = person.http.get(f"{overlays(person)}/{overlay}").json()
            if found["state"] in ("SUCCEEDED", "FAILED", "STOPPED"):
                return found
            assert time.monotonic() < deadline, line
    raise AssertionError("the stream was closed")


def submit(person: Person, requirements: str, name: str) -> dict[str, Any]:
    """A script with a requirements.txt beside it, as a job."""
    files = {"main.py": CODE, "requirements.txt": requirements.encode()}
    listed = [
        {"path": path, "size": len(data), "digest": blake3(data).hexdigest(), "executable": False}
        for path, data in files.items()
    ]
    place = f"/projects/{person.project}"
    for file, data in zip(listed, files.values(), strict=True):
        person.http.put(f"{place}/objects/{file['digest']}", content=data).raise_for_status()
    snapshot = person.http.post(f"{place}/snapshots", json={"files": listed}).raise_for_status().json()
    spec = {
        "kind": "script",
        "script": "main.py",
        "profile": "base",
        "snapshot": snapshot["digest"],
        "requirements": "requirements.txt",
    }
    answer = person.http.post(f"{place}/jobs", json={"name": name, "spec": spec})
    assert answer.status_code == 201, answer.text
    job: dict[str, Any] = answer.json()
    return job


def test_what_a_kernel_had_built_a_job_uses(ada: Person) -> None:
    first = ask(ada, GOOD).json()
    assert not first["ready"]
    assert first["state"] == "QUEUED"
    again = ask(ada, GOOD).json()
    assert again["id"] == first["id"], "one building is enough"
    assert built(ada, first["id"])["ready"]
    log = ada.http.get(f"{overlays(ada)}/{first['id']}/log")
    assert "Installing 1 package(s)" in log.text
    assert log.headers["X-Himalia-Next-Offset"] == str(len(log.content))

    there = ask(ada, GOOD).json()
    assert there["ready"]
    assert there["id"] is None
    job = submit(ada, GOOD, "uses-it")
    assert job["status"]["environment_job"] is None, "nothing is built again"
    assert ada.ended("uses-it")["status"]["state"] == "SUCCEEDED"
    assert f"overlays/{first['digest']}/" in ada.text("uses-it")


def test_what_a_job_waits_for_can_be_read(ada: Person) -> None:
    job = submit(ada, BROKEN, "cannot")
    overlay = job["status"]["environment_job"]
    assert built(ada, overlay)["state"] == "FAILED"
    assert "no-such-package-of-himalia" in ada.http.get(f"{overlays(ada)}/{overlay}/log").text
    ended = ada.ended("cannot")["status"]
    assert (ended["state"], ended["reason"]) == ("FAILED", "environment_failed")
    assert ended["environment_job"] == overlay

    # A retry builds it anew instead of waiting for what has ended.
    retried = ada.http.post(f"/projects/{ada.project}/jobs/cannot/retry").json()["status"]
    assert retried["state"] == "QUEUED"
    assert retried["environment_job"] not in (None, overlay)
    stopped = ada.http.post(f"{overlays(ada)}/{retried['environment_job']}/stop")
    assert stopped.status_code == 200, stopped.text
    assert built(ada, retried["environment_job"])["state"] == "STOPPED"
    assert ada.ended("cannot")["status"]["reason"] == "environment_failed"


def test_overlays_are_their_owners(ada: Person, bob: Person) -> None:
    task = submit(ada, BROKEN, "adas-own")["status"]["environment_job"]
    assert bob.http.get(f"{overlays(ada)}/{task}").status_code == 404
    assert bob.http.get(f"{overlays(bob)}/{task}").status_code == 404
    assert bob.http.post(f"{overlays(bob)}/{task}/stop").status_code == 404
    ready = ask(ada, GOOD).json()
    assert ask(bob, GOOD).json()["id"] not in (None, ready["id"])


@pytest.mark.parametrize(
    ("requirements", "wanted", "said"),
    [
        ("-r other.txt\n", {}, "another file"),
        ("six\n", {"environment": "nowhere"}, "The environment nowhere is not on this machine"),
        ("six\n", {"profile": "nobodys"}, "no profile"),
        ("x" * 70_000, {}, "65536"),
    ],
)
def test_what_cannot_be_built_is_refused(
    ada: Person, requirements: str, wanted: dict[str, str], said: str
) -> None:
    answer = ask(ada, requirements, **wanted)
    assert answer.status_code == 422
    assert said in answer.text


def test_a_job_is_no_overlay(ada: Person) -> None:
    job = ada.submit("true")
    assert ada.http.get(f"{overlays(ada)}/{job['id']}").status_code == 404
    ada.ended(job["name"])


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A script whose requirements.txt cannot be installed."""
    (tmp_path / "main.py").write_bytes(CODE)
    (tmp_path / "requirements.txt").write_text(BROKEN)
    return tmp_path / "main.py"


def test_python_follows_the_building_and_reads_its_log(himalia: Running, ada: Person, script: Path) -> None:
    with sdk.Client(url=f"{himalia.url}/services/himalia", token=ada.token) as client:
        job = client.jobs.submit(script=str(script), profile="base")
        texts = [one.text for one in client.jobs.follow(job) if isinstance(one, EnvironmentText)]
        assert "no-such-package-of-himalia" in "".join(texts)
        assert job.status.reason == "environment_failed"
        assert "".join(client.jobs.log(job)) == "".join(texts)


def test_the_command_shows_how_it_is_built(himalia: Running, ada: Person, script: Path) -> None:
    environment = {**os.environ, "HIMALIA_URL": f"{himalia.url}/services/himalia", "HIMALIA_TOKEN": ada.token}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "himalia.cli.main", "jobs", *words]
        return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=120, check=False)

    done = run("submit", "--name", "followed", "--profile", "base", "--follow", str(script))
    assert done.returncode == 1, done.stderr
    assert "no-such-package-of-himalia" in done.stderr
    assert done.stdout == "", "standard output has what the job itself prints"
    assert "no-such-package-of-himalia" in run("log", "followed").stdout
