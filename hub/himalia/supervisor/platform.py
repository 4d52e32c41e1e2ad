"""The programs of a platform on one machine, and how to see that they work."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import himalia
from himalia.supervisor.address import LOOPBACK, Address, Ports
from himalia.supervisor.child import Program
from himalia.supervisor.errors import SupervisorError
from himalia.supervisor.home import Home
from himalia.supervisor.http import request
from himalia.supervisor.proxy import proxy_command

SERVICE_PATH, GATEWAY_PATH = "/services/himalia", "/services/himalia-gateway"
SERVICE_GRACE_S = 20.0
"""The service ends what runs before it ends itself."""

_FOREIGN = ("JUPYTERHUB_", "JPY_", "CONFIGPROXY_")
"""Prefixes of variables that would mislead a hub, for example in a terminal of a notebook server."""


def child_environment(surroundings: Mapping[str, str], ours: Mapping[str, str]) -> dict[str, str]:
    """What every program gets: the surroundings without what misleads or slows, and `ours`."""
    kept = {
        name: value
        for name, value in surroundings.items()
        # Without bytecode on disk, every start would compile the whole platform again.
        if name not in ("PYTHONDONTWRITEBYTECODE", "HIMALIA_TOKEN") and not name.startswith(_FOREIGN)
    }
    return {**kept, **ours}


class Platform:
    """Proxy, hub, service and gateway of one home."""

    def __init__(self, home: Home, listen: Address, ports: Ports) -> None:
        self.home = home
        self.listen = listen
        self.ports = ports
        self.url = home.public_url() or listen.url
        own = home.setting("gateway_address")
        self.gateway = Address.parse(own) if own else Address(listen.host, ports.gateway)
        self.content = home.setting("content_address") or str(Address(listen.host, ports.content))

    def programs(self) -> list[Program]:
        """What to supervise, in the order in which people are told of it."""
        environment = child_environment(
            os.environ,
            {
                "HIMALIA_HOME": str(self.home.path),
                "HIMALIA_ADDRESS": self.url,
                "HIMALIA_HUB_PORT": str(self.ports.hub),
                "HIMALIA_PROXY_API_PORT": str(self.ports.proxy_api),
                "HIMALIA_SERVICE_PORT": str(self.ports.service),
                "HIMALIA_CONTENT_ADDRESS": self.content,
                "HIMALIA_GATEWAY_ADDRESS": str(self.gateway),
                "HIMALIA_GATEWAY_URL": f"http://{self.gateway.local}",
            },
        )
        config = Path(himalia.__file__).parent / "hub" / "config.py"
        return [
            Program(
                "proxy",
                self._proxy_argv(),
                {**environment, "CONFIGPROXY_AUTH_TOKEN": self.home.secret("proxy-token")},
                ready=self.proxy_ready,
                after_start=self.set_routes,
            ),
            Program(
                "hub",
                (sys.executable, "-m", "jupyterhub", "-f", str(config)),
                environment,
                ready=self.hub_ready,
            ),
            Program(
                "service",
                (sys.executable, "-m", "himalia.app", "--home", str(self.home.path)),
                environment,
                grace_s=SERVICE_GRACE_S,
                end_signal=signal.SIGINT,  # SIGTERM would leave what runs to the next one
                ready=self.service_ready,
            ),
            Program(
                "gateway",
                (sys.executable, "-m", "himalia.gateway", "--home", str(self.home.path)),
                environment,
                ready=self.gateway_ready,
            ),
        ]

    def _proxy_argv(self) -> tuple[str, ...]:
        hub = f"http://{LOOPBACK}:{self.ports.hub}"
        return (
            *proxy_command(self.home.path),
            *("--ip", self.listen.host, "--port", str(self.listen.port)),
            *("--api-ip", LOOPBACK, "--api-port", str(self.ports.proxy_api)),
            *("--default-target", hub, "--error-target", f"{hub}/hub/error"),
            # Longer than clients keep an unused connection: what they send must not meet its closing.
            *("--keep-alive-timeout", "65000", "--log-level", "warn"),
        )

    async def proxy_ready(self) -> bool:
        """Whether the proxy answers its API."""
        return await self._proxy_api() == 200

    async def hub_ready(self) -> bool:
        """Whether the hub answers through the proxy."""
        status, body = await request(self.listen.local, "/hub/api/")
        return status == 200 and isinstance(body, dict) and "version" in body

    async def service_ready(self) -> bool:
        """Whether the service answers through the proxy.

        The body counts: with its route missing, the hub would answer with a redirect.
        """
        status, body = await request(self.listen.local, "/services/himalia/health")
        return status == 200 and isinstance(body, dict) and body.get("status") == "ok"

    async def gateway_ready(self) -> bool:
        """Whether the gateway answers at its own address."""
        status, body = await request(self.gateway.local, "/health")
        return status == 200 and isinstance(body, dict) and body.get("status") == "ok"

    async def set_routes(self) -> None:
        """Have the hub set its routes: a proxy that was just started knows none of them.

        Those of the service and the gateway come first, and without the hub, which would answer for them meanwhile,
        and take longer where it does not run. It makes them its own when it sets them.
        """
        await until(self.proxy_ready)
        for path, target in (
            (SERVICE_PATH, Address(LOOPBACK, self.ports.service)),
            (GATEWAY_PATH, self.gateway.local),
        ):
            await self._proxy_api(path, method="POST", body={"target": f"http://{target}"})
        await until(self._routes_set)

    async def _proxy_api(self, path: str = "", **options: Any) -> int:
        token = self.home.secret("proxy-token")
        status, _ = await request(
            Address(LOOPBACK, self.ports.proxy_api),
            f"/api/routes{path}",
            headers={"Authorization": f"token {token}"},
            **options,
        )
        return status

    async def _routes_set(self) -> bool:
        token = self.home.secret("service-token")
        status, body = await request(
            Address(LOOPBACK, self.ports.hub),
            "/hub/api/proxy",
            method="POST",
            headers={"Authorization": f"token {token}"},
            timeout_s=30,
        )
        if 400 <= status < 500:
            raise SupervisorError(f"The hub refused to set its routes ({status}): {body}")
        return status == 200


async def until(check: Callable[[], Awaitable[bool]]) -> None:
    """Ask until `check` says yes, less and less often: HTTP has no way to be told."""
    delay = 0.05
    while not await check():
        await asyncio.sleep(delay)
        delay = min(delay * 1.2, 0.5)
