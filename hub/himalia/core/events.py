"""Events: what happened, to whom, by whom; immutable, ids in the order of commits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import clock
from himalia.core.database import Timestamp, Transaction, metadata, storable

events = sa.Table(
    "events",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String(60), nullable=False),
    sa.Column("at", Timestamp, nullable=False),
    sa.Column("project_id", sa.String(16)),
    sa.Column("subject_kind", sa.String(20), nullable=False),
    sa.Column("subject_id", sa.String(40), nullable=False),
    sa.Column("subject_name", sa.String(255), nullable=False),
    sa.Column("person_id", sa.String(16)),
    sa.Column("data", sa.JSON, nullable=False),
    sa.Index("ix_events_project", "project_id", "id"),
    sa.Index("ix_events_subject", "subject_id", "id"),
)

KINDS = {
    "dataset.created": "A dataset was made.",
    "dataset.changed": "A dataset's description changed, or its versions or aliases did; `data` says what.",
    "dataset.deleted": "A dataset was deleted; it can be restored.",
    "dataset.restored": "A deleted dataset came back.",
    "endpoint.created": "An endpoint was deployed.",
    "endpoint.changed": "An endpoint's state, revisions, traffic, tokens, labels or name changed.",
    "endpoint.deleted": "An endpoint was deleted; it can be restored.",
    "endpoint.restored": "A deleted endpoint came back, stopped.",
    "experiment.created": "A search was begun.",
    "experiment.changed": "A search's state, labels or name changed, or one of its trials ended.",
    "experiment.deleted": "An experiment was deleted; it can be restored.",
    "experiment.restored": "A deleted experiment came back.",
    "job.created": "A job was submitted.",
    "job.changed": "A job's state, labels or name changed.",
    "job.deleted": "A job was deleted; it can be restored.",
    "job.restored": "A deleted job came back.",
    "model.created": "A model was made.",
    "model.changed": "A model's description changed, or its versions or aliases did; `data` says what.",
    "model.deleted": "A model was deleted, for good.",
    "workload.stop_asked": "An administrator asked for a workload or notebook server to end; `data.by` names them.",
    "overlay.changed": "The building of an environment from a requirements.txt began, went on or ended.",
    "project.created": "A project was made.",
    "project.changed": "A project's title, description or members changed.",
    "project.deleted": "A project was deleted; it can be restored.",
    "project.restored": "A deleted project came back.",
    "secret.changed": "A secret was set. Its value is nowhere in the event.",
    "secret.deleted": "A secret was deleted.",
    "server.started": "A notebook server got its resources.",
    "server.stopped": "A notebook server gave its resources back.",
    "token.created": "A personal access token was made. Its value is nowhere in the event.",
    "token.deleted": "A personal access token was revoked.",
}
"""Every kind of event. One that is missing here cannot be emitted; docs/events.md lists the same."""


def emit(
    tx: Transaction,
    kind: str,
    *,
    subject: tuple[str, str, str],
    project: str | None = None,
    person: str | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    """Record an event in the transaction of the change that it tells.

    `subject` is (kind, id, name) of the thing; `person` the id of who did it, None for the platform.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind of event: {kind}")
    # Rows of events are written outside of the savepoints: one that is refused would end the writer.
    tx.emit(
        kind=kind,
        at=clock.now(),
        project_id=project,
        subject_kind=subject[0],
        subject_id=storable(subject[1], 40),
        subject_name=storable(subject[2], 255),
        person_id=person,
        data=data or {},
    )


def after(
    connection: Connection,
    last: int,
    *,
    projects: Sequence[str] | None = None,
    subject: str | None = None,
    limit: int = 500,
) -> list[dict[str, Any]]:
    """Events with an id above `last`, oldest first, of some projects (None: all) or of one subject."""
    query = sa.select(events).where(events.c.id > last).order_by(events.c.id).limit(limit)
    if projects is not None:
        query = query.where(events.c.project_id.in_(projects))
    if subject is not None:
        query = query.where(events.c.subject_id == subject)
    return [dict(row) for row in connection.execute(query).mappings()]


def shown(event: dict[str, Any]) -> dict[str, Any]:
    """An event row as the API and the live channel show it."""
    at = event["at"]
    return {
        "id": event["id"],
        "kind": event["kind"],
        "at": at.isoformat(),
        "project": event["project_id"],
        "subject": {
            "kind": event["subject_kind"],
            "id": event["subject_id"],
            "name": event["subject_name"],
        },
        "person": event["person_id"],
        "data": event["data"],
    }
