"""Removing workloads for good, with all that is known of them."""

from __future__ import annotations

from collections.abc import Sequence, Set
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core.database import Transaction
from himalia.engine.states import ENDED
from himalia.engine.tables import attempts, metrics, outputs, rank_metrics, ranks, workloads

CHUNK = 500


def forget(tx: Transaction, ids: Sequence[str]) -> None:
    """Delete ended workloads, their attempts, outputs and metrics. Their folders and logs are `nameless` then."""
    for table in (metrics, rank_metrics, outputs, ranks, attempts):
        tx.execute(table.delete().where(table.c.workload_id.in_(ids)))
    tx.execute(workloads.delete().where(workloads.c.id.in_(ids)))


def forget_old(tx: Transaction, before: datetime) -> int:
    """Forget some tasks and servers that ended before a time; a task stays while a workload names it: how many."""
    others = workloads.alias()
    query = (
        sa.select(workloads.c.id)
        .where(
            workloads.c.kind.in_(("task", "server")),
            workloads.c.state.in_(list(ENDED)),
            workloads.c.ended_at < before,
            ~sa.exists().where(others.c.needs_id == workloads.c.id),
        )
        .limit(CHUNK)
    )
    ids = list(tx.execute(query).scalars())
    if ids:
        forget(tx, ids)
    return len(ids)


def snapshots_in_use(connection: Connection) -> set[str]:
    """Digests of the code snapshots of all workloads."""
    column = workloads.c.spec["snapshot"].as_string()
    return {digest for digest in connection.execute(sa.select(column).distinct()).scalars() if digest}


def outputs_in_use(connection: Connection) -> set[str]:
    """Digests of the outputs of all workloads."""
    return set(connection.execute(sa.select(outputs.c.digest).distinct()).scalars())


def nameless(connection: Connection, paths: Sequence[Path]) -> list[Path]:
    """Those of `paths`, named `<workload>-<attempt>`, whose workload is gone."""
    there = _there(connection, {_workload(path) for path in paths})
    return [path for path in paths if _workload(path) not in there]


def _there(connection: Connection, ids: Set[str]) -> set[str]:
    found: set[str] = set()
    wanted = sorted(ids)
    for start in range(0, len(wanted), CHUNK):
        query = sa.select(workloads.c.id).where(workloads.c.id.in_(wanted[start : start + CHUNK]))
        found.update(connection.execute(query).scalars())
    return found


def _workload(path: Path) -> str:
    return path.name.partition("-")[0]
