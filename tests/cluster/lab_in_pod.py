"""Somebody's Lab in a pod of a release whose profile has SSH, and whose packages come from an index of the tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hub_platform import Browser, Kernel, Lab
from machinery.release import Release
from platforms import PASSWORD, Person

PROFILE = {
    "title": "Python",
    "framework": "Python",
    "environment": "base",
    "ssh": True,
    "sizes": [{"name": "small", "title": "Small", "cpus": 1, "memory": "1GiB", "default": True}],
    "kinds": {"job": {"reserve": {"cpus": "100m", "memory": "128MiB"}}},
}


def values(index: str) -> dict[str, Any]:
    """The chart's values for such a release; `index` is where packages come from."""
    return {"profiles": {"base": PROFILE}, "service": {"environment": {"PIP_INDEX_URL": index}}}


@contextmanager
def started(release: Release, person: Person) -> Iterator[Lab]:
    """A person's Lab, called with a token of the hub's, as its pages call it."""
    with Browser(release, person.name) as browser:  # type: ignore[arg-type]
        assert browser.sign_in(PASSWORD).status_code == 200
        browser.start_server()
        yield Lab(release, person.name, browser.hub_token())  # type: ignore[arg-type]
        browser.hub_api("DELETE", f"/users/{person.name}/server")


def write(kernel: Kernel, path: str, text: str) -> None:
    """Write a file in the home, as code in a notebook does."""
    said = kernel.run(
        "import pathlib\n"
        f"place = pathlib.Path.home() / {path!r}\n"
        "place.parent.mkdir(parents=True, exist_ok=True)\n"
        f"print(place.write_text({text!r}))"
    )
    assert int(said) == len(text), said


def shell(kernel: Kernel, line: str) -> str:
    """What a command in the home says; it must succeed."""
    said = kernel.run(
        "import pathlib, subprocess\n"
        f"done = subprocess.run({line!r}, shell=True, cwd=pathlib.Path.home(), capture_output=True, text=True)\n"
        "print(done.returncode, done.stdout + done.stderr, end='')",
        quiet_s=120,
    )
    code, _, words = said.partition(" ")
    assert code == "0", said
    return words
