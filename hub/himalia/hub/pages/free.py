# mypy: disable-error-code="no-untyped-call"
"""`/hub/free`: how many of each size are free now, for a spawn page that is open."""

from __future__ import annotations

from jupyterhub.handlers.base import BaseHandler
from tornado.web import authenticated

from himalia.hub.service import ServiceClient, ServiceError


class FreeHandler(BaseHandler):
    """`{"<profile>/<size>": count}` of the profiles that whoever asks may use."""

    def initialize(self, service: ServiceClient) -> None:
        """Take what reaches the service."""
        self.service = service

    @authenticated
    async def get(self) -> None:
        """Answer 503 while the service is away: the page keeps what it shows."""
        try:
            offered = await self.service.profiles([group.name for group in self.current_user.groups])
        except ServiceError as error:
            self.set_status(error.status)
            self.finish({"message": error.message})
            return
        self.set_header("Cache-Control", "no-store")
        self.finish(
            {
                f"{profile['name']}/{size['name']}": size["free_now"]
                for profile in offered["items"]
                for size in profile["sizes"]
                if profile["available"] and not size["reason"] and size["free_now"] is not None
            }
        )
