"""The service: its application, its sockets, its start. Started as `python -m himalia.app`."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from types import FrameType

import uvicorn
from fastapi import APIRouter, FastAPI
from sqlalchemy.exc import OperationalError
from starlette.types import ASGIApp

from himalia import __version__
from himalia.core.database import InUse
from himalia.core.schema import ErrorBody
from himalia.core.settings import BadSettings, Settings, read_settings
from himalia.core.telemetry import set_up_logging
from himalia.datasets import drafts as dataset_drafts
from himalia.datasets.draft_routes import paths_router
from himalia.datasets.draft_routes import router as drafts_router
from himalia.datasets.preview_routes import router as previews_router
from himalia.datasets.routes import router as datasets_router
from himalia.downloads import Downloads
from himalia.endpoints import read as endpoints_read
from himalia.endpoints.routes import EndpointParts
from himalia.endpoints.routes import router as endpoints_router
from himalia.engine.folders import Folders
from himalia.experiments import read as experiments_read
from himalia.experiments.routes import platform_router as samplers_router
from himalia.experiments.routes import router as experiments_router
from himalia.http import add_error_pages, health_router, probes_router
from himalia.jobs.routes import router as jobs_router
from himalia.lineage.routes import LineageParts
from himalia.lineage.routes import router as lineage_router
from himalia.live.channel import LiveParts
from himalia.live.routes import router as events_router
from himalia.live.routes import socket_router
from himalia.models.routes import router as models_router
from himalia.overlays.routes import router as overlays_router
from himalia.pages.routes import Pages
from himalia.pages.routes import router as pages_router
from himalia.parts import Platform
from himalia.people.routes import router as people_router
from himalia.projects.routes import router as projects_router
from himalia.secrets.routes import router as secrets_router
from himalia.servers.routes import router as servers_router
from himalia.snapshots.routes import router as snapshots_router
from himalia.tokens.logins import Logins
from himalia.tokens.routes import TokenParts
from himalia.tokens.routes import router as tokens_router
from himalia.tracking.content import Content, Origins
from himalia.tracking.gate import router as mlflow_router
from himalia.tracking.routes import router as tracking_router
from himalia.workloads.routes import WorkloadParts
from himalia.workloads.routes import router as workloads_router

log = logging.getLogger(__name__)

PREFIX = "/services/himalia"


def create_app(settings: Settings) -> FastAPI:
    """The ASGI application for one home."""
    platform = Platform(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await platform.start()
        yield
        await platform.stop()

    app = FastAPI(
        title="Himalia",
        version=__version__,
        description="A Himalia platform: datasets, jobs, experiments, models, endpoints, and what they belong to.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses={"default": {"model": ErrorBody, "description": "What went wrong, and what to do."}},
        openapi_url=f"{PREFIX}/openapi.json",
    )
    _share(app, platform)
    for router in _api_routers():
        app.include_router(router, prefix=f"{PREFIX}/api/v1")
    app.include_router(mlflow_router)
    app.include_router(health_router, prefix=PREFIX)
    app.include_router(probes_router)
    app.include_router(socket_router)
    app.include_router(pages_router)
    app.add_middleware(Downloads)
    add_error_pages(app, settings.body_limit_bytes, platform.telemetry)
    return app


def _api_routers() -> list[APIRouter]:
    return [
        jobs_router,  # looked through in this order, and most calls are about jobs
        datasets_router,
        previews_router,
        drafts_router,
        paths_router,
        experiments_router,
        samplers_router,
        endpoints_router,
        people_router,
        projects_router,
        secrets_router,
        snapshots_router,
        overlays_router,
        tracking_router,
        servers_router,
        models_router,
        lineage_router,
        tokens_router,
        events_router,
        workloads_router,
    ]


def _share(app: FastAPI, platform: Platform) -> None:
    """What the routes' dependencies find, by noun."""
    state, settings = app.state, platform.settings
    state.platform = platform
    state.gate = platform.gate
    state.database = platform.database
    state.projects = platform.projects
    state.secrets = platform.secrets
    state.snapshots = platform.snapshots
    state.overlays = platform.overlays
    state.datasets = platform.datasets
    state.previews = platform.previews
    state.imports = platform.imports
    state.drafts = platform.drafts
    state.uploads = platform.uploads
    state.kept_outputs = platform.kept_outputs
    state.checkouts = platform.checkouts
    state.checks = platform.checks
    state.jobs = platform.jobs
    state.experiments = platform.experiments
    state.plots = platform.plots
    state.endpoints = EndpointParts(
        platform.endpoints, platform.endpoint_tokens, platform.published.gateway, platform.logs
    )
    state.models = platform.models
    state.evaluations = platform.evaluations
    state.lineage = LineageParts(platform.database, platform.lineage)
    state.tracking = platform.tracking
    state.content = Content(platform.tracking, platform.gate, platform.credentials, Origins.of(settings))
    state.logs = platform.logs
    state.servers = platform.servers
    state.tokens = TokenParts(platform.database, platform.tokens, Logins(), settings.address)
    topics = {
        "draft": dataset_drafts.project_of,
        "experiment": experiments_read.project_of,
        "endpoint": endpoints_read.project_of,
    }
    state.live = LiveParts(platform.database, platform.exchange, platform.logs, platform.gate, topics)
    platform.database.on_events(state.live.rights.events)
    state.workloads = WorkloadParts(
        platform.database,
        platform.engine,
        platform.snapshots,
        platform.exchange,
        platform.hub,
        settings.output_limit_bytes,
        platform.backend.reception,
    )
    state.pages = Pages(platform.sessions, platform.database, platform.tokens, state.tokens.logins)
    state.telemetry = platform.telemetry


def _sockets(settings: Settings) -> list[socket.socket]:
    """The service's port, and the Unix socket that workloads of this machine see."""
    family = socket.AF_INET6 if ":" in settings.listen else socket.AF_INET
    tcp = socket.socket(family)
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    tcp.bind((settings.listen, settings.service_port))
    if settings.is_cluster:
        return [tcp]
    path = settings.home / "s" / "service" / "api.sock"
    path.unlink(missing_ok=True)
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(str(path))
    path.chmod(0o666)  # in each sandbox; every call still needs its token
    return [tcp, unix]


def _lock(settings: Settings) -> int | None:
    """One service per home: whoever holds this lock migrates and reconciles.

    On a cluster it is the database's lock alone (`Database.alone`): not every shared volume has locks.
    """
    if settings.is_cluster:
        return None
    home = settings.home
    descriptor = os.open(home / "service" / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"Another service works on {home}. Stop it first.")
    return descriptor


def main(arguments: list[str] | None = None) -> None:
    """Read the command line, and serve."""
    parser = argparse.ArgumentParser(prog="python -m himalia.app", description="The Himalia service.")
    parser.add_argument("--home", type=Path, help="Folder that holds everything.")
    serve(parser.parse_args(arguments).home)


def serve(home: Path | None) -> None:
    """Serve one home until SIGTERM or SIGHUP, which leave what runs to the next service, or SIGINT, which ends it."""
    import uvloop

    set_up_logging()
    os.umask(0o077)
    try:
        settings = read_settings(home)
        Folders(settings.home).prepare()
        lock = _lock(settings)
        app = create_app(settings)
        app.state.database.alone()
    except (BadSettings, InUse) as error:
        sys.exit(str(error))
    except OperationalError as error:
        sys.exit(f"The database does not answer: {error.orig}")
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        access_log=False,
        log_config=None,
        timeout_keep_alive=75,  # longer than the proxy's clients stay, which reuses what it has
        timeout_graceful_shutdown=3,
        ws_ping_interval=20,
        ws_max_size=2**20,
        server_header=False,
    )
    server = _Server(config, app.state.platform)
    signal.signal(signal.SIGHUP, server.handle_exit)
    with suppress(KeyboardInterrupt):  # uvicorn raises anew what it was ended by
        uvloop.run(_serve(server, _sockets(settings), app.state.content.app, settings.content_address))
    if lock is not None:
        os.close(lock)


async def _serve(
    server: uvicorn.Server, sockets: list[socket.socket], content: ASGIApp, content_address: str
) -> None:
    """Serve the service, and beside it MLflow's pages at a port of their own."""
    beside, pages = _content_socket(content_address), None
    if beside is not None:
        config = uvicorn.Config(
            content,
            lifespan="off",
            ws="none",
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        content_server = _Beside(config)
        pages = asyncio.create_task(content_server.serve(sockets=[beside]))
    await server.serve(sockets=sockets)
    if pages is not None:
        content_server.should_exit = True
        await pages


def _content_socket(address: str) -> socket.socket | None:
    """Where MLflow's pages are listened for; None where that is not possible, and all else goes on."""
    host, _, port = address.rpartition(":")
    try:
        found = socket.getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, kind, protocol, _, where = found[0]
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(where)
    except OSError as error:
        log.error("MLflow's pages are not served, since %s cannot be listened on: %s", address, error)
        return None
    return made


class _Server(uvicorn.Server):
    """A server that tells the platform how it was asked to end."""

    def __init__(self, config: uvicorn.Config, platform: Platform) -> None:
        super().__init__(config)
        self._platform = platform

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGINT is for all that runs, as a Ctrl-C in a terminal is."""
        if sig == signal.SIGINT:
            self._platform.ends_work = True
        reception = self._platform.backend.reception
        if reception is not None:  # else each that waits for orders would hold up the end
            asyncio.get_running_loop().call_soon_threadsafe(reception.let_go)
        super().handle_exit(sig, frame)


class _Beside(uvicorn.Server):
    """A server that leaves signals to the one it stands beside."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


if __name__ == "__main__":
    main()
