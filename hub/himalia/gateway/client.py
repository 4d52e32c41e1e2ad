"""How the service speaks to the gateway, or to several: see `control`. The gateway itself has no use for httpx."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from himalia.core import clock
from himalia.gateway.metrics import merged
from himalia.gateway.state import ASK_S, CONTROL

log = logging.getLogger(__name__)

Places = Callable[[], Awaitable[list[str]]]
"""Answers where the gateways are now, as URLs. Raises OSError."""


class GatewayAway(Exception):
    """No gateway answers now. One reads the state again when it starts."""


class GatewayClient:
    """The service's side. Every call raises GatewayAway while there is no gateway."""

    def __init__(self, http: httpx.AsyncClient, places: Places) -> None:
        self._http = http
        self._places = places

    @classmethod
    def over_unix(cls, folder: Path) -> GatewayClient:
        """The one gateway of this machine."""

        async def here() -> list[str]:
            return ["http://gateway"]

        return cls(httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(folder / CONTROL))), here)

    @classmethod
    def over_tcp(cls, url: str, token: str) -> GatewayClient:
        """All gateways at the addresses that the name in `url` stands for, at each call anew."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 80

        async def found() -> list[str]:
            infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
            addresses = sorted({str(info[4][0]) for info in infos})
            return [f"http://{f'[{one}]' if ':' in one else one}:{port}" for one in addresses]

        headers = {"Authorization": f"Bearer {token}"}
        return cls(httpx.AsyncClient(headers=headers, trust_env=False), found)

    async def reload(self) -> None:
        """Have the state read now: once this returns, no request goes where it no longer says."""
        for answer in await self._all("POST", "/reload"):
            if answer["error"]:
                log.error("The gateway could not read its state: %s", answer["error"])

    async def drained(self, revision: str, wait_s: float) -> int:
        """The requests that a revision still has after `wait_s`, or as soon as there are none."""
        answers = await self._all("GET", f"/drained/{revision}?wait_s={wait_s}", timeout=wait_s + 5)
        return sum(int(answer["running"]) for answer in answers)

    async def series(self, endpoint: str) -> dict[str, Any]:
        """`{"interval_s", "series"}` of an endpoint, of all gateways together."""
        answers = await self._all("GET", f"/series/{endpoint}")
        return merged(answers, clock.now().timestamp())

    async def ask(self, revision: str, path: str) -> tuple[int, str]:
        """Status and text of a GET to a revision's server; status 0 when it does not answer."""
        query = str(httpx.QueryParams({"path": path}))
        answers = await self._all("GET", f"/ask/{revision}?{query}", timeout=ASK_S + 5)
        best = max(answers, key=lambda answer: int(answer["status"]) > 0)
        return int(best["status"]), str(best["body"])

    async def _all(self, method: str, path: str, timeout: float = 5) -> list[dict[str, Any]]:
        """The answers of those that answer. Raises GatewayAway where nobody does."""
        try:
            places = await self._places()
        except OSError as error:
            raise GatewayAway(str(error)) from error
        calls = [self._call(method, place + path, timeout) for place in places]
        found = await asyncio.gather(*calls, return_exceptions=True)
        answers = [one for one in found if not isinstance(one, BaseException)]
        failures = [one for one in found if isinstance(one, BaseException)]
        for failure in failures:
            if not isinstance(failure, httpx.HTTPError | OSError | ValueError):
                raise failure
        if not answers:
            raise GatewayAway("; ".join(map(str, failures)) or "it has no address") from None
        if failures:
            log.warning("Of %d gateways %d did not answer: %s", len(places), len(failures), failures[0])
        return answers

    async def _call(self, method: str, url: str, timeout: float) -> dict[str, Any]:
        answer = await self._http.request(method, url, timeout=timeout)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()
