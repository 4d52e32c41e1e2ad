"""Where the proxy's packages come from; tests/hub/test_wheels.py installs them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from himalia.supervisor import proxy
from himalia.supervisor.errors import SupervisorError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home on a machine where `make` has not put the packages below the prefix."""
    monkeypatch.setattr(proxy, "SHARED", tmp_path / "none")
    return tmp_path / "home"


def place(folder: Path) -> None:
    """What an installation leaves, without its other packages."""
    (folder / proxy.SCRIPT).parent.mkdir(parents=True)
    (folder / proxy.SCRIPT).touch()
    shutil.copy(proxy.LOCKED / "package-lock.json", folder)


def test_packages_in_the_home_are_used(home: Path) -> None:
    place(home / "proxy")
    assert proxy.proxy_command(home) == [proxy.node(), str(home / "proxy" / proxy.SCRIPT)]
    proxy.ensure_proxy(home, pytest.fail)


def test_packages_of_another_version_are_not(home: Path) -> None:
    place(home / "proxy")
    (home / "proxy" / "package-lock.json").write_text("{}")
    with pytest.raises(SupervisorError, match="himalia up"):
        proxy.proxy_command(home)


def test_registry_that_cannot_be_reached(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:1")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    said: list[str] = []
    with pytest.raises(SupervisorError, match="npm_config_registry") as caught:
        proxy.ensure_proxy(home, said.append)
    assert "127.0.0.1:1" in str(caught.value)
    assert "npm" in said[0]
    assert list(home.iterdir()) == []
