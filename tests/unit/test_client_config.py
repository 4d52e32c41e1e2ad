"""Where the client calls, with which token, and for which project."""

from __future__ import annotations

import json
import multiprocessing
import os
from pathlib import Path

import pytest

from himalia.client.config import find_place, find_project, service_url, use_project
from himalia.client.credentials import Credentials
from himalia.client.errors import NotConfigured

BASE = "http://host:8000/services/himalia"


@pytest.fixture
def store(tmp_path: Path) -> Credentials:
    return Credentials(tmp_path / "config" / "himalia" / "credentials.json")


@pytest.mark.parametrize(
    "address",
    [
        "http://host:8000",
        "host:8000",
        " http://host:8000/ ",
        "http://host:8000/hub",
        "http://host:8000/services/himalia",
        "http://host:8000/services/himalia/api/v1/",
    ],
)
def test_any_address_of_the_platform_will_do(address: str) -> None:
    assert service_url(address) == BASE


def test_an_address_below_a_path() -> None:
    assert service_url("https://host/jupyter/hub/") == "https://host/jupyter/services/himalia"


@pytest.mark.parametrize(
    "address", ["", "ftp://host", "http://", "http://me:secret@host", "http://host/?token=x"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(NotConfigured) as error:
        service_url(address)
    assert "secret" not in str(error.value)


def test_arguments_come_first(store: Credentials) -> None:
    environment = {"HIMALIA_URL": "http://other", "HIMALIA_TOKEN": "other"}
    place = find_place("http://host:8000", "mine", environment, store)
    assert (place.url, place.token) == (BASE, "mine")


@pytest.mark.parametrize(
    ("environment", "token"),
    [
        ({"HIMALIA_TOKEN": "ours", "JUPYTERHUB_API_TOKEN": "lab"}, "ours"),
        ({"JUPYTERHUB_API_TOKEN": "lab"}, "lab"),
        ({}, "stored"),
    ],
)
def test_the_environment_comes_before_the_login(
    store: Credentials, environment: dict[str, str], token: str
) -> None:
    store.store(BASE, {"token": "stored"})
    place = find_place(environment={"HIMALIA_URL": BASE, **environment}, credentials=store)
    assert (place.url, place.token) == (BASE, token)


@pytest.mark.parametrize(
    "environment",
    [
        {"HIMALIA_URL": BASE, "HIMALIA_TOKEN": "t"},
        {"HIMALIA_URL": BASE, "JUPYTERHUB_API_TOKEN": "t"},
        {"HIMALIA_API_SOCKET": "/run/himalia/api.sock", "HIMALIA_TOKEN": "t"},
        {"JUPYTERHUB_API_TOKEN": "t"},
    ],
)
def test_a_token_is_not_sent_where_it_does_not_belong(
    store: Credentials, environment: dict[str, str]
) -> None:
    with pytest.raises(NotConfigured, match="himalia login http://elsewhere"):
        find_place("http://elsewhere", None, environment, store)


def test_a_workload_calls_through_its_socket(store: Credentials) -> None:
    environment = {"HIMALIA_API_SOCKET": "/run/himalia/api.sock", "HIMALIA_TOKEN": "work"}
    place = find_place(environment=environment, credentials=store)
    assert (place.socket, place.token, place.files) == ("/run/himalia/api.sock", "work", None)


def test_files_are_handed_over_only_to_the_platform_that_gave_the_socket(store: Credentials) -> None:
    environment = {"HIMALIA_URL": BASE, "HIMALIA_TOKEN": "t", "HIMALIA_FILES_SOCKET": "/run/files.sock"}
    assert find_place(environment=environment, credentials=store).files == "/run/files.sock"
    assert find_place("http://elsewhere", "u", environment, store).files is None


def test_the_last_login_is_used_and_never_shown(store: Credentials) -> None:
    store.store("http://first/services/himalia", {"token": "one"})
    store.store(BASE, {"token": "very-secret"})
    place = find_place(environment={}, credentials=store)
    assert place.token == "very-secret"
    assert "very-secret" not in repr(place)
    store.forget(BASE)
    assert store.current == "http://first/services/himalia"
    store.forget("http://first/services/himalia")
    with pytest.raises(NotConfigured, match="himalia login"):
        find_place(environment={}, credentials=store)


def test_logins_are_for_their_owner_alone(store: Credentials) -> None:
    os.umask(os.umask(0o022))
    store.store(BASE, {"token": "x"})
    assert store.path.stat().st_mode & 0o777 == 0o600
    assert store.path.parent.stat().st_mode & 0o777 == 0o700
    store.path.chmod(0o644)
    with pytest.raises(NotConfigured, match="chmod 600"):
        store.get(BASE)


def test_a_damaged_file_is_named(store: Credentials) -> None:
    store.store(BASE, {"token": "x"})
    store.path.write_text("{")
    with pytest.raises(NotConfigured, match="damaged"):
        store.get(BASE)


def _log_in(path: Path, number: int) -> None:
    Credentials(path).store(f"http://host{number}/services/himalia", {"token": str(number)})


def test_logins_made_at_the_same_time_are_all_kept(store: Credentials) -> None:
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=_log_in, args=(store.path, number)) for number in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert len(json.loads(store.path.read_text())["platforms"]) == 8
    assert sorted(p.name for p in store.path.parent.iterdir()) == [".credentials.lock", "credentials.json"]


def test_the_nearest_project_file_counts(tmp_path: Path) -> None:
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    environment = {"HIMALIA_PROJECT": "from-environment"}
    assert find_project(None, below, environment) == "from-environment"
    (tmp_path / "himalia.toml").write_text('# ours\nproject = "far"  # the old one\n')
    (below / "himalia.toml").write_text("address = 'x'\n[tool]\nproject = 'not-this'\n")
    assert find_project(None, below, environment) == "far"
    use_project("near", below)
    assert find_project(None, below, environment) == "near"
    assert "[tool]\nproject = 'not-this'" in (below / "himalia.toml").read_text()
    use_project("nearer", below)
    assert find_project(None, below, environment) == "nearer"
    assert find_project("given", below, environment) == "given"
    assert find_project(None, tmp_path.parent, {}) is None


@pytest.mark.parametrize("text", ['project = ["a"]\n', "project = Name\n", 'project = "../x"\n'])
def test_a_project_file_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "himalia.toml").write_text(text)
    with pytest.raises(NotConfigured, match=r"himalia\.toml"):
        find_project(None, tmp_path, {})
