# mypy: disable-error-code="no-untyped-call"
"""`/hub/platform`: what runs, for whom, on what; for those who administer Himalia."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import wraps
from typing import Any

from jupyterhub.handlers.base import BaseHandler
from tornado.web import HTTPError, authenticated

from himalia.hub.service import ServiceClient, ServiceError

ADMIN = "custom:himalia:admin"


def administrators(method: Callable[..., Any]) -> Callable[..., Any]:
    """Let in who is signed in and administers Himalia; others find nothing here."""

    @wraps(method)
    async def checked(handler: BaseHandler, *arguments: str) -> None:
        if not (handler.current_user.admin or ADMIN in handler.expanded_scopes):
            raise HTTPError(404, "Only administrators have this page.")
        await method(handler, *arguments)

    return authenticated(checked)


class _Handler(BaseHandler):
    def initialize(self, service: ServiceClient) -> None:
        """Take what reaches the service."""
        self.service = service


class PlatformHandler(_Handler):
    """The page; it fills itself from the stream."""

    @administrators
    async def get(self) -> None:
        self.finish(await self.render_template("platform.html"))


class StreamHandler(_Handler):
    """Everything that waits and runs, again and again as it changes (server-sent events)."""

    @administrators
    async def get(self) -> None:
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-store")
        reading = asyncio.ensure_future(self.service.stream_workloads(self._pass_on))
        self._reading = reading
        try:
            await reading
        except (ServiceError, OSError) as error:
            if not self._headers_written:
                raise HTTPError(503, "The Himalia service does not answer now.") from error
        except asyncio.CancelledError:
            return  # the browser has gone

    def on_connection_close(self) -> None:
        """Stop reading for a browser that has gone."""
        super().on_connection_close()
        self._reading.cancel()

    def _pass_on(self, piece: bytes) -> None:
        self.write(piece)
        asyncio.ensure_future(self.flush())  # noqa: RUF006


class StopHandler(_Handler):
    """Stops one workload, whoever's it is."""

    @administrators
    async def post(self, workload: str) -> None:
        try:
            await self.service.stop_workload(workload, self.current_user.name)
        except ServiceError as error:
            self.set_status(error.status)
            self.finish({"message": error.message})
            return
        self.set_status(204)
        self.finish()
