"""What jobs read: versions of datasets, pinned at submission, and linked to the job for as long as it is there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import links
from himalia.core.database import Transaction
from himalia.core.errors import Invalid, NotFound, WrongState
from himalia.datasets import read as datasets_read
from himalia.jobs.schema import JobSpec
from himalia.jobs.tables import jobs

READS = "input"
"""The kind of the link from a job to a version that it reads."""


def pinned(connection: Connection, project_id: str, spec: JobSpec) -> JobSpec:
    """The spec with the versions that its inputs stand for now. Raises Invalid."""
    found = {}
    for name, reference in spec.inputs.items():
        try:
            one = datasets_read.resolve(connection, project_id, reference)
        except NotFound as error:
            raise Invalid.field(f"spec.inputs.{name}", error.message) from error
        found[name] = f"{one.dataset}@{one.version}"
    return spec.model_copy(update={"inputs": found})


def now_called(connection: Connection, row: Any) -> dict[str, str]:
    """The inputs of a job's row under the names that their datasets have now; what is deleted keeps its old one."""
    read = row.inputs or {}
    called = datasets_read.references(connection, {one["version_id"] for one in read.values()})
    return {name: called.get(one["version_id"], row.spec["inputs"][name]) for name, one in read.items()}


def of(tx: Transaction, project_id: str, spec: JobSpec) -> dict[str, dict[str, Any]]:
    """What a job reads, to be written down with it. Raises NotFound for what was deleted since it was pinned."""
    found = {
        name: datasets_read.resolve(tx.connection, project_id, reference)
        for name, reference in spec.inputs.items()
    }
    return {
        name: {"dataset": one.dataset, "version": one.version, "version_id": one.version_id, "tree": one.tree}
        for name, one in found.items()
    }


def link(tx: Transaction, job_id: str, inputs: dict[str, dict[str, Any]] | None) -> None:
    """A version that a job reads cannot be deleted."""
    for version_id in {one["version_id"] for one in (inputs or {}).values()}:
        links.add(tx, f"job:{job_id}", datasets_read.end(version_id), READS)


def unlink(tx: Transaction, which: sa.ColumnElement[bool]) -> None:
    """Let go of what jobs read that are deleted."""
    ends = sa.select(sa.literal("job:").concat(jobs.c.id)).where(which)
    table = links.links
    tx.execute(table.delete().where(table.c.from_id.in_(ends), table.c.kind == READS))


def link_again(tx: Transaction, rows: Iterable[Any]) -> None:
    """Link deleted jobs, by (id, inputs), that are brought back.

    Raises WrongState where a version is deleted that can be restored; what is gone for good keeps no job away.
    """
    reading = [row for row in rows if row.inputs]
    named = {one["version_id"] for row in reading for one in row.inputs.values()}
    deleted = sorted(datasets_read.references(tx.connection, named, deleted=True).values())
    if deleted:
        raise WrongState(f"It reads {', '.join(deleted[:10])}, which was deleted. Restore that first.")
    there = datasets_read.references(tx.connection, named)
    for row in reading:
        link(tx, row.id, {name: one for name, one in row.inputs.items() if one["version_id"] in there})
