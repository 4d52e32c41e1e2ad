"""Endpoints while parts of the platform are killed, and where there is no room."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from endpoint_models import Deployed, Load
from platforms import Person, Running
from processes import kill

from himalia.engine.backends.local.machine import this_machine
from himalia.supervisor import control
from himalia.supervisor.home import Home

PROFILE = """
name: {name}
title: {name}
description: For tests.
framework: Python
environment: base
sizes:
  - name: only
    title: Only
    cpus: 1
    memory: {memory}MiB
"""


@pytest.fixture(scope="module")
def own(environments: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A platform whose parts may be killed; two endpoints of the profile `large` do not fit beside each other."""
    profiles = tmp_path_factory.mktemp("profiles")
    profiles.chmod(0o755)
    whole = this_machine().allocatable.memory_bytes >> 20
    for name, memory in (("base", 1024), ("large", whole * 6 // 10)):
        (profiles / f"{name}.yaml").write_text(PROFILE.format(name=name, memory=memory))
    running = Running(("base",), HIMALIA_PROFILES_DIR=str(profiles), HIMALIA_STOP_GRACE_S="3")
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


@pytest.fixture(scope="module")
def deployed(ada: Person, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    made = Deployed(ada, tmp_path_factory.mktemp("models"), "times", 2)
    made.until("READY")
    return made


def pid_of(own: Running, name: str) -> int:
    """The PID of one of the platform's programs, once it runs."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        status = control.call(Home.at(own.home), "status")
        for process in status["processes"] if status else ():
            if process["name"] == name and process["pid"]:
                return int(process["pid"])
        time.sleep(0.05)
    raise AssertionError(f"{name} does not run")


def servers(own: Running) -> list[int]:
    """PIDs of the model servers themselves."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            if b"himalia.serving" in words and str(own.folder).encode() in environment:
                found.append(int(entry.name))
    return found


def test_a_model_server_is_killed_under_load(own: Running, ada: Person, deployed: Deployed) -> None:
    [server] = servers(own)
    with Load(deployed) as load:
        time.sleep(0.5)  # some answers before
        kill(server)
        deadline = time.monotonic() + 60
        while not load.failed or deployed.ask(1).status_code != 200:
            assert time.monotonic() < deadline, deployed.seen()["status"]
            time.sleep(0.05)
        count = len(load.failed)
        time.sleep(0.5)  # and some after
    assert len(load.failed) == count, "it failed again after it had recovered"
    assert all("502" in words or "503" in words for words in load.failed), load.failed
    assert deployed.until("READY")["status"]["revisions"][0]["attempt"] == 2
    ready = [event["data"] for event in ada.events() if event["data"].get("ready")]
    assert ready[-1] == {"revision": 1, "attempt": 2, "ready": True}, (
        "who listens was not told that it is back"
    )


@pytest.mark.parametrize(
    ("name", "number"),
    [("service", signal.SIGKILL), ("service", signal.SIGTERM), ("hub", signal.SIGKILL)],
)
def test_it_answers_while_a_program_is_down(
    own: Running, deployed: Deployed, name: str, number: signal.Signals
) -> None:
    deployed.ask(1)
    before = pid_of(own, name)
    with Load(deployed) as load:
        os.kill(before, number)
        deadline = time.monotonic() + 60
        while pid_of(own, name) == before or not _answers(own):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert load.failed == []
    assert len(load.answers) > 10
    assert deployed.until("READY")["status"]["revisions"][0]["attempt"] == 2
    assert deployed.answer(3) == 6


def _answers(own: Running) -> bool:
    try:
        answer = httpx.get(f"{own.url}/services/himalia/health", timeout=2)
        return answer.status_code == 200 and httpx.get(f"{own.url}/hub/api/", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def test_the_service_is_killed_in_the_middle_of_an_update(own: Running, deployed: Deployed) -> None:
    with Load(deployed) as load:
        assert deployed.update(3).status_code == 201
        kill(pid_of(own, "service"))
        deadline = time.monotonic() + 90
        while not load.answers or load.answers[-1] != 3.0:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert load.failed == []
    deadline = time.monotonic() + 60
    while True:
        try:
            found = deployed.seen()["status"]
            if [one["state"] for one in found["revisions"]] == ["RUNNING", "STOPPED"]:
                break
        except (httpx.HTTPError, AssertionError):
            pass
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_killed_gateway_comes_back_with_what_it_served(own: Running, deployed: Deployed) -> None:
    before = pid_of(own, "gateway")
    kill(before)
    deadline = time.monotonic() + 30
    while True:
        try:
            if deployed.ask(2).status_code == 200:
                break
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert pid_of(own, "gateway") != before


def test_what_does_not_fit_beside_says_so_and_can_replace(ada: Person, deployed: Deployed) -> None:
    large = Deployed(ada, deployed.folder, "large", 2, profile="large")
    large.until("READY")
    spec = {"files": large.seen()["status"]["revisions"][0]["spec"]["files"], "profile": "large"}
    refused = large.do("revisions", spec=spec)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "no_capacity")
    error = refused.json()["error"]
    assert "replace" in error["message"]
    assert error["details"]["free"]["memory_bytes"] < error["details"]["needed"]["memory_bytes"]
    assert large.seen()["spec"]["revision"] == 1
    assert large.answer(1) == 2
    assert large.do("revisions", spec=spec, replace=True).status_code == 201
    found = large.until("READY")
    assert [(one["number"], one["weight"]) for one in found["status"]["revisions"]] == [(2, 100), (1, 0)]
    assert large.answer(1) == 2
    assert large.do("rollback").json()["error"]["code"] == "no_capacity"
    assert large.do("rollback", replace=True).status_code == 200
    assert large.until("READY")["status"]["revisions"][1]["weight"] == 100
    ada.http.delete(large.path, params={"cascade": True}).raise_for_status()


def test_a_restart_of_the_platform_brings_it_back(own: Running, deployed: Deployed) -> None:
    before = deployed.seen()["status"]["revisions"][0]["attempt"]
    own.down()
    assert servers(own) == []
    own.up()
    found = deployed.until("READY")
    assert found["status"]["revisions"][0]["attempt"] == before + 1
    assert deployed.answer(2) == 6
