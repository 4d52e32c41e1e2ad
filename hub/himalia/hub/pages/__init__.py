"""Pages of Himalia among the hub's own."""

from __future__ import annotations

from typing import Any

from himalia.hub.pages.free import FreeHandler
from himalia.hub.pages.platform import PlatformHandler, StopHandler, StreamHandler
from himalia.hub.service import ServiceClient


def handlers(service: ServiceClient) -> list[tuple[str, type, dict[str, Any]]]:
    """What `JupyterHub.extra_handlers` takes."""
    given = {"service": service}
    return [
        (r"/free", FreeHandler, given),
        (r"/platform", PlatformHandler, given),
        (r"/platform/stream", StreamHandler, given),
        (r"/platform/workloads/([a-z0-9]+)/stop", StopHandler, given),
    ]
