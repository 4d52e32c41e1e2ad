"""Tracking: MLflow for projects and for other services, and what passes between it and jobs."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from himalia.core import clock
from himalia.core.database import Database
from himalia.core.disk import CheckDisk
from himalia.core.settings import Settings
from himalia.engine.backends.base import Metrics
from himalia.projects import service as projects_service
from himalia.tracking.client import MlflowClient, MlflowRefused
from himalia.tracking.mirror import Mirror
from himalia.tracking.process import MlflowProcess
from himalia.tracking.runs import DEFAULT_EXPERIMENT, ClientOf, Runs, attempt_of, experiment
from himalia.tracking.sidecar import MlflowSidecar

log = logging.getLogger(__name__)

SOURCE = "mlflow"
"""What metrics that MLflow's client logged are marked with in our own table."""
SERVER_INFO = {
    "store_type": "SqlStore",
    "workspaces_enabled": True,
    "trace_archival_enabled": False,
    "multipart_uploads_enabled": False,
    "multipart_downloads_enabled": False,
    "features_enabled": {"gateway": False},
}
"""What clients are told of the server, without starting it."""
OUTSIDE = "default"
"""MLflow's first workspace, which no project has."""
WORKSPACES = "/api/3.0/mlflow/workspaces"


@dataclass(frozen=True, slots=True)
class RegistryCall:
    """A call of an MLflow client that would change the registry: MLflow's path below `2.0/mlflow/`, and its body."""

    project_id: str
    person_id: str
    method: str
    path: str
    body: Mapping[str, Any]


RegistryHook = Callable[[RegistryCall], Awaitable[Mapping[str, Any]]]
"""Answers with what MLflow would; raises HimaliaError or MlflowRefused to refuse."""


class Tracking:
    """MLflow of this platform. Nothing of it runs before somebody uses it."""

    def __init__(self, settings: Settings, database: Database, check_disk: CheckDisk) -> None:
        self.database = database
        self.check_disk = check_disk
        self.artifact_limit_bytes = settings.artifact_limit_bytes
        self.process: MlflowProcess | MlflowSidecar = (
            MlflowSidecar(settings) if settings.mlflow_mode == "sidecar" else MlflowProcess(settings)
        )
        self.runs = Runs(database)
        self.mirror = Mirror(database, self.runs, self._open_passing, self._runs_now, self._remove_purged)
        self.process.on_ready = self.mirror.started
        self.registry: RegistryHook | None = None
        self.tell_engine: Callable[[Metrics], Awaitable[None]] | None = None
        self._experiments: dict[str, str] = {}
        self._mirroring: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen; MLflow itself starts at its first use, unless it runs beside the service."""
        if isinstance(self.process, MlflowSidecar):
            self.process.start()
        self._mirroring = asyncio.create_task(self.mirror.run())

    async def stop(self) -> None:
        """End MLflow."""
        if self._mirroring is not None:
            self._mirroring.cancel()
        await self.process.stop()

    @staticmethod
    def workspace(project_id: str) -> str:
        """The MLflow workspace of a project: its id, since a name may be given to another project later."""
        return project_id

    @asynccontextmanager
    async def client(self, project_id: str) -> AsyncIterator[MlflowClient]:
        """MLflow as a project sees it, for our own services; it is started first where it does not run.

        Raises Unavailable.
        """
        async with self.process.use() as http:
            mlflow = MlflowClient(http, self.workspace(project_id))
            await self._prepare(mlflow)
            yield mlflow

    async def _prepare(self, mlflow: MlflowClient) -> None:
        """Make a workspace with its first experiment, at the first use of each."""
        if mlflow.workspace in self._experiments:
            return
        try:
            # A call in a workspace that is not there is refused, whatever it asks for.
            outside = MlflowClient(mlflow.http, OUTSIDE)
            await _unless_there(outside.post(WORKSPACES, {"name": mlflow.workspace}))
            self._experiments[mlflow.workspace] = await experiment(mlflow, DEFAULT_EXPERIMENT)
        except MlflowRefused as error:
            raise error.error from error

    def default_experiment(self, mlflow: MlflowClient) -> str | None:
        """The id of a workspace's first experiment, once it is prepared."""
        return self._experiments.get(mlflow.workspace)

    async def copy(self, workload: str, attempt: int, run_id: str, points: Sequence[Any]) -> None:
        """Copy metrics that a job's MLflow client logged to its attempt's own run into our table."""
        if self.tell_engine is None:
            return
        owner = await self.database.read(lambda c: attempt_of(c, run_id))
        items = [item for point in points if (item := _item(point)) is not None]
        if owner == (workload, attempt) and items:
            await self.tell_engine(Metrics(f"{workload}-{attempt}", items, source=SOURCE))

    async def _remove_purged(self) -> None:
        """Remove the workspaces of projects that are gone for good, with all that was logged there."""
        gone = await self.database.read(projects_service.purged)
        async with self.process.use(passing=True) as http:
            outside = MlflowClient(http, OUTSIDE)
            listed = (await outside.get(WORKSPACES)).get("workspaces", [])
            for workspace in sorted({one["name"] for one in listed} & gone):
                await outside.delete(f"{WORKSPACES}/{workspace}?mode=CASCADE", {})
                self._experiments.pop(workspace, None)
                artifacts = self.process.folder / "artifacts" / "workspaces" / workspace
                await asyncio.to_thread(shutil.rmtree, artifacts, ignore_errors=True)
                log.info("What was logged to MLflow in project %s is removed.", workspace)

    def _runs_now(self) -> bool:
        return self.process.is_ready

    @asynccontextmanager
    async def _open_passing(self) -> AsyncIterator[ClientOf]:
        async with self.process.use(passing=True) as http:

            async def client_of(project_id: str) -> MlflowClient:
                mlflow = MlflowClient(http, self.workspace(project_id))
                await self._prepare(mlflow)
                return mlflow

            yield client_of


async def _unless_there(call: Awaitable[object]) -> None:
    try:
        await call
    except MlflowRefused as error:
        if error.code not in ("RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS"):
            raise


def _item(point: Any) -> tuple[str, int, float, float] | None:
    """A metric as MLflow's API has it (protobuf's JSON), as ours; None for what is not one."""
    try:
        at = float(point.get("timestamp") or 0) / 1000 or clock.now().timestamp()
        return str(point["key"])[:255], int(point.get("step") or 0), float(point["value"]), at
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        return None
