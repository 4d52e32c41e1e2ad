"""What workloads left: reading the rows of their outputs."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.engine.tables import outputs


def of(connection: Connection, workload: str, attempt: int) -> list[Any]:
    """Rows (path, size, digest) of what one attempt left, by path."""
    query = (
        sa.select(outputs)
        .where(outputs.c.workload_id == workload, outputs.c.attempt == attempt)
        .order_by(outputs.c.path)
    )
    return list(connection.execute(query))
