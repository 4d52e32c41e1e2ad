"""One hub for all tests of this folder that share it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hub_platform import Browser, Lab, Platform


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    running = Platform()
    yield running
    running.stop()


@pytest.fixture
def ada(platform: Platform) -> Iterator[Browser]:
    with Browser(platform, "ada") as browser:
        yield browser


@pytest.fixture
def bob(platform: Platform) -> Iterator[Browser]:
    with Browser(platform, "bob") as browser:
        yield browser


@pytest.fixture(scope="session")
def short_lived() -> Iterator[Platform]:
    """A platform whose idle servers end soon."""
    running = Platform(**{"LocalSpawner.idle_timeout_s": 5, "LocalSpawner.stop_grace_s": 3})
    for name in ("carl", "dan"):
        running.accounts.add(name, f"{name}-password")
    yield running
    running.stop()


@pytest.fixture(scope="session")
def servers(short_lived: Platform) -> dict[str, Lab]:
    """Ada's server, which nobody uses, and Bob's, whose kernel computes without a word."""
    found = {}
    for name in ("ada", "bob"):
        with Browser(short_lived, name) as browser:
            browser.sign_in()
            browser.start_server()
            found[name] = Lab(short_lived, name, browser.hub_token())
    idle = found["ada"].call("POST", "/api/kernels", json={})
    assert idle.status_code == 201
    made = found["bob"].call("POST", "/api/kernels", json={}).json()["id"]
    with found["bob"].connected(made) as kernel:
        kernel.run("1")
        kernel.send("import time\nwhile True: time.sleep(1)")
    return found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What waits for idle servers comes last, so that the wait is over by then."""
    items.sort(key=lambda item: item.path.name == "test_idle.py")
