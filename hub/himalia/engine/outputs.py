"""What workloads left: their outputs, and what they said last."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.engine.tables import attempts, outputs


def of(connection: Connection, workload: str, attempt: int) -> list[Any]:
    """Rows (path, size, digest) of what one attempt left, by path."""
    query = (
        sa.select(outputs)
        .where(outputs.c.workload_id == workload, outputs.c.attempt == attempt)
        .order_by(outputs.c.path)
    )
    return list(connection.execute(query))


def last_words(connection: Connection, workload: str, attempt: int) -> str | None:
    """The message of the last progress that an attempt told of; a program of ours says there why it failed."""
    query = sa.select(attempts.c.progress).where(
        attempts.c.workload_id == workload, attempts.c.attempt == attempt
    )
    told = connection.execute(query).scalar()
    return str(told["message"])[:2000] if told and told.get("message") else None
