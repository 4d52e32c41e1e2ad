"""What the tasks of datasets have in common: programs of `work`, in a sandbox with nothing but their inputs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import events
from himalia.core.database import Transaction
from himalia.core.ids import new_id
from himalia.datasets.tables import datasets, versions
from himalia.engine import outputs
from himalia.engine.changes import Change
from himalia.engine.resources import Resources
from himalia.engine.service import WorkloadSpec
from himalia.engine.states import ENDED, State

OUTPUTS = "outputs/"
_RESERVE = Resources.of(1, 512 << 20)
_LIMIT = Resources.of(1, 3 << 30)


def task(
    purpose: str,
    name: str,
    whose: tuple[str, str],
    command: list[str],
    inputs: Mapping[str, Mapping[str, str]],
    time_limit_s: float,
) -> WorkloadSpec:
    """A task that runs a module of `himalia.datasets.work`; `whose` is (project id, person id)."""
    project_id, person_id = whose
    line = [sys.executable, "-m", f"himalia.datasets.work.{command[0]}", *command[1:]]
    return WorkloadSpec(
        id=new_id(),
        kind="task",
        purpose=purpose,
        name=name,
        project_id=project_id,
        person_id=person_id,
        environment="",
        task={"kind": "command", "command": line, "snapshot": False},
        reserve=_RESERVE,
        limit=_LIMIT,
        time_limit_s=time_limit_s,
        max_restarts=1,
        inputs=inputs,
        isolated=True,
    )


def message_of(connection: Connection, change: Change) -> str | None:
    """What there is to say of a task: the program's own last words, where it did not end well."""
    if change.state not in ENDED or change.state == State.SUCCEEDED:
        return None
    if change.reason != "user_error":
        return change.message
    return outputs.last_words(connection, change.id, change.attempt) or change.message


def versions_of(project_id: Any, tree: Any) -> sa.Select[Any]:
    """Versions of a project with these files, those included that can still be restored."""
    return (
        sa.select(versions.c.id)
        .join(datasets, datasets.c.id == versions.c.dataset_id)
        .where(datasets.c.project_id == project_id, versions.c.tree == tree)
    )


def tell_versions(tx: Transaction, change: Change, tree: str, **data: Any) -> None:
    """Emit, for each version with these files, what a task is finding out about them."""
    query = versions_of(change.project_id, tree).with_only_columns(
        datasets.c.id, datasets.c.name, versions.c.number
    )
    for row in tx.execute(query):
        events.emit(
            tx,
            "dataset.changed",
            subject=("dataset", row.id, row.name),
            project=change.project_id,
            person=change.person_id,
            data={**data, "version": row.number},
        )
