"""Every part of the service, wired; with `app` the only module that knows every noun."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from datetime import timedelta
from functools import cache, partial
from typing import Any

from sqlalchemy.engine import Connection

from himalia.core import clock, idempotency
from himalia.core.access import Gate
from himalia.core.database import Database, Transaction
from himalia.core.disk import Disk
from himalia.core.errors import HimaliaError, Unavailable
from himalia.core.identity import Credentials, HubAccounts, LiveAttempt
from himalia.core.live import Exchange
from himalia.core.migrate import migrate
from himalia.core.people import Person
from himalia.core.permissions import Role
from himalia.core.settings import Settings
from himalia.core.telemetry import Telemetry
from himalia.core.tokens import WorkTokens
from himalia.datasets import drafts as dataset_drafts
from himalia.datasets import read as datasets_read
from himalia.datasets.checkouts import Checkouts
from himalia.datasets.checks import Checks
from himalia.datasets.drafts import Drafts
from himalia.datasets.handed import HandedFiles
from himalia.datasets.imports import Imports
from himalia.datasets.kept import KeptOutputs
from himalia.datasets.partial import PartialFiles
from himalia.datasets.previews import Previews
from himalia.datasets.service import Datasets
from himalia.datasets.uploads import Uploads
from himalia.datasets.work.limits import Limits
from himalia.endpoints import read as endpoints_read
from himalia.endpoints.published import Published
from himalia.endpoints.rollouts import Rollouts
from himalia.endpoints.service import Endpoints
from himalia.endpoints.sources import Sources
from himalia.endpoints.tokens import EndpointTokens
from himalia.engine.backends.base import Report
from himalia.engine.backends.choose import make_backend
from himalia.engine.board import Active, Board
from himalia.engine.folders import Folders
from himalia.engine.logs import LogFiles
from himalia.engine.reconciler import Reconciler
from himalia.engine.service import Engine
from himalia.engine.states import HOLDING
from himalia.environments.places import make_environments
from himalia.experiments import read as experiments_read
from himalia.experiments.plots import Plots
from himalia.experiments.searcher import Searcher
from himalia.experiments.service import Experiments
from himalia.gateway.client import GatewayClient
from himalia.gateway.state import PREFIX as GATEWAY_PREFIX
from himalia.hub.accounts.store import AccountStore
from himalia.jobs import read as jobs_read
from himalia.jobs.service import Jobs
from himalia.launching import Launcher
from himalia.lineage.service import Lineage
from himalia.live.publish import Publisher
from himalia.models import read as models_read
from himalia.models.evaluations import Evaluations
from himalia.models.registry import Registry
from himalia.models.service import Models
from himalia.overlays.service import Overlays
from himalia.pages.sessions import Sessions
from himalia.people.disabled import DisabledAccounts
from himalia.profiles.folder import ProfileFolder
from himalia.profiles.load import default_folder
from himalia.projects import service as projects_service
from himalia.projects.routes import Projects
from himalia.secrets import service as secrets_service
from himalia.secrets.service import Secrets
from himalia.servers.catalogue import Catalogue
from himalia.servers.identities import Identities
from himalia.servers.service import Completes, Servers
from himalia.snapshots import service as snapshots_service
from himalia.snapshots.collector import Collector, Freed, Purges
from himalia.snapshots.service import Snapshots
from himalia.storage.choose import make_store
from himalia.storage.errors import StoreUnavailableError
from himalia.tokens.service import Tokens
from himalia.tracking.service import Tracking
from himalia.tracking.variables import variables

log = logging.getLogger(__name__)

STOP_S = 15.0
"""How long an orderly stop waits for workloads to end."""


class Platform:
    """Every part of the service, wired. Nothing runs before `start`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.disk = Disk(settings.home, settings.disk_floor_bytes)
        self.service_token = settings.read_secret("service-token")
        key = settings.read_secret("service-key").encode()
        self.database = Database(settings.database)
        self.exchange = Exchange()
        self.board = Board()
        self.backend = make_backend(settings)
        self.folders = Folders(settings.home)
        self.engine = Engine(self.board, self.backend.machines)
        self.logs = LogFiles(settings.home / "service" / "logs")
        self.store = make_store(settings)
        self.tokens = Tokens(settings.token_days)
        self.work_tokens = WorkTokens(key)
        disabled = _disabled_accounts(settings)
        self.hub = HubAccounts(settings, self.service_token, lambda name: name in disabled())
        self.disabled = DisabledAccounts(self.database, disabled, self.hub.forget, self.tokens.delete_all)
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
        self.launcher = Launcher(
            self.database,
            self.identities,
            self.secrets,
            self.work_tokens,
            self.store,
            self.folders,
            self.environments,
            variables(settings),
            {"HIMALIA_ENDPOINT_BODY_LIMIT_BYTES": str(settings.endpoint_body_limit_bytes)},
            settings.is_cluster,
        )
        self.publisher = Publisher(self.exchange, self.board, self.jobs.shower.queue)
        self.reconciler = Reconciler(
            self.database,
            self.engine,
            self.backend,
            self.logs,
            self.launcher.launch,
            self._report,
            snapshots_service.owned,
            stop_grace_s=settings.stop_grace_s,
            lost_after_s=settings.lost_after_s,
        )
        self.tracking.tell_engine = self.reconciler.measured
        self.telemetry = Telemetry(self.board)
        self.ends_work = False
        self._tasks: list[asyncio.Task[None]] = []

    def _nouns(self, key: bytes) -> None:
        settings = self.settings
        self.identities = Identities(settings)
        profiles = ProfileFolder(settings.profiles_dir or default_folder())
        self.environments = make_environments(settings, profiles.now)
        self.board.constraints = self.environments.constraints
        self.catalogue = Catalogue(profiles, self.environments, self.engine)
        self.secrets = Secrets(key)
        grace = timedelta(seconds=settings.object_grace_s)
        self.snapshots = Snapshots(
            self.database, self.store, settings.snapshot_limit_bytes, self.disk.check, grace
        )
        self.projects = Projects(self.database, self.board, settings.retention_days)
        self.overlays = Overlays(
            self.database,
            self.folders,
            self.environments,
            self.engine,
            self.identities,
            self.catalogue.find,
            self.disk.check,
        )
        self.lineage = Lineage()
        self._datasets()
        self.jobs = Jobs(
            self.database,
            self.engine,
            self.snapshots,
            self.catalogue.choose,
            self.overlays,
            self.disk.check,
            settings.retention_days,
        )
        self.lineage.register("dataset", datasets_read.nodes)
        self.lineage.register("job", jobs_read.nodes)
        self.searcher = Searcher(self.database, self.jobs, self.exchange)
        self.experiments = Experiments(self.database, self.jobs, self.searcher, settings.retention_days)
        self.plots = Plots(self.database, self.searcher.importances)
        self.lineage.register("experiment", experiments_read.nodes, experiments_read.best_jobs)
        self.tracking = Tracking(settings, self.database, self.disk.check)
        self._models()
        self._endpoints()
        self._collector()
        self._project_hooks()
        self.servers = Servers(
            self.database,
            self.engine,
            self.catalogue,
            self.identities,
            self.folders,
            self.hub,
            self._pods(),
        )

    def _collector(self) -> None:
        settings = self.settings
        self.collector = Collector(
            self.database,
            self.store,
            self.board,
            self.folders,
            self.logs,
            Purges(
                self.projects.purge,
                self.jobs.purge,
                timedelta(days=settings.retention_days),
                (
                    self.drafts.purge,
                    self.datasets.purge,
                    self.previews.purge,
                    self.checks.purge,
                    self.experiments.purge,
                    self.endpoints.purge,
                ),
            ),
            [
                dataset_drafts.held,
                self.previews.held,
                self.checks.held,
                experiments_read.held,
                models_read.held,
                endpoints_read.held,
            ],
            timedelta(seconds=settings.object_grace_s),
        )

    def _pods(self) -> Completes | None:
        """What describes notebook servers' pods, where there are pods."""
        claims = getattr(self.backend, "claims", None)
        if claims is None:
            return None
        from himalia.servers.pods import Pods  # it needs the extra "kubernetes"

        return Pods(self.settings, self.environments, claims)

    def _project_hooks(self) -> None:
        """What nouns do when a project ends, or somebody's access to it."""
        self.projects.purge_hooks += [
            self.models.project_purged,
            self.experiments.project_purged,
            self.endpoints.project_purged,
            self.jobs.project_purged,
            self.datasets.project_purged,
            secrets_service.project_purged,
        ]
        self.projects.delete_hooks += [
            self.endpoints.project_deleted,
            self.experiments.project_deleted,
            self.jobs.project_deleted,
        ]
        self.projects.access_hooks += [
            self.experiments.access_removed,
            self.endpoint_tokens.access_removed,
            self._access_removed,
        ]

    def _datasets(self) -> None:
        settings = self.settings
        self.datasets = Datasets(
            self.database, self.snapshots, self.lineage, self.disk.check, settings.retention_days
        )
        self.partial = PartialFiles(settings.home / "uploads")
        self.drafts = Drafts(self.datasets, self.partial, settings.draft_days)
        home = settings.home
        self.handed = HandedFiles(
            home / "s" / "service" / "files.sock", [home / "people", home / "projects", home / "uploads"]
        )
        self.uploads = Uploads(self.drafts, self.handed, settings.dataset_file_limit_bytes)
        self.kept_outputs = KeptOutputs(self.datasets, jobs_read.outputs_of)
        self.checkouts = Checkouts(
            self.datasets, lambda project: self.folders.checkouts(self.identities.place(project))
        )
        self.imports = Imports(
            self.drafts,
            self.engine,
            self.exchange,
            settings.import_paths,
            Limits(free=settings.disk_floor_bytes),
        )
        self.checks = Checks(self.datasets, self.engine)
        self.previews = Previews(self.datasets, self.engine, settings.address)

    def _models(self) -> None:
        self.models = Models(
            self.database,
            self.snapshots,
            self.tracking,
            self.lineage,
            experiments_read.trial_job,
            self.environments,
            self.disk.check,
        )
        self.tracking.registry = Registry(self.models)
        self.evaluations = Evaluations(
            self.models, self.datasets, self.jobs, self.overlays, endpoints_read.packages_of
        )
        self.lineage.register("model", models_read.nodes)

    def _endpoints(self) -> None:
        settings = self.settings
        sources = Sources(self.snapshots, self.jobs, self.overlays)
        public = f"{settings.address}{GATEWAY_PREFIX}"
        shower = endpoints_read.Shower(public, _gateway_url(settings), self.engine.board)
        choose = partial(self.catalogue.choose, kind="endpoint")
        self.endpoints = Endpoints(
            self.database, self.engine, sources, choose, self.disk.check, shower, settings.retention_days
        )
        self.published = Published(
            self.database,
            self.backend.addresses,
            settings.home / "gateway",
            _gateway(settings),
            self.work_tokens.server_secret,
        )
        self.rollouts = Rollouts(
            self.database, self.engine, sources, self.published, self.exchange, self.logs
        )
        self.endpoints.wake = self.rollouts.wake
        self.endpoint_tokens = EndpointTokens(self.database, self.published.write, self.rollouts.wake)
        self.tokens.revoke_hooks.append(self.endpoint_tokens.revoke_all)
        self.lineage.register("endpoint", endpoints_read.nodes)

    async def start(self) -> None:
        """Migrate, load, find what runs, begin."""
        await asyncio.to_thread(migrate, self.database)
        self.database.on_events(self.gate.forget)
        self.database.on_events(self.launcher.events)
        self.database.on_events(self.publisher.events)
        self.database.on_events(self.tracking.mirror.events)
        self.database.on_events(self.rollouts.events)
        self.database.start()
        if not self.settings.is_cluster:  # nobody else is on this machine
            self.handed.start()
        await self.database.read(self.tokens.load)
        await self.searcher.load()
        await self.reconciler.start()
        await self.searcher.start()
        self.tracking.start()
        self._tasks = [
            asyncio.create_task(self.rollouts.run()),
            asyncio.create_task(self.servers.compare_forever()),
            asyncio.create_task(self.servers.stop_old_forever()),
            *self._unused_accelerators(),
            asyncio.create_task(self.disabled.end_tokens_forever()),
            asyncio.create_task(self._tidy()),
            asyncio.create_task(self._check_store()),
            asyncio.create_task(self.collector.collect_forever(self.settings.collect_every_s, self._freed)),
        ]

    def _unused_accelerators(self) -> list[asyncio.Task[None]]:
        """What ends servers that do not use theirs, where that can be known."""
        if not (self.settings.is_cluster and self.settings.prometheus_url):
            return []
        from himalia.servers.unused import Prometheus, UnusedAccelerators  # it needs the extra "kubernetes"

        prometheus = Prometheus(self.settings.prometheus_url, self.settings.accelerator_query)
        unused = UnusedAccelerators(self.board, self.hub, prometheus, self.settings)
        return [asyncio.create_task(unused.stop_forever())]

    async def _check_store(self) -> None:
        """Say at the start what would come out at the first use; a store that is away may come back."""
        try:
            await asyncio.to_thread(self.store.check)
        except StoreUnavailableError as error:
            log.error("%s", error)

    async def stop(self) -> None:
        """Close; what runs, runs on and is found again at the next start.

        With `ends_work` it is ended first, with grace, and starts again then.
        """
        for task in self._tasks:
            task.cancel()
        self.handed.close()
        await self.searcher.close()
        await self.rollouts.close()
        if self.ends_work:
            await self.reconciler.stop_all(STOP_S)
        await self.reconciler.close()
        await self.tracking.stop()
        if self.ends_work:
            await self.backend.end_all()
        await self.hub.close()
        self.store.close()
        await asyncio.to_thread(self.database.close)

    async def _tidy(self) -> None:
        """A pass every `collect_every_s`; one that fails is tried again at the next time."""
        kept = timedelta(days=self.settings.overlay_days)
        while True:
            try:
                await self.database.write(idempotency.forget_old)
                await self.uploads.sweep()
                if removed := await self.overlays.remove_unused(clock.now() - kept):
                    log.info("Removed %d environments and caches that nobody has used for long.", removed)
            except (HimaliaError, OSError) as error:
                log.warning("What is old could not be removed now: %s", error)
            await asyncio.sleep(self.settings.collect_every_s)

    def _report(self, item: Active, report: Report) -> None:
        self.publisher.report(item, report)
        self.tracking.mirror.report(report)

    def _freed(self, freed: Freed) -> None:
        self.telemetry.freed(freed.jobs, freed.size)

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
        return LiveAttempt(
            active.attempt,
            active.person_id,
            active.project_id,
            frozenset(active.spec["permissions"]),
            active.kind,
            runner_only=active.spec.get("isolated", False) or active.purpose == "overlay",
        )


def _disabled_accounts(settings: Settings) -> Callable[[], frozenset[str]]:
    """Names of local accounts that are disabled; the hub's models of accounts do not tell."""
    file = settings.home / "hub" / "accounts.sqlite"

    @cache
    def store() -> AccountStore:
        return AccountStore.of_home(settings.home, settings.accounts_url)

    return lambda: store().disabled() if settings.accounts_url or file.exists() else frozenset()


def _gateway(settings: Settings) -> GatewayClient:
    """The gateway, or all of them."""
    if settings.gateway_control:
        return GatewayClient.over_tcp(settings.gateway_control, settings.read_secret("gateway-token"))
    return GatewayClient.over_unix(settings.home / "gateway")


def _gateway_url(settings: Settings) -> str:
    """What callers type: the machine's name where the gateway listens everywhere."""
    if settings.gateway_url:
        return settings.gateway_url
    host, _, port = settings.gateway_address.rpartition(":")
    return f"http://{socket.gethostname() if host in ('0.0.0.0', '[::]', '*') else host}:{port}"  # noqa: S104


def _find_project(connection: Connection, name: str, person: Person | None) -> tuple[dict[str, Any], Role]:
    project = projects_service.get(connection, name)
    role = projects_service.role_of(connection, project["id"], person) if person else Role.none
    return project, role
