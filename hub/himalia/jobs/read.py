"""Reading jobs: rows of jobs, workloads, attempts, metrics and outputs, put together as the API shows them."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import people
from himalia.core.errors import NotFound
from himalia.core.pagination import Page, matching, page_of_rows
from himalia.core.schema import Who
from himalia.datasets.kept import JobFiles
from himalia.engine import outputs as engine_outputs
from himalia.engine.board import Board
from himalia.engine.resources import Machine
from himalia.engine.states import State
from himalia.engine.tables import attempts, metrics, outputs, rank_metrics, ranks, workloads
from himalia.jobs.schema import (
    Attempt,
    Input,
    Job,
    JobSpec,
    JobStatus,
    Outputs,
    Queue,
    Rank,
    Series,
    Usage,
)
from himalia.jobs.tables import jobs
from himalia.lineage.schema import Node

LONGEST_ENTRY = 500
_JOINED = sa.select(
    jobs,
    workloads.c.state,
    workloads.c.reason,
    workloads.c.message,
    workloads.c.attempt,
    workloads.c.needs_id,
    workloads.c.queued_at,
    workloads.c.started_at,
    workloads.c.ended_at,
).join(workloads, workloads.c.id == jobs.c.id)


def by_name(connection: Connection, project_id: str, name: str) -> Any | None:
    """The joined row of a live job."""
    query = _JOINED.where(jobs.c.project_id == project_id, jobs.c.name == name, jobs.c.deleted_at.is_(None))
    return connection.execute(query).first()


def by_id(connection: Connection, job_id: str) -> Any | None:
    """The joined row of a job, a deleted one too."""
    return connection.execute(_JOINED.where(jobs.c.id == job_id)).first()


def newest_part(connection: Connection, of: str) -> Any | None:
    """The joined row of the newest job that was made for a thing, a deleted one too."""
    return connection.execute(_JOINED.where(jobs.c.part_of == of).order_by(jobs.c.id.desc()).limit(1)).first()


def page_of(
    connection: Connection,
    project_id: str,
    page: Page,
    *,
    states: Sequence[str] = (),
    text: str | None = None,
    labels: Iterable[tuple[str, str]] = (),
    deleted: bool = False,
    parts: bool = False,
) -> tuple[list[Any], str | None]:
    """Joined rows of one page, newest first, and the token of the next; with `parts` also what other things made."""
    query = _JOINED.where(jobs.c.project_id == project_id)
    if not parts:
        query = query.where(jobs.c.part_of.is_(None))
    if states:
        query = query.where(workloads.c.state.in_(states))
    query = matching(query, jobs, text=text, labels=labels, deleted=deleted)
    return page_of_rows(connection, query, page, jobs)


class Shower:
    """Makes the API's jobs from joined rows; `machines` are those that are there now."""

    def __init__(self, board: Board, machines: Callable[[], list[Machine]]) -> None:
        self.board = board
        self.machines = machines

    def show(self, connection: Connection, rows: Sequence[Any], project: str) -> list[Job]:
        """Jobs with their attempts, latest metrics and outputs, in the order of `rows`."""
        ids = [row.id for row in rows]
        tries = _grouped(connection, attempts, ids, attempts.c.attempt)
        members = _ranks(connection, [row.id for row in rows if row.spec.get("replicas", 1) > 1])
        latest = _latest_metrics(connection, ids)
        files = _output_sums(connection, ids)
        who = people.names(connection, {row.created_by for row in rows})
        return [
            self._job(
                row, project, tries.get(row.id, []), members, latest, files, who.get(row.created_by, "")
            )
            for row in rows
        ]

    def _job(
        self,
        row: Any,
        project: str,
        tries: list[Any],
        members: dict[tuple[str, int], list[Rank]],
        latest: dict[tuple[str, int], dict[str, float | None]],
        files: dict[tuple[str, int], Outputs],
        author: str,
    ) -> Job:
        key = (row.id, row.attempt)
        return Job.model_construct(
            id=row.id,
            name=row.name,
            project=project,
            labels=row.labels,
            part_of=row.part_of,
            spec=JobSpec.model_construct(**row.spec),
            status=JobStatus.model_construct(
                state=row.state,
                reason=row.reason,
                message=row.message,
                attempt=row.attempt,
                attempts=[_attempt(one, members.get((row.id, one.attempt), [])) for one in tries],
                queued_at=row.queued_at,
                started_at=row.started_at,
                ended_at=row.ended_at,
                progress=self._progress(row, tries),
                queue=self.queue(row.id) if row.state == State.QUEUED else None,
                metrics=latest.get(key, {}),
                outputs=files.get(key),
                inputs=shown_inputs(row.inputs),
                environment_job=row.needs_id,
                deleted_at=row.deleted_at,
            ),
            created_at=row.created_at,
            created_by=Who(id=row.created_by, name=author),
            updated_at=row.updated_at,
            etag=str(row.version),
        )

    def _progress(self, row: Any, tries: list[Any]) -> dict[str, Any] | None:
        active = self.board.active.get(row.id)
        if active is not None:
            return active.progress
        return tries[-1].progress if tries else None

    def queue(self, job_id: str) -> Queue | None:
        """Where a job stands in the queue now, with a sentence."""
        active = self.board.active.get(job_id)
        if active is None or active.state != State.QUEUED:
            return None
        place = self.board.place(job_id)
        if active.needs_id is not None:
            number, of = place or (None, None)
            return Queue(place=number, of=of, message="Waiting for its environment to be built.")
        if place is None:
            return Queue(place=None, of=None, message=active.waits or "Waiting in the cluster's queue.")
        if not self.machines():
            return Queue(place=place[0], of=place[1], message="Waiting for a machine: none is ready now.")
        times = f"{active.replicas} times " if active.replicas > 1 else ""
        message = f"Waiting for {times}{active.reserve.words()}: {_ordinal(place[0])} in line."
        return Queue(place=place[0], of=place[1], message=message)


def series(connection: Connection, job_id: str, attempt: int, rank: int = 0) -> list[Series]:
    """All points of the metrics of an attempt, or of one of its ranks above 0, in the order of step and time."""
    points = rank_metrics if rank else metrics
    query = (
        sa.select(points.c.name, points.c.step, points.c.value, points.c.at)
        .where(points.c.workload_id == job_id, points.c.attempt == attempt)
        .order_by(points.c.name, points.c.step, points.c.id)
    )
    if rank:
        query = query.where(rank_metrics.c.rank == rank)
    found: dict[str, Series] = {}
    for row in connection.execute(query):
        point = (row.step, finite(row.value), row.at.timestamp())
        found.setdefault(row.name, Series(name=row.name, points=[])).points.append(point)
    return list(found.values())


def nodes(connection: Connection, project_id: str, ids: Sequence[str]) -> dict[str, Node]:
    """Jobs in a graph of lineage, deleted ones too, by id."""
    query = _JOINED.where(jobs.c.project_id == project_id, jobs.c.id.in_(ids))
    return {
        row.id: Node(
            id=f"job:{row.id}",
            noun="job",
            name=row.name,
            title=row.name,
            state=row.state,
            detail=entry(row.spec),
        )
        for row in connection.execute(query)
    }


def entry(spec: Mapping[str, Any]) -> str:
    """What a stored job runs: its notebook or script, or the command."""
    found = spec.get("notebook") or spec.get("script") or shlex.join(spec["command"])
    return str(found)[:LONGEST_ENTRY]


def shown_inputs(stored: dict[str, Any] | None) -> dict[str, Input]:
    """What a job reads, by the names it knows it by."""
    return {name: Input(**one) for name, one in (stored or {}).items()}


def outputs_of(connection: Connection, project_id: str, name: str, attempt: int | None) -> JobFiles:
    """What a job left, for whoever makes something of it. Raises NotFound."""
    row = by_name(connection, project_id, name)
    if row is None:
        raise NotFound(f"There is no job named {name} in this project.")
    found = engine_outputs.of(connection, row.id, attempt or row.attempt)
    return JobFiles(row.id, [(one.path, one.size, one.digest) for one in found])


def latest_metrics(connection: Connection, job_id: str, attempt: int) -> dict[str, float | None]:
    """The last value of each metric of an attempt."""
    return _latest_metrics(connection, [job_id]).get((job_id, attempt), {})


def finite(value: float | None) -> float | None:
    """JSON has no NaN and no infinity: they are shown as null."""
    return value if value is not None and math.isfinite(value) else None


def _grouped(connection: Connection, table: sa.Table, ids: list[str], order: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    query = sa.select(table).where(table.c.workload_id.in_(ids)).order_by(order)
    for row in connection.execute(query) if ids else ():
        found.setdefault(row.workload_id, []).append(row)
    return found


def _latest_metrics(connection: Connection, ids: list[str]) -> dict[tuple[str, int], dict[str, float | None]]:
    if not ids:
        return {}
    newest = (
        sa.select(sa.func.max(metrics.c.id))
        .where(metrics.c.workload_id.in_(ids))
        .group_by(metrics.c.workload_id, metrics.c.attempt, metrics.c.name)
    )
    query = sa.select(metrics).where(metrics.c.id.in_(newest)).order_by(metrics.c.name)
    found: dict[tuple[str, int], dict[str, float | None]] = {}
    for row in connection.execute(query):
        found.setdefault((row.workload_id, row.attempt), {})[row.name] = finite(row.value)
    return found


def _output_sums(connection: Connection, ids: list[str]) -> dict[tuple[str, int], Outputs]:
    if not ids:
        return {}
    left = (
        sa.func.count(),
        sa.func.sum(outputs.c.size),
        sa.func.count(sa.case((outputs.c.path.like("%/MLmodel"), 1))),
    )
    query = (
        sa.select(outputs.c.workload_id, outputs.c.attempt, *left)
        .where(outputs.c.workload_id.in_(ids))
        .group_by(outputs.c.workload_id, outputs.c.attempt)
    )
    return {
        (workload, attempt): Outputs(count=count, size=int(size), models=models)
        for workload, attempt, count, size, models in connection.execute(query)
    }


def _ranks(connection: Connection, ids: list[str]) -> dict[tuple[str, int], list[Rank]]:
    found: dict[tuple[str, int], list[Rank]] = {}
    for rows in _grouped(connection, ranks, ids, ranks.c.rank).values():
        for row in rows:
            found.setdefault((row.workload_id, row.attempt), []).append(_rank(row))
    return found


def _rank(row: Any) -> Rank:
    return Rank.model_construct(
        rank=row.rank,
        **_course(row),
    )


def _course(row: Any) -> dict[str, Any]:
    """How an attempt, or a rank of one, went."""
    usage = Usage.model_construct(cpu_s=row.cpu_s, wall_s=row.wall_s, max_memory_bytes=row.max_memory_bytes)
    return {
        "state": row.state,
        "reason": row.reason,
        "message": row.message,
        "machine": row.machine,
        "devices": row.devices or {},
        "started_at": row.started_at,
        "ended_at": row.ended_at,
        "exit_code": row.exit_code,
        "usage": usage,
        "log_bytes": row.log_bytes,
        "log_dropped_bytes": row.log_dropped_bytes,
    }


def _attempt(row: Any, members: list[Rank]) -> Attempt:
    return Attempt.model_construct(
        attempt=row.attempt,
        starting_at=row.starting_at,
        ranks=members,
        **_course(row),
    )


def _ordinal(number: int) -> str:
    if 10 <= number % 100 <= 20:
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"
