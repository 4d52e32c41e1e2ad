"""Pages of a list, newest first, that stay right while rows are added."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core.clock import from_micros, to_micros
from himalia.core.errors import Invalid
from himalia.core.ids import is_id

LARGEST = 500


@dataclass(frozen=True)
class Page:
    """Which part of a list is asked for."""

    limit: int = 50
    token: str | None = None

    def apply(
        self,
        query: sa.Select[tuple[object, ...]],
        created: sa.ColumnElement[datetime],
        key: sa.ColumnElement[str],
    ) -> sa.Select[tuple[object, ...]]:
        """`query` ordered by (created, key) descending, from this page on, with one row more than the page."""
        query = query.order_by(created.desc(), key.desc()).limit(self.limit + 1)
        if self.token is None:
            return query
        at, identifier = _decode(self.token)
        return query.where(sa.or_(created < at, sa.and_(created == at, key < identifier)))


def matching(
    query: sa.Select[Any],
    table: sa.Table,
    *,
    text: str | None = None,
    labels: Iterable[tuple[str, str]] = (),
    deleted: bool = False,
) -> sa.Select[Any]:
    """`query` for a noun's things, deleted or not, whose name has `text` in it and that carry all `labels`."""
    query = query.where(table.c.deleted_at.isnot(None) if deleted else table.c.deleted_at.is_(None))
    if text:
        query = query.where(table.c.name.contains(text.lower(), autoescape=True))
    for key, value in labels:
        query = query.where(table.c.labels[key].as_string() == value)
    return query


def page_of_rows(
    connection: Connection, query: sa.Select[Any], page: Page, table: sa.Table
) -> tuple[list[Any], str | None]:
    """The rows of one page by (created_at, id) of `table`, newest first, and the token of the next page."""
    rows = list(connection.execute(page.apply(query, table.c.created_at, table.c.id)))
    shown = rows[: page.limit]
    token = next_token(len(rows), page, shown[-1].created_at, shown[-1].id) if shown else None
    return shown, token


def label_filter(text: str) -> tuple[str, str]:
    """(key, value) of a filter such as `team=vision`. Raises Invalid."""
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise Invalid.field("label", "Write a label filter as key=value.")
    return key, value


def next_token(count: int, page: Page, at: datetime, identifier: str) -> str | None:
    """The token of the page behind one that ends with (`at`, `identifier`); None when it was the last."""
    if count <= page.limit:
        return None
    text = json.dumps([to_micros(at), identifier])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(token: str) -> tuple[datetime, str]:
    try:
        padded = token + "=" * (-len(token) % 4)
        micros, identifier = json.loads(base64.urlsafe_b64decode(padded))
        if type(micros) is not int or not is_id(identifier):
            raise ValueError
        return from_micros(micros), identifier
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise Invalid.field("page_token", "This page token is not one of ours. Leave it out.") from error
