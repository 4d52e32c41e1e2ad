"""Searches whose service, or whose worker, is killed in the middle: no trial is lost, and none told twice."""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from platforms import Person, Running
from processes import kill
from test_killed import kill_service, processes

TRIALS = 200


@pytest.fixture(scope="module")
def own(environments: Path) -> Iterator[Running]:
    """A platform whose parts may be killed."""
    running = Running(("base",), HIMALIA_LOST_AFTER_S="3", HIMALIA_STOP_GRACE_S="3")
    try:
        yield running.up()
    finally:
        running.remove()


@pytest.fixture(scope="module")
def eve(own: Running) -> Iterator[Person]:
    own.add_user("eve")
    person = Person(own, "eve")
    yield person
    person.close()


def begin(person: Person, command: list[str], **spec: Any) -> dict[str, Any]:
    job = {"kind": "command", "command": command, "profile": "base"}
    space = {"x": {"kind": "float", "low": 0, "high": 1}}
    body = {"spec": {"job": job, "space": space, "objectives": [{"metric": "loss"}], **spec}}
    answer = person.http.post(f"/projects/{person.project}/experiments", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def status(person: Person, experiment: dict[str, Any]) -> dict[str, Any] | None:
    """How a search stands; None while the service is away."""
    try:
        answer = person.http.get(f"/projects/{person.project}/experiments/{experiment['name']}")
        found: dict[str, Any] = answer.json()["status"]
    except (httpx.HTTPError, json.JSONDecodeError, KeyError):
        return None
    return found


def until(
    person: Person, experiment: dict[str, Any], what: Callable[[dict[str, Any]], bool], timeout_s: float = 120
) -> dict[str, Any]:
    """Wait for something; asked again and again, since the service may be away."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = status(person, experiment)
        if found is not None and what(found):
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def test_the_service_is_killed_in_a_search_of_many_trials(own: Running, eve: Person) -> None:
    # A shell logs a metric much faster than Python starts.
    report = (
        'printf \'{"name":"%s-%s","op":"metrics","items":[["loss",0,%s,1]]}\\n\' '
        '"$HIMALIA_WORKLOAD" "$HIMALIA_ATTEMPT" "$2" > line; '
        'python -S -c \'import os,socket; s=socket.socket(1); s.connect(os.environ["HIMALIA_RUN_SOCKET"]); '
        's.sendall(open("line","rb").read()); s.recv(99)\''
    )
    sampler = {"kind": "random", "seed": 9}
    experiment = begin(eve, ["sh", "-c", report, "sh"], trials=TRIALS, parallel=8, sampler=sampler)
    for share in (0.2, 0.45, 0.7):
        until(eve, experiment, lambda found, least=share * TRIALS: found["done"] >= least)  # type: ignore[misc]
        kill_service(own)
    found = until(eve, experiment, lambda one: one["state"] != "RUNNING")
    assert found["state"] == "COMPLETE", found
    assert found["counts"] == {**dict.fromkeys(found["counts"], 0), "complete": TRIALS}
    with closing(sqlite3.connect(own.home / "service" / "himalia.sqlite")) as database:
        query = 'SELECT number, job_id, parameters, "values" FROM trials WHERE experiment_id = ?'
        trials = database.execute(query, [experiment["id"]]).fetchall()
        told = [
            json.loads(row[0])["trial"]["number"]
            for row in database.execute(
                "SELECT data FROM events WHERE subject_id = ? AND data LIKE '%trial%'", [experiment["id"]]
            )
        ]
        part = f"experiment:{experiment['id']}"
        jobs = [row[0] for row in database.execute("SELECT id FROM jobs WHERE part_of = ?", [part])]
    # Every trial has one job and every job is a trial's; each was told once.
    assert sorted(row[0] for row in trials) == list(range(TRIALS))
    assert sorted(row[1] for row in trials) == sorted(jobs)
    assert set(Counter(told).values()) == {1}
    assert sorted(told) == list(range(TRIALS))
    # The values are those that a search without a fault tries, and each result is of its own trial.
    assert len({row[2] for row in trials}) == TRIALS
    for _, _, parameters, values in trials:
        assert json.loads(values) == [pytest.approx(json.loads(parameters)["x"])]


def test_the_worker_is_killed(own: Running, eve: Person) -> None:
    code = "import sys, himalia.run as run; run.log('loss', (float(sys.argv[2]) - 0.3) ** 2)"
    sampler = {"kind": "tpe", "seed": 9, "startup_trials": 4}
    experiment = begin(eve, ["python", "-c", code], trials=24, parallel=2, sampler=sampler)
    for least in (4, 12):
        until(eve, experiment, lambda found, least=least: found["done"] >= least)  # type: ignore[misc]
        workers = [
            int(entry.name)
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and _is_worker_of(own, int(entry.name))
        ]
        kill(*workers)
        assert len(workers) == 1
    found = until(eve, experiment, lambda one: one["state"] != "RUNNING")
    assert (found["state"], found["counts"]["complete"]) == ("COMPLETE", 24), found


def _is_worker_of(own: Running, pid: int) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return False
    return "himalia.experiments.worker" in words and int(words[3]) in processes(own, "himalia.app")
