"""What rows of every noun have in common: a version that callers name, and a time in which deleted ones come back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import clock
from himalia.core.errors import NotFound, Stale


def refuse_stale(what: str, version: int, etag: str | None) -> None:
    """Raise Stale where `etag`, from If-Match, names another version than the present one; `what` is the noun."""
    if etag not in (None, "*") and etag.strip('"') != str(version):
        raise Stale(f"The {what} was changed meanwhile. Load it again, then repeat your change.")


def deleted_one(
    connection: Connection,
    query: sa.Select[Any],
    table: sa.Table,
    what: str,
    where: tuple[str, str],
    retention_days: int,
) -> Any:
    """The row that `query` finds of a deleted thing, by (project id, name or id): the one that was deleted last.

    Raises NotFound where there is none, or its time is over.
    """
    project_id, name = where
    found = connection.execute(
        query.where(
            table.c.project_id == project_id,
            sa.or_(table.c.name == name, table.c.id == name),
            table.c.deleted_at >= clock.now() - timedelta(days=retention_days),
        ).order_by(table.c.deleted_at.desc())
    ).first()
    if found is None:
        raise NotFound(f"There is no deleted {what} {name} that could be restored.")
    return found
