"""Puts the service together; the only module that knows every noun. Started as `python -m himalia.app`."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import logging
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from sqlalchemy.engine import Connection

from himalia import __version__
from himalia.core import clock, idempotency, people
from himalia.core.access import Gate
from himalia.core.database import Database, Transaction
from himalia.core.errors import DiskFull, HimaliaError, Unauthenticated, Unavailable
from himalia.core.identity import Credentials, HubAccounts, LiveAttempt
from himalia.core.live import Exchange
from himalia.core.migrate import migrate
from himalia.core.people import Person
from himalia.core.permissions import Role
from himalia.core.schema import ErrorBody
from himalia.core.settings import BadSettings, Settings, read_settings
from himalia.core.telemetry import Telemetry, set_up_logging
from himalia.core.tokens import WorkTokens
from himalia.engine.backends.base import Account, Launch, Place
from himalia.engine.backends.local.backend import LocalBackend
from himalia.engine.backends.local.folders import Folders
from himalia.engine.board import Active, Board
from himalia.engine.logs import LogFiles
from himalia.engine.reconciler import Reconciler
from himalia.engine.resources import Resources
from himalia.engine.service import Engine
from himalia.engine.states import HOLDING
from himalia.http import add_error_pages, health_router
from himalia.hub.accounts.store import AccountStore
from himalia.jobs.routes import router as jobs_router
from himalia.jobs.service import Jobs
from himalia.live.channel import LiveParts
from himalia.live.publish import Publisher
from himalia.live.routes import router as events_router
from himalia.live.routes import socket_router
from himalia.overlays.routes import router as overlays_router
from himalia.overlays.service import Overlays
from himalia.pages.routes import Pages
from himalia.pages.routes import router as pages_router
from himalia.pages.sessions import Sessions
from himalia.people.routes import router as people_router
from himalia.projects import service as projects_service
from himalia.projects.routes import Projects
from himalia.projects.routes import router as projects_router
from himalia.secrets import service as secrets_service
from himalia.secrets.routes import router as secrets_router
from himalia.secrets.service import Secrets
from himalia.servers.catalogue import Catalogue
from himalia.servers.identities import Identities
from himalia.servers.routes import router as servers_router
from himalia.servers.service import Servers
from himalia.snapshots.collector import Collector, Freed, Purges
from himalia.snapshots.routes import router as snapshots_router
from himalia.snapshots.service import Snapshots
from himalia.storage.directory import DirectoryStore
from himalia.tokens.logins import Logins
from himalia.tokens.routes import TokenParts
from himalia.tokens.routes import router as tokens_router
from himalia.tokens.service import Tokens
from himalia.workloads.routes import WorkloadParts
from himalia.workloads.routes import router as workloads_router

log = logging.getLogger(__name__)

PREFIX = "/services/himalia"
STOP_S = 15.0
"""How long an orderly stop waits for workloads to end."""
DISK_S = 0.5
"""How long what is free on the disk is taken to be unchanged."""


class Platform:
    """Every part of the service, wired. Nothing runs before `start`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._free = float("-inf"), 0
        self.service_token = settings.read_secret("service-token")
        key = settings.read_secret("service-key").encode()
        self.database = Database(settings.database)
        self.exchange = Exchange()
        self.board = Board()
        self.backend = LocalBackend(settings)
        self.folders = self.backend.folders
        self.engine = Engine(self.board, self.backend.machines)
        self.logs = LogFiles(settings.home / "service" / "logs")
        self.store = DirectoryStore(settings.home / "objects")
        self.tokens = Tokens(settings.token_days)
        self.work_tokens = WorkTokens(key)
        self.hub = HubAccounts(settings, self.service_token, _local_accounts(settings.home))
        self.credentials = Credentials(
            self.database,
            self.hub,
            self.work_tokens,
            self.tokens.find,
            self._live_attempt,
            self._left_groups,
        )
        self.sessions = Sessions(self.credentials, self.service_token, key)
        self.gate = Gate(self.database, self.credentials, _find_project, self.sessions.identify)
        self._nouns(key)
        self.publisher = Publisher(self.exchange, self.board, self.jobs.shower.queue)
        self.reconciler = Reconciler(
            self.database,
            self.engine,
            self.backend,
            self.logs,
            self._launch,
            self.publisher.report,
            stop_grace_s=settings.stop_grace_s,
            lost_after_s=settings.lost_after_s,
        )
        self.telemetry = Telemetry(self.board)
        self._tasks: list[asyncio.Task[None]] = []
        self._known: dict[tuple[str, str], tuple[Account, Place]] = {}

    def _nouns(self, key: bytes) -> None:
        settings = self.settings
        self.identities = Identities(settings)
        self.catalogue = Catalogue(settings, self.engine)
        self.secrets = Secrets(key)
        grace = timedelta(seconds=settings.object_grace_s)
        self.snapshots = Snapshots(
            self.database, self.store, settings.snapshot_limit_bytes, self._check_disk, grace
        )
        self.projects = Projects(self.database, self.board, settings.retention_days)
        self.overlays = Overlays(self.database, self.folders, self.engine, self.identities, self._check_disk)
        self.jobs = Jobs(
            self.database,
            self.engine,
            self.snapshots,
            self.catalogue.choose,
            self.overlays,
            self._check_disk,
            settings.retention_days,
        )
        self.collector = Collector(
            self.database,
            self.store,
            self.board,
            self.folders,
            self.logs,
            Purges(self.projects.purge, self.jobs.purge, timedelta(days=settings.retention_days)),
            grace,
        )
        self.projects.purge_hooks += [self.jobs.project_purged, secrets_service.project_purged]
        self.projects.delete_hooks.append(self.jobs.project_deleted)
        self.projects.access_hooks.append(self._access_removed)
        self.servers = Servers(
            self.database, self.engine, self.catalogue, self.identities, self.folders, self.hub
        )

    async def start(self) -> None:
        """Migrate, load, find what runs, begin."""
        await asyncio.to_thread(migrate, self.database)
        self.database.on_events(self.gate.forget)
        self.database.on_events(self._forget_places)
        self.database.on_events(self.publisher.events)
        self.database.start()
        await self.database.read(self.tokens.load)
        await self.reconciler.start()
        self._tasks = [
            asyncio.create_task(self.servers.compare_forever()),
            asyncio.create_task(self.servers.stop_old_forever()),
            asyncio.create_task(self._tidy()),
            asyncio.create_task(self.collector.collect_forever(self.settings.collect_every_s, self._freed)),
        ]

    async def stop(self) -> None:
        """End what runs, with grace, so that it starts again at the next start; then close."""
        for task in self._tasks:
            task.cancel()
        await self.reconciler.stop_all(STOP_S)
        await self.reconciler.close()
        await self.backend.end_runners()
        await self.hub.close()
        self.store.close()
        await asyncio.to_thread(self.database.close)

    async def _tidy(self) -> None:
        """A pass every `collect_every_s`; one that fails is tried again at the next time."""
        kept = timedelta(days=self.settings.overlay_days)
        while True:
            try:
                await self.database.write(idempotency.forget_old)
                if removed := await self.overlays.remove_unused(clock.now() - kept):
                    log.info("Removed %d environments and caches that nobody has used for long.", removed)
            except (HimaliaError, OSError) as error:
                log.warning("What is old could not be removed now: %s", error)
            await asyncio.sleep(self.settings.collect_every_s)

    def _freed(self, freed: Freed) -> None:
        self.telemetry.freed(freed.jobs, freed.size)

    def _check_disk(self) -> None:
        now = clock.monotonic()
        if now - self._free[0] > DISK_S:
            self._free = now, shutil.disk_usage(self.settings.home).free
        free = self._free[1]
        if free < self.settings.disk_floor_bytes:
            raise DiskFull(
                f"Only {free / 2**20:.0f} MiB of disk are free, so no new work is taken. "
                "Delete what is not needed, or ask an administrator."
            )

    def _access_removed(self, tx: Transaction, project_id: str, people_ids: set[str]) -> None:
        """Stop what these people run in the project, and their notebook servers: those hold its folder."""
        for workload in self.engine.running(tx.connection, project_id, people_ids):
            self.engine.stop(tx, workload, "access_removed")
        tx.after_commit(lambda: asyncio.ensure_future(self._stop_servers(people_ids)))

    def _left_groups(self, tx: Transaction, person: Person, left: set[str]) -> None:
        projects_service.leave_groups(tx, person, left, self.projects.access_hooks)

    async def _stop_servers(self, people_ids: set[str]) -> None:
        for item in list(self.board.active.values()):
            if item.kind == "server" and item.person_id in people_ids:
                try:
                    await self.hub.stop_server(item.spec["task"]["user"], item.spec["task"]["server"])
                except Unavailable as error:
                    log.error("A notebook server of %s was not stopped: %s", item.name, error)

    def _live_attempt(self, workload: str) -> LiveAttempt | None:
        active = self.board.active.get(workload)
        if active is None or active.state not in HOLDING:
            return None
        permissions = frozenset(active.spec["permissions"])
        return LiveAttempt(active.attempt, active.person_id, active.project_id, permissions)

    async def _whose(self, item: Active) -> tuple[Account, Place]:
        """The account and the place of a workload; kept, since neither changes but with its project's events."""
        key = (item.person_id, item.project_id)
        if key not in self._known:

            def read(connection: Connection) -> tuple[Person | None, dict[str, Any] | None]:
                return people.get(connection, item.person_id), projects_service.by_id(
                    connection, item.project_id
                )

            person, project = await self.database.read(read)
            if person is None or project is None:
                raise Unauthenticated("Its person or project is gone.")
            self._known[key] = self.identities.account(person), self.identities.place(project)
        return self._known[key]

    def _forget_places(self, committed: list[dict[str, Any]]) -> None:
        if any(event["kind"].startswith("project.") for event in committed):
            self._known.clear()

    def _secret_values(self, connection: Connection, item: Active) -> dict[str, str]:
        own = projects_service.personal(connection, item.person_id)
        where = [item.project_id, *([own["id"]] if own else [])]
        return self.secrets.values(connection, where, item.spec["secrets"])

    async def _launch(self, item: Active) -> Launch:
        """Everything that starting an attempt needs, read now: rights may have changed since it was submitted."""

        account, place = await self._whose(item)
        names = item.spec["secrets"]
        secrets = await self.database.read(lambda c: self._secret_values(c, item)) if names else {}
        return Launch(
            name=item.attempt_name,
            workload=item.id,
            attempt=item.attempt,
            kind=item.kind,
            person=account,
            project=place,
            environment=item.spec["environment"],
            overlay=item.spec["overlay"],
            task=item.spec["task"],
            limit=Resources.from_json(item.spec["limit"]),
            devices=item.devices,
            time_limit_s=item.spec["time_limit_s"],
            variables={
                **item.spec["variables"],
                "HIMALIA_WORKLOAD": item.id,
                "HIMALIA_ATTEMPT": str(item.attempt),
            },
            secrets=secrets,
            token=self.work_tokens.make(item.id, item.attempt),
        )


def _local_accounts(home: Path) -> Callable[[str], bool]:
    """Whether a local account is disabled; the hub's model of an account does not tell."""
    file = home / "hub" / "accounts.sqlite"

    def is_disabled(name: str) -> bool:
        if not file.exists():
            return False
        account = AccountStore(file).get(name)
        return account is not None and account.disabled

    return is_disabled


def _find_project(connection: Connection, name: str, person: Person | None) -> tuple[dict[str, Any], Role]:
    project = projects_service.get(connection, name)
    role = projects_service.role_of(connection, project["id"], person) if person else Role.none
    return project, role


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
        description="Jobs, projects, secrets and profiles of a Himalia platform.",
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
    app.include_router(health_router, prefix=PREFIX)
    app.include_router(socket_router)
    app.include_router(pages_router)
    add_error_pages(app, settings.body_limit_bytes, platform.telemetry)
    return app


def _api_routers() -> list[APIRouter]:
    return [
        jobs_router,  # looked through in this order, and most calls are about jobs
        people_router,
        projects_router,
        secrets_router,
        snapshots_router,
        overlays_router,
        servers_router,
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
    state.jobs = platform.jobs
    state.logs = platform.logs
    state.servers = platform.servers
    state.tokens = TokenParts(platform.database, platform.tokens, Logins(), settings.address)
    state.live = LiveParts(platform.database, platform.exchange, platform.logs, platform.gate)
    platform.database.on_events(state.live.rights.events)
    state.workloads = WorkloadParts(
        platform.database, platform.engine, platform.snapshots, settings.output_limit_bytes
    )
    state.pages = Pages(platform.sessions, platform.database, platform.tokens, state.tokens.logins)
    state.telemetry = platform.telemetry


def _sockets(settings: Settings) -> list[socket.socket]:
    """The loopback port, and the Unix socket that workloads see."""
    tcp = socket.socket(socket.AF_INET)
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    tcp.bind(("127.0.0.1", settings.service_port))
    path = settings.home / "s" / "service" / "api.sock"
    path.unlink(missing_ok=True)
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(str(path))
    path.chmod(0o666)  # in each sandbox; every call still needs its token
    return [tcp, unix]


def _lock(home: Path) -> int:
    """One service per home: whoever holds this lock migrates and reconciles."""
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
    """Serve one home until SIGTERM or SIGINT."""
    import uvicorn
    import uvloop

    try:
        settings = read_settings(home)
    except BadSettings as error:
        sys.exit(str(error))
    set_up_logging()
    os.umask(0o077)
    Folders(settings.home).prepare()
    lock = _lock(settings.home)
    config = uvicorn.Config(
        create_app(settings),
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
    server = uvicorn.Server(config)
    _stop_on_signal(server.handle_exit)
    uvloop.run(server.serve(sockets=_sockets(settings)))
    os.close(lock)


def _stop_on_signal(handle: Callable[..., None]) -> None:
    signal.signal(signal.SIGHUP, handle)


if __name__ == "__main__":
    main()
