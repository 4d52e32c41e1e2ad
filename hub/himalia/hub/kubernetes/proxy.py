"""A proxy in a pod of its own: at any moment it can be another one, which knows no routes."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

from jupyterhub.handlers.pages import HealthCheckHandler
from jupyterhub.proxy import ConfigurableHTTPProxy
from tornado.httpclient import AsyncHTTPClient

from himalia.hub.service import BASE_PATH

LOOK_S = 1.0
"""How often the hub looks whether the proxy is still the one that it gave its routes."""


class FollowedProxy(ConfigurableHTTPProxy):
    """Gets its routes at once when it is a new one; by itself, a hub would look every five minutes."""

    has_routes = False
    """Whether a proxy has had all of them since the hub was started."""
    _following: asyncio.Task[None] | None = None

    async def check_routes(self, user_dict: Any, service_dict: Any, routes: Any = None) -> None:
        """Set what is missing; from the first time on, look after it."""
        await super().check_routes(user_dict, service_dict, routes)
        self.has_routes = True
        if self._following is None:
            self._following = asyncio.create_task(self._follow(user_dict, service_dict))

    async def _follow(self, users: Any, services: Any) -> None:
        complete = True
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                if not complete or await self._is_new():
                    complete = False
                    await self.check_routes(users, services)
                    complete = True
            except Exception as error:
                self.log.warning("The proxy does not have all its routes yet: %s", error)

    async def _is_new(self) -> bool:
        """Whether the route to the service is not one that a hub has set; a proxy that is away is not new yet."""
        with suppress(OSError):
            answer = await AsyncHTTPClient().fetch(
                f"{self.api_url}/api/routes{BASE_PATH}",
                headers={"Authorization": f"token {self.auth_token}"},
                request_timeout=LOOK_S,
                raise_error=False,
            )
            return answer.code == 404 or (answer.code == 200 and "jupyterhub" not in json.loads(answer.body))
        return False


class ReadyHandler(HealthCheckHandler):
    """`/hub/ready`: 200 as soon as people find everything through the proxy."""

    def get(self) -> None:
        """Answer nothing but the status."""
        self.set_status(200 if self.proxy.has_routes else 503)

    head = get
