"""Servers that the service ends by itself: those that are too old, and reservations that the hub forgot."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest
from platforms import Person, Running

LONGEST_S = 8
PROFILE = f"""
name: base
title: Python
environment: base
sizes: [{{name: small, title: Small, cpus: 1, memory: 1GiB}}]
idle: {{timeout: never, max_age: {LONGEST_S}s}}
"""


@pytest.fixture(scope="module")
def brief(environments: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    profiles = tmp_path_factory.mktemp("profiles")
    (profiles / "base.yaml").write_text(PROFILE)
    running = Running(("base",), HIMALIA_PROFILES_DIR=str(profiles), HIMALIA_SERVER_CHECK_S="1")
    try:
        yield running.up()
    finally:
        running.remove()


def test_a_server_ends_when_it_is_too_old(brief: Running) -> None:
    brief.add_user("eve")
    person, admin = Person(brief, "eve"), Person(brief, "admin", ("admin",))

    def servers() -> list[str]:
        return [
            one["name"] for one in admin.http.get("/workloads").json()["items"] if one["kind"] == "server"
        ]

    person.browser.get("/hub/spawn")
    xsrf = next(c.value for c in person.browser.cookies.jar if c.name == "_xsrf" and c.path == "/hub/")
    began = time.monotonic()
    spawned = person.browser.post("/hub/spawn", params={"_xsrf": xsrf}, data={"choice": "base/small"})
    assert spawned.status_code == 200, spawned.text
    assert servers() == ["eve"]
    pages = set()
    while servers():
        pages.add(person.browser.get("/user/eve/lab").status_code)  # it is used all the time
        assert time.monotonic() - began < 60
        time.sleep(0.2)
    assert 200 in pages
    assert time.monotonic() - began >= LONGEST_S
    assert "has run as long as its profile lets it" in brief.log("service")
    person.close()
    admin.close()


def test_an_administrator_stops_a_notebook_server(himalia: Running) -> None:
    himalia.add_user("stan")
    person, admin = Person(himalia, "stan"), Person(himalia, "admin", ("admin",))

    def servers() -> list[str]:
        items = admin.http.get("/workloads").json()["items"]
        return [one["id"] for one in items if one["kind"] == "server" and one["person"] == "stan"]

    person.browser.get("/hub/spawn")
    xsrf = next(c.value for c in person.browser.cookies.jar if c.name == "_xsrf" and c.path == "/hub/")
    form = {"choice": "base/small"}
    person.browser.post("/hub/spawn", params={"_xsrf": xsrf}, data=form).raise_for_status()
    (server,) = servers()
    assert person.http.post(f"/workloads/{server}/stop").status_code == 403
    assert admin.http.post(f"/workloads/{server}/stop", json={"by": "somebody else"}).status_code == 204
    deadline = time.monotonic() + 30
    while servers():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    (asked,) = [event for event in person.events() if event["kind"] == "workload.stop_asked"]
    assert asked["data"] == {"kind": "server", "by": "admin"}
    person.close()
    admin.close()


def test_a_reservation_without_a_server_is_given_back(brief: Running) -> None:
    """As a hub leaves it that was killed before it could give it back."""
    brief.add_user("ida")
    person, admin = Person(brief, "ida"), Person(brief, "admin", ("admin",))
    account = person.browser.get("/hub/api/user").json()
    token = (brief.home / "secrets" / "service-token").read_text().strip()
    made = httpx.post(
        f"{brief.url}/services/himalia/api/v1/reservations",
        headers={"Authorization": f"Bearer {token}"},
        json={"user": "ida", "user_created": account["created"], "profile": "base"},
    )
    assert made.status_code == 201, made.text
    began = time.monotonic()
    while any(one["kind"] == "server" for one in admin.http.get("/workloads").json()["items"]):
        assert time.monotonic() - began < 30
        time.sleep(0.2)
    assert f"no server for reservation {made.json()['id']}" in brief.log("service")
    person.close()
    admin.close()
