"""Where the proxy's packages come from; tests/hub/test_wheels.py installs them."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

import pytest

from himalia.supervisor import proxy
from himalia.supervisor.address import LOOPBACK, Address, Ports
from himalia.supervisor.errors import SupervisorError
from himalia.supervisor.home import Home
from himalia.supervisor.http import request
from himalia.supervisor.platform import Platform, until


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


async def test_the_service_and_the_gateway_have_their_routes_without_the_hub() -> None:
    """A proxy that has just started sends everything else to the hub, whose refusal would look like an answer."""
    folder = Path(tempfile.mkdtemp(dir="/tmp", prefix="h"))
    place = Home.at(folder)
    place.prepare()
    place.make_secrets()
    ports = Ports.of(place)
    platform = Platform(place, Address(LOOPBACK, ports.content), ports)

    async def both() -> bool:
        return len(await routes(place, ports)) == 2

    program = next(one for one in platform.programs() if one.name == "proxy")
    process = await asyncio.create_subprocess_exec(*program.argv, env=dict(program.environment))
    setting = asyncio.create_task(platform.set_routes())
    try:
        async with asyncio.timeout(30):
            await until(both)
        assert await routes(place, ports) == {
            "/services/himalia": f"http://127.0.0.1:{ports.service}",
            "/services/himalia-gateway": f"http://127.0.0.1:{ports.gateway}",
        }
        assert not setting.done(), "the hub, which is to set its own, does not run"
    finally:
        setting.cancel()
        process.terminate()
        await process.wait()
        shutil.rmtree(folder)


async def routes(place: Home, ports: Ports) -> dict[str, str]:
    """What the proxy sends elsewhere than to the hub."""
    headers = {"Authorization": f"token {place.secret('proxy-token')}"}
    _, found = await request(Address(LOOPBACK, ports.proxy_api), "/api/routes", headers=headers)
    return {path: one["target"] for path, one in (found or {}).items() if path != "/"}
