"""The gateway's process: `python -m himalia.gateway --home DIR`."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import resource
import signal
import sys
from pathlib import Path
from urllib.parse import urlsplit

import uvloop
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from himalia.core import clock
from himalia.core.settings import BadSettings, Settings, read_settings
from himalia.core.telemetry import set_up_logging
from himalia.gateway import control
from himalia.gateway.metrics import Metrics
from himalia.gateway.routing import Routing
from himalia.gateway.traffic import Gateway, Limits

log = logging.getLogger(__name__)

LOOK_S = 1.0
HEAD_S = 30.0
"""In which a new connection must have brought the head of a request."""
SAVE_S = 10.0
STOP_S = 8.0
"""Time for requests that are under way when the gateway is to end."""


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM, SIGINT or SIGHUP; then finish what is under way."""
    folder = settings.home / "gateway"
    if not settings.gateway_control:
        folder.mkdir(mode=0o700, exist_ok=True)
    # Where there are several, they only read that folder.
    metrics, routing = _metrics(None if settings.gateway_control else folder), Routing(folder)
    routing.look()
    limits = Limits(settings.endpoint_body_limit_bytes, settings.endpoint_timeout_s)
    gateway = Gateway(routing.table, metrics, limits, lambda: routing.error is None)
    server = web.Server(
        gateway.handle, access_log=None, keepalive_timeout=75, lingering_time=2, auto_decompress=False
    )
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def accept() -> RequestHandler:
        """A connection that has brought no request after a while is closed."""
        handler = server()
        gateway.silent.add(handler)
        loop.call_later(HEAD_S, gateway.hang_up, handler)
        return handler

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    host, port = _listen(settings)
    try:
        listening = await loop.create_server(accept, host, port, backlog=2048)
    except OSError as error:
        sys.exit(
            f"The gateway cannot listen on {settings.gateway_address}: {error.strerror}. "
            "Set gateway_address in himalia.toml to another HOST:PORT."
        )
    runner = await _control(settings, routing, metrics)
    # What is there now stays: a collection that looked through it again would hold up calls for some 20 ms.
    gc.collect()
    gc.freeze()
    log.info("Listening on %s:%d", host, port)
    tending = asyncio.create_task(_tend(routing, metrics))
    await stop.wait()
    listening.close()
    await server.shutdown(STOP_S)
    tending.cancel()
    await runner.cleanup()
    metrics.save(clock.now().timestamp())


async def _tend(routing: Routing, metrics: Metrics) -> None:
    """What is done every second, and what is done every ten."""
    loop = asyncio.get_running_loop()
    saved = loop.time()
    while True:
        await asyncio.sleep(LOOK_S)
        routing.look()
        routing.sweep(loop.time())
        if loop.time() - saved >= SAVE_S:
            saved = loop.time()
            try:
                metrics.save(clock.now().timestamp())
            except OSError as error:
                log.warning("What was counted could not be written: %s", error)


async def _control(settings: Settings, routing: Routing, metrics: Metrics) -> web.AppRunner:
    if not settings.gateway_control:
        return await control.listen(control.application(routing, metrics), settings.home / "gateway")
    port = urlsplit(settings.gateway_control).port or 80
    app = control.application(routing, metrics, settings.read_secret("gateway-token"))
    return await control.listen_tcp(app, _listen(settings)[0], port)


def _metrics(folder: Path | None) -> Metrics:
    metrics = Metrics(folder)
    try:
        metrics.load()
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("What was counted before cannot be read, so counting begins anew: %s", error)
        return Metrics(folder)
    return metrics


def _listen(settings: Settings) -> tuple[str, int]:
    host, _, port = settings.gateway_address.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), int(port)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m himalia.gateway", description=__doc__)
    parser.add_argument("--home", type=Path, help="The platform's folder.")
    try:
        settings = read_settings(parser.parse_args().home)
    except BadSettings as error:
        sys.exit(str(error))
    set_up_logging()
    os.umask(0o077)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # two for each request under way
    try:
        uvloop.run(serve(settings))
    except BadSettings as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
