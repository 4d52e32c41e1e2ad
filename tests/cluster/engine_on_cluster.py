"""The engine with its database in this process, on a backend that works on the cluster."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from himalia.core import people
from himalia.core.database import Database, Transaction
from himalia.core.ids import new_id
from himalia.core.migrate import migrate
from himalia.engine.backends.base import Launch
from himalia.engine.board import Active, Board
from himalia.engine.logs import LogFiles
from himalia.engine.reconciler import Reconciler
from himalia.engine.resources import Resources
from himalia.engine.service import Engine, WorkloadSpec
from himalia.engine.states import ENDED, State
from himalia.engine.tables import attempts, workloads
from himalia.profiles.pods import PodParts
from himalia.projects import service as projects_service
from himalia.projects.schema import ProjectCreate
from himalia.snapshots import service as snapshots_service
from himalia.testing.service_side import World

WITHIN_S = 60.0
SIZE = Resources.of(0.1, 2**26)


class EngineOnCluster:
    """Submits workloads of a world. `pods` says what an attempt's pod has besides, by the workload's name."""

    def __init__(self, world: World, database: Database, folder: Path) -> None:
        self.world = world
        self.database = database
        self.backend = world.backend()
        self.board = Board()
        self.engine = Engine(self.board, self.backend.machines)
        self.pods: dict[str, PodParts] = {}
        self.reconciler = Reconciler(
            database,
            self.engine,
            self.backend,
            LogFiles(folder / "logs"),
            self._launch,
            lambda item, report: None,
            snapshots_service.owned,
            stop_grace_s=2,
        )

    async def _launch(self, item: Active) -> Launch:
        made = self.world.task(
            item.spec["task"], item.attempt_name, kind=item.kind, replicas=item.replicas, others=item.others
        )
        return replace(made, limit=SIZE, reserve=item.reserve, pod=self.pods.get(item.name))

    async def submit(self, script: str = "true", name: str = "work", kind: str = "job", **more: Any) -> str:
        """Submit a script of the shell: the workload's id."""
        spec = WorkloadSpec(
            id=new_id(),
            kind=kind,
            name=name,
            project_id=self.project,
            person_id=self.person,
            environment="base",
            task={"kind": "command", "command": ["sh", "-c", script]},
            limit=SIZE,
            **{"reserve": SIZE, **more},
        )
        await self.database.write(lambda tx: self.engine.submit(tx, spec))
        return spec.id

    async def stop(self, workload: str) -> None:
        """Ask it to end."""
        await self.database.write(lambda tx: self.engine.stop(tx, workload))

    async def row(self, workload: str) -> Any:
        """What is stored of it."""
        query = sa.select(workloads).where(workloads.c.id == workload)
        return await self.database.read(lambda c: c.execute(query).one())

    async def tries(self, workload: str) -> list[Any]:
        """What is stored of its attempts."""
        query = sa.select(attempts).where(attempts.c.workload_id == workload).order_by(attempts.c.attempt)
        return await self.database.read(lambda c: list(c.execute(query)))

    async def becomes(self, workload: str, *states: State) -> Any:
        """Wait until it is in one of these states; any other end is an error."""
        async with asyncio.timeout(WITHIN_S):
            while (row := await self.row(workload)).state not in states:
                assert row.state not in ENDED, (row.state, row.reason, row.message)
                await asyncio.sleep(0.05)
            return row

    async def waits(self, workload: str, told: Callable[[str], bool]) -> str:
        """Wait until the sentence that is shown of it is one of these."""
        async with asyncio.timeout(WITHIN_S):
            while not told(words := self.board.active[workload].waits):  # noqa: ASYNC110  (it wakes nobody)
                await asyncio.sleep(0.05)
            return words

    def _fill(self, tx: Transaction) -> None:
        ada = people.ensure(tx, "ada", "2026-01-01", [])
        self.person = ada.id
        found = projects_service.personal(tx.connection, ada.id)
        made = found or projects_service.create(tx, ProjectCreate(name="digits"), ada, personal=True)
        self.project = made["id"]


@asynccontextmanager
async def engine_in(folder: Path, world: World) -> AsyncIterator[EngineOnCluster]:
    """An engine on what an earlier one has left in the folder, if anything; what runs, runs on when it goes."""
    database = Database(f"sqlite:///{folder}/himalia.sqlite")
    await asyncio.to_thread(migrate, database)
    database.start()
    made = EngineOnCluster(world, database, folder)
    try:
        await database.write(made._fill)
        await made.reconciler.start()
        world.api.attach(made.backend.reception)
        yield made
    finally:
        world.api.attach(None)
        await made.reconciler.close()
        database.close()
