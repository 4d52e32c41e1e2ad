"""How the service speaks to the gateway: see `control`. The gateway itself has no use for httpx."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import httpx

from himalia.gateway.state import ASK_S, CONTROL

log = logging.getLogger(__name__)


class GatewayAway(Exception):
    """The gateway does not answer now. It reads the state again when it starts."""


class GatewayClient:
    """The service's side. Every call raises GatewayAway while there is no gateway."""

    def __init__(self, folder: Path) -> None:
        transport = httpx.AsyncHTTPTransport(uds=str(folder / CONTROL))
        self._http = httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=5)

    async def reload(self) -> None:
        """Have the state read now: once this returns, no request goes where it no longer says."""
        answer = await self._call("POST", "/reload")
        if answer["error"]:
            log.error("The gateway could not read its state: %s", answer["error"])

    async def drained(self, revision: str, wait_s: float) -> int:
        """The requests that a revision still has after `wait_s`, or as soon as there are none."""
        answer = await self._call("GET", f"/drained/{revision}?wait_s={wait_s}", timeout=wait_s + 5)
        return int(answer["running"])

    async def series(self, endpoint: str) -> dict[str, Any]:
        """`{"interval_s", "series"}` of an endpoint."""
        return await self._call("GET", f"/series/{endpoint}")

    async def ask(self, revision: str, path: str) -> tuple[int, str]:
        """Status and text of a GET to a revision's server; status 0 when it does not answer."""
        query = str(httpx.QueryParams({"path": path}))
        answer = await self._call("GET", f"/ask/{revision}?{query}", timeout=ASK_S + 5)
        return int(answer["status"]), str(answer["body"])

    async def _call(self, method: str, path: str, timeout: float = 5) -> dict[str, Any]:
        try:
            answer = await self._http.request(method, path, timeout=timeout)
            answer.raise_for_status()
        except (httpx.HTTPError, OSError) as error:
            raise GatewayAway(str(error)) from error
        found: dict[str, Any] = answer.json()
        return found

    async def close(self) -> None:
        """Let go of the connection."""
        await self._http.aclose()
