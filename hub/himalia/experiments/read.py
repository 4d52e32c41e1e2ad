"""Reading searches and trials: rows put together as the API shows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import people
from himalia.core.errors import NotFound
from himalia.core.pagination import Page, matching, page_of_rows
from himalia.core.schema import Who
from himalia.engine.states import State
from himalia.engine.tables import workloads
from himalia.experiments.outcome import front
from himalia.experiments.schema import (
    Best,
    Experiment,
    ExperimentSpec,
    ExperimentStatus,
    Objective,
    Parameter,
    PrunerSpec,
    SamplerSpec,
    Trial,
    TrialCounts,
)
from himalia.experiments.tables import experiments, trials
from himalia.jobs import inputs
from himalia.jobs import read as jobs_read
from himalia.jobs.schema import JobSpec
from himalia.lineage.schema import Node
from himalia.snapshots.collector import Held

DONE = ("COMPLETE", "PRUNED", "FAILED")
"""States of trials that count among those that were asked for."""
MOST_BEST = 20
_BEGUN = (State.STARTING, State.RUNNING, State.STOPPING)
_HAS_BEGUN = sa.and_(trials.c.state == "WAITING", workloads.c.state.in_(_BEGUN))
"""A trial is stored as WAITING until its job has ended; it is shown as RUNNING once that has begun."""
_TRIALS = sa.select(
    trials,
    workloads.c.name.label("job"),
    workloads.c.state.label("job_state"),
    workloads.c.started_at,
).outerjoin(workloads, workloads.c.id == trials.c.job_id)


def by_name(connection: Connection, project_id: str, name: str) -> Any | None:
    """The row of a live experiment."""
    query = sa.select(experiments).where(
        experiments.c.project_id == project_id,
        experiments.c.name == name,
        experiments.c.deleted_at.is_(None),
    )
    return connection.execute(query).first()


def by_id(connection: Connection, experiment_id: str) -> Any | None:
    """The row of an experiment, a deleted one too."""
    return connection.execute(sa.select(experiments).where(experiments.c.id == experiment_id)).first()


def page_of(
    connection: Connection,
    project_id: str,
    page: Page,
    *,
    states: Sequence[str] = (),
    text: str | None = None,
    labels: Iterable[tuple[str, str]] = (),
    deleted: bool = False,
) -> tuple[list[Any], str | None]:
    """Rows of one page, newest first, and the token of the next."""
    query = sa.select(experiments).where(experiments.c.project_id == project_id)
    if states:
        query = query.where(experiments.c.state.in_(states))
    query = matching(query, experiments, text=text, labels=labels, deleted=deleted)
    return page_of_rows(connection, query, page, experiments)


def show(
    connection: Connection, rows: Sequence[Any], project: str, passing: dict[str, str]
) -> list[Experiment]:
    """Experiments in the order of `rows`; `passing` has words, by id, about what holds one up now."""
    ids = [row.id for row in rows]
    counts = _counts(connection, ids)
    who = people.names(connection, {row.created_by for row in rows})
    shown = []
    for row in rows:
        spec = _spec(row.spec)
        status = ExperimentStatus.model_construct(
            state=row.state,
            reason=row.reason,
            message=passing.get(row.id, row.message),
            counts=counts[row.id],
            done=counts[row.id].complete + counts[row.id].pruned + counts[row.id].failed,
            total=spec.trials,
            best=best(connection, row),
            started_at=row.started_at,
            ended_at=row.ended_at,
            deleted_at=row.deleted_at,
        )
        shown.append(
            Experiment.model_construct(
                id=row.id,
                name=row.name,
                project=project,
                labels=row.labels,
                spec=spec,
                status=status,
                created_at=row.created_at,
                created_by=Who(id=row.created_by, name=who.get(row.created_by, "")),
                updated_at=row.updated_at,
                etag=str(row.version),
            )
        )
    return shown


def _spec(stored: dict[str, Any]) -> ExperimentSpec:
    """What was validated when it was stored."""
    parts = {
        "job": JobSpec.model_construct(**stored["job"]),
        "space": {name: Parameter.model_construct(**one) for name, one in stored["space"].items()},
        "objectives": [Objective.model_construct(**one) for one in stored["objectives"]],
        "sampler": SamplerSpec.model_construct(**stored["sampler"]),
        "pruner": PrunerSpec.model_construct(**stored["pruner"]),
    }
    return ExperimentSpec.model_construct(**{**stored, **parts})


def _counts(connection: Connection, ids: Sequence[str]) -> dict[str, TrialCounts]:
    found = {one: TrialCounts() for one in ids}
    query = (
        sa.select(trials.c.experiment_id, trials.c.state, _HAS_BEGUN.label("has_begun"), sa.func.count())
        # By the column's name: with values of its own, PostgreSQL takes the same words for something else.
        .outerjoin(workloads, workloads.c.id == trials.c.job_id)
        .where(trials.c.experiment_id.in_(ids))
        .group_by(trials.c.experiment_id, trials.c.state, sa.literal_column("has_begun"))
    )
    for experiment, state, begun, count in connection.execute(query) if ids else ():
        setattr(found[experiment], "running" if begun else state.lower(), count)
    return found


def nodes(connection: Connection, project_id: str, ids: Sequence[str]) -> dict[str, Node]:
    """Experiments in a graph of lineage, deleted ones too, by id."""
    query = sa.select(experiments).where(experiments.c.project_id == project_id, experiments.c.id.in_(ids))
    return {
        row.id: Node(
            id=f"experiment:{row.id}", noun="experiment", name=row.name, title=row.name, state=row.state
        )
        for row in connection.execute(query)
    }


def project_of(connection: Connection, experiment_id: str) -> str | None:
    """The id of an experiment's project."""
    row = by_id(connection, experiment_id)
    return None if row is None else str(row.project_id)


def best(connection: Connection, row: Any) -> list[Best]:
    """The complete trials of an experiment that no other beats; of many, the first."""
    query = sa.select(trials.c.number, trials.c["values"], trials.c.parameters).where(
        trials.c.experiment_id == row.id, trials.c.state == "COMPLETE"
    )
    directions = [objective["direction"] for objective in row.spec["objectives"]]
    if len(directions) == 1:
        value = trials.c["values"][0].as_float()
        query = query.order_by(value if directions[0] == "minimize" else value.desc(), trials.c.number).limit(
            1
        )
    complete = list(connection.execute(query))
    return [
        Best(number=complete[index][0], values=complete[index][1], parameters=complete[index][2])
        for index in front([one[1] for one in complete], directions)[:MOST_BEST]
    ]


def best_jobs(connection: Connection, experiment_id: str) -> list[str]:
    """Ids of the jobs that are the best trials of an experiment."""
    row = by_id(connection, experiment_id)
    numbers = [one.number for one in best(connection, row)] if row is not None else []
    query = sa.select(trials.c.job_id).where(
        trials.c.experiment_id == experiment_id, trials.c.number.in_(numbers)
    )
    return list(connection.execute(query).scalars())


def trial_job(connection: Connection, project_id: str, name: str, number: int) -> tuple[str, dict[str, Any]]:
    """The id of the job that is a trial of the search `name`, and the trial's values. Raises NotFound."""
    row = by_name(connection, project_id, name)
    if row is None:
        raise NotFound(f"There is no experiment named {name} in this project.")
    query = sa.select(trials).where(trials.c.experiment_id == row.id, trials.c.number == number)
    trial = connection.execute(query).first()
    if trial is None:
        raise NotFound(f"The experiment {name} has no trial {number}.")
    return str(trial.job_id), dict(trial.parameters)


def trials_of(
    connection: Connection, experiment_id: str, numbers: Sequence[int] | None = None
) -> list[Trial]:
    """Trials in the order of their numbers: all, or some."""
    query = _TRIALS.where(trials.c.experiment_id == experiment_id).order_by(trials.c.number)
    if numbers is not None:
        query = query.where(trials.c.number.in_(numbers))
    return [_trial(row) for row in connection.execute(query)]


def trials_page(
    connection: Connection, experiment_id: str, states: Sequence[str], after: int, limit: int
) -> tuple[list[Trial], str | None]:
    """Trials with a number above `after`, and the token of the next page."""
    query = (
        _TRIALS.where(trials.c.experiment_id == experiment_id, trials.c.number > after)
        .order_by(trials.c.number)
        .limit(limit + 1)
    )
    if states:
        query = query.where(sa.case((_HAS_BEGUN, "RUNNING"), else_=trials.c.state).in_(states))
    found = [_trial(row) for row in connection.execute(query)]
    shown = found[:limit]
    return shown, str(shown[-1].number) if len(found) > limit else None


def _trial(row: Any) -> Trial:
    is_running = row.state == "WAITING" and row.job_state in _BEGUN
    return Trial.model_construct(
        number=row.number,
        state="RUNNING" if is_running else row.state,
        parameters=row.parameters,
        values=row.values,
        message=row.message,
        job=row.job or "",
        job_id=row.job_id,
        pruned_step=row.pruned_step,
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )


def job_of(connection: Connection, row: Any) -> JobSpec:
    """What the trials of a search are: its inputs under the names that their datasets have now.

    The versions themselves are known from the trials, since a search names what it reads as it was called.
    """
    job = JobSpec.model_validate(row.spec["job"])
    trial = jobs_read.newest_part(connection, f"experiment:{row.id}") if job.inputs else None
    return job.model_copy(update={"inputs": inputs.now_called(connection, trial)}) if trial else job


def held(connection: Connection) -> Held:
    """The code of all searches, which their next trials run, also where none has begun yet."""
    snapshot = experiments.c.spec[("job", "snapshot")].as_string()
    query = sa.select(snapshot).where(snapshot.isnot(None)).distinct()
    return Held(trees=frozenset(connection.execute(query).scalars()))
