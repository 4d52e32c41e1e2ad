"""What is written of trials and of their search's end, and what a study is built again from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import clock, events
from himalia.core.database import Transaction
from himalia.core.errors import WrongState
from himalia.engine.changes import Change
from himalia.engine.service import Engine
from himalia.engine.tables import metrics
from himalia.experiments.outcome import Outcome, outcome
from himalia.experiments.tables import experiments, trials

_NEW = trials.insert()
_RUNNING = sa.select(experiments.c.id).where(
    experiments.c.id == sa.bindparam("experiment"),
    experiments.c.state == "RUNNING",
    experiments.c.deleted_at.is_(None),
)
_OPEN = trials.update().where(
    trials.c.experiment_id == sa.bindparam("b_experiment"),
    trials.c.number == sa.bindparam("b_number"),
    trials.c.state == "WAITING",
)
_ENDED = _OPEN.values(
    state=sa.bindparam("b_state"),
    values=sa.bindparam("b_values", type_=sa.JSON(none_as_null=True)),
    message=sa.bindparam("b_message"),
    ended_at=sa.bindparam("b_ended_at"),
)
_PRUNED = _OPEN.values(pruned_step=sa.bindparam("b_step"))

AT_ONCE = 500
"""Jobs whose metrics are asked for together."""


@dataclass(slots=True)
class OpenTrial:
    """A trial whose job has not ended; kept in memory by the job's id. `is_judged` if its search has a pruner."""

    experiment_id: str
    experiment: str
    project_id: str
    number: int
    job_id: str
    parameters: Mapping[str, Any]
    objectives: tuple[str, ...]
    is_judged: bool
    pruned_step: int | None = None


def check_running(tx: Transaction, experiment_id: str) -> None:
    """Raise WrongState when a search was ended meanwhile."""
    if tx.execute(_RUNNING, {"experiment": experiment_id}).first() is None:
        raise WrongState("The search has been ended.")


def begin(tx: Transaction, trial: OpenTrial, notes: Mapping[str, Any]) -> None:
    """Store a trial beside its job."""
    row = {
        "experiment_id": trial.experiment_id,
        "number": trial.number,
        "job_id": trial.job_id,
        "parameters": trial.parameters,
        "notes": notes,
        "state": "WAITING",
        "created_at": clock.now(),
    }
    tx.add(_NEW, row)


def advise(tx: Transaction, trial: OpenTrial, step: int) -> None:
    """Note that a trial is asked to end early, after what it reported for `step`."""
    of = {"b_experiment": trial.experiment_id, "b_number": trial.number, "b_step": step}
    if tx.execute(_PRUNED, of).rowcount:
        trial.pruned_step = step


def end(tx: Transaction, ended: Sequence[tuple[OpenTrial, Change]]) -> list[tuple[OpenTrial, Outcome]]:
    """Store how trials ended, in the transaction in which their jobs do, and tell of it."""
    reported = _last_values(tx.connection, [change for _, change in ended])
    judged = {trial.job_id: trial.objectives[0] for trial, _ in ended if trial.is_judged}
    steps = _points(tx.connection, judged) if judged else {}
    found = []
    for trial, change in ended:
        is_pruned, seen = trial.pruned_step is not None, reported.get(change.id, {})
        result = outcome(change.state, change.message, trial.objectives, seen, is_pruned)
        found.append((trial, replace(result, steps=steps.get(trial.job_id, ()))))
    now = clock.now()
    rows = [
        {
            "b_experiment": trial.experiment_id,
            "b_number": trial.number,
            "b_state": result.state,
            "b_values": result.values,
            "b_message": result.message,
            "b_ended_at": now,
        }
        for trial, result in found
    ]
    tx.execute(_ENDED, rows)
    for trial, result in found:
        _tell(tx, trial, result)
    return found


def _tell(tx: Transaction, trial: OpenTrial, result: Outcome) -> None:
    shown = {"number": trial.number, "state": result.state, "values": result.values}
    events.emit(
        tx,
        "experiment.changed",
        subject=("experiment", trial.experiment_id, trial.experiment),
        project=trial.project_id,
        data={"trial": shown},
    )


def _last_values(connection: Connection, changes: Sequence[Change]) -> dict[str, dict[str, float]]:
    """By job, the last value of each metric that its last attempt reported."""
    newest = (
        sa.select(sa.func.max(metrics.c.id))
        .where(metrics.c.workload_id.in_([change.id for change in changes]))
        .group_by(metrics.c.workload_id, metrics.c.attempt, metrics.c.name)
    )
    attempts = {change.id: change.attempt for change in changes}
    found: dict[str, dict[str, float]] = {}
    for row in connection.execute(sa.select(metrics).where(metrics.c.id.in_(newest))):
        if attempts[row.workload_id] == row.attempt:
            found.setdefault(row.workload_id, {})[row.name] = row.value
    return found


def finish(
    tx: Transaction, engine: Engine, row: Any, state: str, reason: str | None, message: str | None
) -> None:
    """A RUNNING search comes to its end, and what runs of it is stopped."""
    now = clock.now()
    values = {"state": state, "reason": reason, "message": message, "ended_at": now, "updated_at": now}
    tx.execute(experiments.update().where(experiments.c.id == row.id).values(values))
    waiting = sa.and_(trials.c.experiment_id == row.id, trials.c.state == "WAITING")
    for job_id in list(tx.execute(sa.select(trials.c.job_id).where(waiting)).scalars()):
        with suppress(WrongState):  # it has just ended
            engine.stop(tx, job_id)
    events.emit(
        tx,
        "experiment.changed",
        subject=("experiment", row.id, row.name),
        project=row.project_id,
        data={"state": state, "reason": reason, "message": message},
    )


def stored(connection: Connection, experiment_id: str, metric: str | None) -> list[dict[str, Any]]:
    """The trials of a search, as `Optimizer.add` takes them; with the points of `metric`, where one is given."""
    query = sa.select(trials).where(trials.c.experiment_id == experiment_id).order_by(trials.c.number)
    rows = list(connection.execute(query))
    steps = {} if metric is None else _points(connection, {row.job_id: metric for row in rows})
    return [
        {
            "number": row.number,
            "parameters": row.parameters,
            "notes": row.notes,
            "state": row.state,
            "values": row._mapping["values"],
            "steps": steps.get(row.job_id, []),
            "message": row.message,
            "ended_at": row.ended_at,
        }
        for row in rows
    ]


def _points(connection: Connection, wanted: Mapping[str, str]) -> dict[str, list[list[float]]]:
    """By job, the points of the metric that is wanted of it, in its last attempt and in the order they came in."""
    found: dict[str, list[list[float]]] = {}
    attempts: dict[str, int] = {}
    ids, names = list(wanted), set(wanted.values())
    for start in range(0, len(ids), AT_ONCE):
        query = (
            sa.select(
                metrics.c.workload_id, metrics.c.attempt, metrics.c.name, metrics.c.step, metrics.c.value
            )
            .where(metrics.c.workload_id.in_(ids[start : start + AT_ONCE]), metrics.c.name.in_(names))
            .order_by(metrics.c.id)
        )
        for row in connection.execute(query):
            if row.name != wanted[row.workload_id] or not math.isfinite(row.value):
                continue
            if row.attempt > attempts.get(row.workload_id, 0):
                attempts[row.workload_id] = row.attempt
                found[row.workload_id] = []
            if row.attempt == attempts[row.workload_id]:
                found[row.workload_id].append([row.step, row.value])
    return found


def load_open(connection: Connection) -> Iterable[OpenTrial]:
    """Every trial whose job has not ended, of whatever search."""
    query = sa.select(trials, experiments.c.name, experiments.c.project_id, experiments.c.spec).join(
        experiments, experiments.c.id == trials.c.experiment_id
    )
    for row in connection.execute(query.where(trials.c.state == "WAITING")):
        yield OpenTrial(
            row.experiment_id,
            row.name,
            row.project_id,
            row.number,
            row.job_id,
            row.parameters,
            tuple(objective["metric"] for objective in row.spec["objectives"]),
            row.spec["pruner"]["kind"] != "none",
            row.pruned_step,
        )
