"""Tells MLflow what jobs have measured with `himalia.run.log`, while MLflow runs; what came before is caught up.

Metrics have ids in the order in which they became durable, so one number says how far MLflow knows them.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core.database import Database, Transaction
from himalia.core.errors import HimaliaError
from himalia.engine.backends.base import Metrics, Report
from himalia.engine.tables import metrics, workloads
from himalia.tracking.client import MlflowClient, MlflowRefused
from himalia.tracking.runs import ClientOf, Runs
from himalia.tracking.tables import mlflow_mirror

log = logging.getLogger(__name__)

GATHER_S = 0.5
"""Metrics that come within this time are told together."""
AT_ONCE = 1000
"""What MLflow takes in one call."""
AGAIN_S = 5.0
LONGEST_NAME = 250
"""What MLflow takes of a metric's name."""

Open = Callable[[], AbstractAsyncContextManager[ClientOf]]
"""Opens MLflow without putting off its end."""


class Mirror:
    """One task, woken when there may be something to tell."""

    def __init__(
        self,
        database: Database,
        runs: Runs,
        open_mlflow: Open,
        runs_now: Callable[[], bool],
        tidy: Callable[[], Awaitable[None]],
    ) -> None:
        self.tidy = tidy
        self.database = database
        self.runs = runs
        self.open = open_mlflow
        self.runs_now = runs_now
        self._wake = asyncio.Event()
        self._fresh = False

    def started(self) -> None:
        """MLflow has started."""
        self._fresh = True
        self._wake.set()

    def report(self, report: Report) -> None:
        """Listen to what runners report."""
        if isinstance(report, Metrics) and report.source is None and self.runs_now():
            self._wake.set()

    def events(self, committed: list[dict[str, Any]]) -> None:
        """Listen to events: a job that ended ends its run."""
        if any(event["kind"] == "job.changed" for event in committed) and self.runs_now():
            self._wake.set()

    async def run(self) -> None:
        """Tell MLflow, for ever."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(GATHER_S)
            self._wake.clear()
            try:
                await self._tell()
            except (HimaliaError, MlflowRefused) as error:
                log.warning("MLflow was not told of all metrics: %s", error)
                asyncio.get_running_loop().call_later(AGAIN_S, self._wake.set)
            except Exception:
                log.exception("MLflow could not be told of metrics.")
                asyncio.get_running_loop().call_later(AGAIN_S, self._wake.set)

    async def _tell(self) -> None:
        if not self.runs_now():
            return  # told when it starts
        await self.database.write(_mend)
        async with self.open() as mlflow:
            async for page, last in self._pages():
                for (project, workload, attempt), points in page.items():
                    await self._log(await mlflow(project), workload, attempt, points)
                await self.database.write(lambda tx, last=last: _reached(tx, last))  # type: ignore[misc]
            await self.runs.end(mlflow)
        if self._fresh:
            await self.tidy()
            self._fresh = False

    async def _pages(
        self,
    ) -> AsyncIterator[tuple[dict[tuple[str, str, int], list[dict[str, Any]]], int]]:
        """What MLflow does not know yet: points by project, workload and attempt, and the last one's id."""
        while rows := await self.database.read(_unknown):
            page: dict[tuple[str, str, int], list[dict[str, Any]]] = {}
            for row in rows:
                if row.source is None and row.project_id is not None:
                    point = {
                        "key": row.name[:LONGEST_NAME],
                        "value": _number(row.value),
                        "timestamp": int(row.at.timestamp() * 1000),
                        "step": row.step,
                    }
                    page.setdefault((row.project_id, row.workload_id, row.attempt), []).append(point)
            yield page, rows[-1].id

    async def _log(
        self, mlflow: MlflowClient, workload: str, attempt: int, points: list[dict[str, Any]]
    ) -> None:
        run_id = await self.runs.ensure(mlflow, workload, attempt)
        if run_id is None:
            return
        try:
            await mlflow.post("runs/log-batch", {"run_id": run_id, "metrics": points})
        except MlflowRefused as error:
            if error.status >= 500:
                raise
            await self._log_singly(mlflow, run_id, points)

    @staticmethod
    async def _log_singly(mlflow: MlflowClient, run_id: str, points: list[dict[str, Any]]) -> None:
        """One name that MLflow does not take must not keep the others; one of a deleted run is not missed."""
        by_name: dict[str, list[dict[str, Any]]] = {}
        for point in points:
            by_name.setdefault(point["key"], []).append(point)
        for name, chosen in by_name.items():
            try:
                await mlflow.post("runs/log-batch", {"run_id": run_id, "metrics": chosen})
            except MlflowRefused as error:
                if error.status >= 500:
                    raise
                log.info("MLflow does not take the metric %r of run %s: %s", name, run_id, error)


def _unknown(connection: Connection) -> list[Any]:
    """The next points, with the project of their job; a point that MLflow has told us itself has a source."""
    reached = sa.select(mlflow_mirror.c.metric_id).where(mlflow_mirror.c.id == 1).scalar_subquery()
    query = (
        sa.select(metrics, workloads.c.project_id)
        .outerjoin(workloads, sa.and_(workloads.c.id == metrics.c.workload_id, workloads.c.kind == "job"))
        .where(metrics.c.id > sa.func.coalesce(reached, 0))
        .order_by(metrics.c.id)
        .limit(AT_ONCE)
    )
    return list(connection.execute(query))


def _number(value: float) -> float | str:
    """As protobuf's JSON has it, which MLflow reads."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _mend(tx: Transaction) -> None:
    """The highest ids are given again where the rows that had them were removed, which SQLite does."""
    highest = tx.execute(sa.select(sa.func.coalesce(sa.func.max(metrics.c.id), 0))).scalar_one()
    beyond = mlflow_mirror.update().where(mlflow_mirror.c.metric_id > highest)
    tx.execute(beyond.values(metric_id=highest))


def _reached(tx: Transaction, metric_id: int) -> None:
    if tx.execute(mlflow_mirror.update().values(metric_id=metric_id)).rowcount == 0:
        tx.execute(mlflow_mirror.insert().values(id=1, metric_id=metric_id))
