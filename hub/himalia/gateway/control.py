"""What the gateway answers to the service: HTTP over a Unix socket in a folder that only they can enter, or, where
they are in different places, over TCP with a token that only they have."""

from __future__ import annotations

import asyncio
import os
from hmac import compare_digest
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from prometheus_client import CollectorRegistry, generate_latest

from himalia.core import clock
from himalia.gateway.metrics import Metrics
from himalia.gateway.routing import Routing
from himalia.gateway.state import ASK_S, CONTROL
from himalia.gateway.upstream import Broken, Unreachable

DRAIN_LOOK_S = 0.02
ASK_BYTES = 2**18


def application(routing: Routing, metrics: Metrics, token: str | None = None) -> web.Application:
    """The gateway's side, as docs/architecture.md lists it; with a token, nothing is answered without it."""
    registry = CollectorRegistry()
    registry.register(metrics)

    async def reload(_: web.Request) -> web.Response:
        routing.reload()
        return web.json_response({"error": routing.error})

    async def drained(request: web.Request) -> web.Response:
        """How many requests a revision still has; answers once there are none, or after `wait_s`."""
        revision, wait_s = request.match_info["revision"], float(request.query.get("wait_s", "0"))
        deadline = clock.monotonic() + wait_s
        while (running := routing.table.running(revision)) and clock.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(DRAIN_LOOK_S)
        return web.json_response({"running": running})

    async def series(request: web.Request) -> web.Response:
        return web.json_response(metrics.of(request.match_info["endpoint"]))

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

    app = web.Application(middlewares=[] if token is None else [_opened_by(token)])
    app.router.add_post("/reload", reload)
    app.router.add_get("/drained/{revision}", drained)
    app.router.add_get("/series/{endpoint}", series)
    app.router.add_get("/ask/{revision}", ask)
    app.router.add_get("/metrics", exposed)
    return app


def _opened_by(token: str) -> Middleware:
    wanted = f"Bearer {token}".encode()

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").encode(errors="replace")
        if not compare_digest(given, wanted):
            raise web.HTTPUnauthorized
        return await handler(request)

    return check


async def listen_tcp(app: web.Application, host: str, port: int) -> web.AppRunner:
    """Serve the application at a port; whoever calls cleans the runner up."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner


async def listen(app: web.Application, folder: Path) -> web.AppRunner:
    """Serve the application on its socket; whoever calls cleans the runner up."""
    path = folder / CONTROL
    path.unlink(missing_ok=True)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.UnixSite(runner, str(path)).start()
    os.chmod(path, 0o600)  # noqa: PTH101  (the same call for a socket)
    return runner
