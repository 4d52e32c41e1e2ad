"""What tests of several folders share: environments made once for this checkout, and a running platform."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from platforms import ENVIRONMENTS, Person, Running
from postgres import PostgresServer


def pytest_configure() -> None:
    """SIGTERM ends a run as Ctrl-C does: with the fixtures' own ends."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_keyboard_interrupt() -> None:
    """In a process of several, execnet says once more that it is over while fixtures end."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        signal.signal(signal.SIGINT, lambda *_: None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Who runs what with `-n`."""
    from processes import ByModule

    return ByModule(config, log)


@pytest.fixture(scope="session")
def environments() -> Path:
    """The folder of the environments `base` and `scikit-learn`; made once, kept while their locks stay."""
    from himalia.environments.local import create

    for name in ("base", "scikit-learn"):
        create(name, ENVIRONMENTS.parent)
    return ENVIRONMENTS


ADMIN = pytest.StashKey[Person]()
"""Who administers the shared platform, once there is one."""


@pytest.fixture(scope="module", autouse=True)
def nothing_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """A module ends what it starts on the shared platform: it would hold places that the next one's jobs wait for."""
    yield
    admin = request.config.stash.get(ADMIN, None)
    if admin is None or not (left := _still_there(admin)):
        return
    for one in left:
        admin.http.post(f"/workloads/{one['id']}/stop")
    _still_there(admin)
    names = ", ".join(f"{one['kind']} {one['name']} ({one['state']})" for one in left)
    pytest.fail(f"{request.node.name} has left running: {names}", pytrace=False)


def _still_there(admin: Person, within_s: float = 15) -> list[dict[str, Any]]:
    """What waits or runs of anybody, and does not end by itself meanwhile."""
    deadline = time.monotonic() + within_s
    while True:
        left: list[dict[str, Any]] = admin.http.get("/workloads").raise_for_status().json()["items"]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.1)


@pytest.fixture(scope="session")
def himalia(environments: Path, pytestconfig: pytest.Config) -> Iterator[Running]:
    """One platform that all tests of a session share; a test that kills parts of it makes its own."""
    running = Running(("base", "scikit-learn"), HIMALIA_STOP_GRACE_S="3", HIMALIA_HUB_CACHE_S="0.5")
    opened = running.folder / "imports"
    opened.mkdir(mode=0o755)
    running.variables["HIMALIA_IMPORT_PATHS"] = json.dumps([str(opened)])
    with running, closing(Person(running, "admin", ("admin",))) as pytestconfig.stash[ADMIN]:
        yield running
        del pytestconfig.stash[ADMIN]


@pytest.fixture(scope="session")
def people(himalia: Running, pytestconfig: pytest.Config) -> Iterator[Callable[..., Person]]:
    """Signs people in, each once."""
    known: dict[tuple[str, tuple[str, ...]], Person] = {("admin", ("admin",)): pytestconfig.stash[ADMIN]}
    added = {"admin"}

    def person(name: str, *scopes: str) -> Person:
        key = (name, scopes or ("write",))
        if key not in known:
            if name not in added:
                himalia.add_user(name)
                added.add(name)
            known[key] = Person(himalia, name, key[1])
        return known[key]

    yield person
    for one in known.values():
        one.close()


@pytest.fixture(scope="session")
def ada(people: Callable[..., Person]) -> Person:
    """A person without special rights."""
    return people("ada")


@pytest.fixture(scope="session")
def bob(people: Callable[..., Person]) -> Person:
    """Another one."""
    return people("bob")


@pytest.fixture(scope="session")
def admin(people: Callable[..., Person]) -> Person:
    """The administrator, with a token of all scopes."""
    return people("admin", "admin")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server of this session's own."""
    server = PostgresServer()
    try:
        yield server.start().url()
    finally:
        server.remove()
