"""One MLflow run per attempt of a job: made when it is first needed, told what the job is and how it ended."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import people
from himalia.core.database import Database, Transaction
from himalia.engine.states import ENDED, State
from himalia.engine.tables import attempts, workloads
from himalia.jobs import read as jobs_read
from himalia.tracking.client import MlflowClient, MlflowRefused
from himalia.tracking.tables import mlflow_runs

DEFAULT_EXPERIMENT = "Default"
EXPERIMENT_LABEL = "himalia/experiment"
"""The runs of a search's trials are together in an MLflow experiment of its name."""
KIND_TAG = {"key": "mlflow.experimentKind", "value": "custom_model_development"}
"""MLflow's pages show what belongs to training models."""
ATTEMPT_TAG = "himalia.attempt"
STATUS = {State.SUCCEEDED: "FINISHED", State.FAILED: "FAILED", State.STOPPED: "KILLED"}
LONGEST_PARAMETER = 6000
"""What MLflow takes of a parameter's value."""
LONGEST_SOURCE = 200
PARAMETERS_AT_ONCE = 100
"""What MLflow takes of parameters in one call."""

_NEW = mlflow_runs.insert()
ClientOf = Callable[[str], Awaitable[MlflowClient]]
"""MLflow as a project sees it, by the project's id."""


@dataclass(frozen=True, slots=True)
class AttemptRun:
    """The run of an attempt; `fresh` the first time that its job's own MLflow client is answered with it."""

    run_id: str
    fresh: bool


def run_of(connection: Connection, workload: str, attempt: int) -> str | None:
    """The id of an attempt's MLflow run; None when it has none."""
    query = sa.select(mlflow_runs.c.run_id).where(
        mlflow_runs.c.workload_id == workload, mlflow_runs.c.attempt == attempt
    )
    return connection.execute(query).scalar()


def attempt_of(connection: Connection, run_id: str) -> tuple[str, int] | None:
    """(workload, attempt) whose own run this is; None for a run that somebody made otherwise."""
    query = sa.select(mlflow_runs.c.workload_id, mlflow_runs.c.attempt).where(mlflow_runs.c.run_id == run_id)
    row = connection.execute(query).first()
    return (row.workload_id, row.attempt) if row else None


class Runs:
    """Makes and ends the runs of attempts."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._making = asyncio.Lock()

    async def ensure(
        self, mlflow: MlflowClient, workload: str, attempt: int, experiment_id: str | None = None
    ) -> str | None:
        """The run of an attempt, made where there is none; None for what is not a job, or is gone.

        A new one goes to the MLflow experiment `experiment_id`, or to its search's, or to the default one.
        Raises MlflowRefused, Unavailable.
        """
        async with self._making:
            found = await self.database.read(lambda c: run_of(c, workload, attempt))
            if found is not None:
                return found
            described = await self.database.read(lambda c: _describe(c, workload, attempt))
            if described is None:
                return None
            run_id = await self._make(mlflow, described, experiment_id)
            row = {
                "workload_id": workload,
                "attempt": attempt,
                "project_id": described["project_id"],
                "run_id": run_id,
                "claimed": False,
                "ended": False,
            }
            await self.database.write(lambda tx: tx.add(_NEW, row))
            return run_id

    async def claim(
        self, mlflow: MlflowClient, workload: str, attempt: int, experiment_id: str | None
    ) -> AttemptRun | None:
        """The run for a job's own `start_run`: the attempt's at the first time. Raises as `ensure`."""
        run_id = await self.ensure(mlflow, workload, attempt, experiment_id)
        if run_id is None:
            return None

        def work(tx: Transaction) -> bool:
            taken = mlflow_runs.update().where(
                mlflow_runs.c.run_id == run_id, mlflow_runs.c.claimed.is_(False)
            )
            return tx.execute(taken.values(claimed=True)).rowcount == 1

        return AttemptRun(run_id, await self.database.write(work))

    async def end(self, mlflow: ClientOf) -> None:
        """Tell MLflow of attempts that have ended, and forget those of jobs that are gone. Raises Unavailable."""
        await self.database.write(_forget)
        query = (
            sa.select(mlflow_runs.c.project_id, mlflow_runs.c.run_id, attempts.c.state, attempts.c.ended_at)
            .join(
                attempts,
                sa.and_(
                    attempts.c.workload_id == mlflow_runs.c.workload_id,
                    attempts.c.attempt == mlflow_runs.c.attempt,
                ),
            )
            .where(mlflow_runs.c.ended.is_(False), attempts.c.state.in_(list(ENDED)))
        )
        for row in await self.database.read(lambda c: list(c.execute(query))):
            ended_ms = int(row.ended_at.timestamp() * 1000) if row.ended_at else None
            body = {"run_id": row.run_id, "status": STATUS[State(row.state)], "end_time": ended_ms}
            try:
                await (await mlflow(row.project_id)).post("runs/update", body)
            except MlflowRefused as error:
                if error.status != 404:  # somebody deleted the run
                    raise
            done = mlflow_runs.update().where(mlflow_runs.c.run_id == row.run_id).values(ended=True)
            await self.database.write(lambda tx, done=done: tx.execute(done))  # type: ignore[misc]

    async def _make(self, mlflow: MlflowClient, described: dict[str, Any], experiment_id: str | None) -> str:
        if experiment_id is None:
            experiment_id = await experiment(mlflow, described["experiment"])
        # Made already by a service that was killed before it wrote so down?
        name = described["tags"][ATTEMPT_TAG]
        search = {"experiment_ids": [experiment_id], "filter": f"tags.`{ATTEMPT_TAG}` = '{name}'"}
        there = (await mlflow.post("runs/search", {**search, "max_results": 1})).get("runs")
        if there:
            return str(there[0]["info"]["run_id"])
        body = {
            "experiment_id": experiment_id,
            "user_id": described["person"],
            "run_name": described["tags"]["mlflow.runName"],
            "start_time": described["started_ms"],
            "tags": [{"key": key, "value": value} for key, value in described["tags"].items()],
        }
        run_id = str((await mlflow.post("runs/create", body))["run"]["info"]["run_id"])
        parameters = described["parameters"]
        for start in range(0, len(parameters), PARAMETERS_AT_ONCE):
            chosen = parameters[start : start + PARAMETERS_AT_ONCE]
            await mlflow.post("runs/log-batch", {"run_id": run_id, "params": chosen})
        return run_id


async def experiment(mlflow: MlflowClient, name: str) -> str:
    """The id of the MLflow experiment with this name, made or restored where it is not there."""
    try:
        made = await mlflow.post("experiments/create", {"name": name, "tags": [KIND_TAG]})
        return str(made["experiment_id"])
    except MlflowRefused as error:
        if error.code != "RESOURCE_ALREADY_EXISTS":
            raise
    found = (await mlflow.get("experiments/get-by-name", experiment_name=name))["experiment"]
    if found["lifecycle_stage"] == "deleted":
        await mlflow.post("experiments/restore", {"experiment_id": found["experiment_id"]})
    return str(found["experiment_id"])


def _forget(tx: Transaction) -> None:
    """The rows of jobs that are gone for good; their runs stay in MLflow, as what was logged otherwise does."""
    there = sa.exists().where(workloads.c.id == mlflow_runs.c.workload_id)
    tx.execute(mlflow_runs.delete().where(~there))


def experiment_name(labels: dict[str, str]) -> str:
    """The MLflow experiment of a job with these labels."""
    return labels.get(EXPERIMENT_LABEL) or DEFAULT_EXPERIMENT


def _describe(connection: Connection, workload: str, attempt: int) -> dict[str, Any] | None:
    """What MLflow is told of an attempt of a job; None for another kind of workload, and one that is gone."""
    row = jobs_read.by_id(connection, workload)
    if row is None:
        return None
    tried = connection.execute(
        sa.select(attempts).where(attempts.c.workload_id == workload, attempts.c.attempt == attempt)
    ).first()
    if tried is None:
        return None
    spec = row.spec
    person = people.names(connection, {row.created_by}).get(row.created_by, "")
    source = spec.get("notebook") or spec.get("script") or " ".join(spec.get("command", []))
    tags = {
        ATTEMPT_TAG: f"{workload}-{attempt}",
        "himalia.job": row.name,
        "himalia.job_id": workload,
        "himalia.snapshot": spec.get("snapshot") or "",
        "himalia.profile": spec.get("profile") or "",
        "mlflow.runName": row.name if attempt == 1 else f"{row.name} ({attempt})",
        "mlflow.user": person,
        "mlflow.source.name": source[:LONGEST_SOURCE],
        "mlflow.source.type": "NOTEBOOK" if spec.get("kind") == "notebook" else "JOB",
        **{f"himalia.label.{key}": value for key, value in row.labels.items()},
    }
    return {
        "project_id": row.project_id,
        "person": person,
        "experiment": experiment_name(row.labels),
        "started_ms": int((tried.started_at or tried.starting_at).timestamp() * 1000),
        "tags": {key: value for key, value in tags.items() if value},
        "parameters": [
            {"key": key, "value": _text(value)} for key, value in sorted(spec.get("parameters", {}).items())
        ],
    }


def _text(value: Any) -> str:
    return (value if isinstance(value, str) else json.dumps(value))[:LONGEST_PARAMETER]
