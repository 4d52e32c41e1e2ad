"""How the service speaks to the gateway: HTTP over a Unix socket in a folder that only they can enter."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from time import time
from typing import Any

import httpx
from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest

from himalia.gateway.metrics import STEP_S, Metrics
from himalia.gateway.routing import Routing
from himalia.gateway.state import CONTROL
from himalia.gateway.upstream import Broken, Unreachable

log = logging.getLogger(__name__)

DRAIN_LOOK_S = 0.02
ASK_S = 10.0
ASK_BYTES = 2**18


def application(routing: Routing, metrics: Metrics) -> web.Application:
    """The gateway's side, as docs/architecture.md lists it."""
    registry = CollectorRegistry()
    registry.register(metrics)

    async def reload(_: web.Request) -> web.Response:
        routing.reload()
        return web.json_response({"error": routing.error})

    async def drained(request: web.Request) -> web.Response:
        """How many requests a revision still has; answers once there are none, or after `wait_s`."""
        revision, wait_s = request.match_info["revision"], float(request.query.get("wait_s", "0"))
        deadline = time() + wait_s
        while (running := routing.table.running(revision)) and time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(DRAIN_LOOK_S)
        return web.json_response({"running": running})

    async def series(request: web.Request) -> web.Response:
        found = metrics.of(request.match_info["endpoint"], time())
        return web.json_response({"interval_s": STEP_S, "series": found})

    async def ask(request: web.Request) -> web.Response:
        """What a revision's server itself answers to a GET: `{"status", "body"}`, text of some KiB."""
        revision, path = request.match_info["revision"], request.query["path"]
        for one in routing.table.revisions.values():
            if one.id == revision:
                try:
                    status, body = await one.pool.get(path, ASK_S, ASK_BYTES)
                except (Unreachable, Broken) as error:
                    return web.json_response({"status": 0, "body": str(error)})
                return web.json_response({"status": status, "body": body.decode(errors="replace")})
        return web.json_response({"status": 0, "body": "it is not served"})

    async def exposed(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), content_type="text/plain")

    app = web.Application()
    app.router.add_post("/reload", reload)
    app.router.add_get("/drained/{revision}", drained)
    app.router.add_get("/series/{endpoint}", series)
    app.router.add_get("/ask/{revision}", ask)
    app.router.add_get("/metrics", exposed)
    return app


async def listen(app: web.Application, folder: Path) -> web.AppRunner:
    """Serve the application on its socket; whoever calls cleans the runner up."""
    path = folder / CONTROL
    path.unlink(missing_ok=True)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.UnixSite(runner, str(path)).start()
    os.chmod(path, 0o600)  # noqa: PTH101  (the same call for a socket)
    return runner


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
