"""People: a hub account's name and its creation time, bound to an immutable id.

An account that was renamed, or removed and made again, is another person and inherits nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import clock
from himalia.core.database import Timestamp, Transaction, metadata
from himalia.core.ids import new_id

people = sa.Table(
    "people",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("hub_created", sa.String(40), nullable=False),
    sa.Column("number", sa.Integer, nullable=False, unique=True),
    sa.Column("groups", sa.JSON, nullable=False),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.UniqueConstraint("name", "hub_created", name="uq_people_account"),
)


@dataclass(frozen=True, slots=True)
class Person:
    """`number` counts people up from 1 and is never used again: UIDs are made from it."""

    id: str
    name: str
    number: int
    groups: tuple[str, ...]


def _person(row: Any) -> Person:
    return Person(row.id, row.name, row.number, tuple(row.groups))


def find(connection: Connection, name: str, hub_created: str) -> Person | None:
    """The person behind a hub account, if seen before."""
    query = sa.select(people).where(people.c.name == name, people.c.hub_created == hub_created)
    row = connection.execute(query).first()
    return _person(row) if row else None


def get(connection: Connection, person_id: str) -> Person | None:
    """The person with this id."""
    row = connection.execute(sa.select(people).where(people.c.id == person_id)).first()
    return _person(row) if row else None


def named(connection: Connection, name: str) -> Person | None:
    """The newest person of this hub name."""
    query = sa.select(people).where(people.c.name == name).order_by(people.c.number.desc()).limit(1)
    row = connection.execute(query).first()
    return _person(row) if row else None


def called(connection: Connection, names: Iterable[str]) -> list[str]:
    """Ids of everybody who has, or had, an account of one of these names."""
    return list(connection.execute(sa.select(people.c.id).where(people.c.name.in_(names))).scalars())


def names(connection: Connection, ids: set[str]) -> dict[str, str]:
    """Names by person id."""
    if not ids:
        return {}
    query = sa.select(people.c.id, people.c.name).where(people.c.id.in_(ids))
    return {row.id: row.name for row in connection.execute(query)}


def of_group(connection: Connection, group: str) -> list[Person]:
    """The people of a hub group, as last seen."""
    query = sa.select(people).where(sa.cast(people.c.groups, sa.Text) != "[]")
    return [one for one in map(_person, connection.execute(query)) if group in one.groups]


def search(connection: Connection, text: str, limit: int = 20) -> list[Person]:
    """People whose name begins with `text`, newest account of each name."""
    newest = sa.select(sa.func.max(people.c.number)).group_by(people.c.name)
    query = (
        sa.select(people)
        .where(people.c.number.in_(newest), people.c.name.startswith(text, autoescape=True))
        .order_by(people.c.name)
        .limit(limit)
    )
    return [_person(row) for row in connection.execute(query)]


def ensure(tx: Transaction, name: str, hub_created: str, groups: list[str]) -> Person:
    """The person behind a hub account, made when new; remembers the account's current groups."""
    found = find(tx.connection, name, hub_created)
    groups = sorted(groups)
    if found is None:
        number = (tx.execute(sa.select(sa.func.max(people.c.number))).scalar() or 0) + 1
        found = Person(new_id(), name, number, tuple(groups))
        tx.execute(
            people.insert().values(
                id=found.id,
                name=name,
                hub_created=hub_created,
                number=number,
                groups=groups,
                created_at=clock.now(),
            )
        )
    elif list(found.groups) != groups:
        tx.execute(people.update().where(people.c.id == found.id).values(groups=groups))
        found = Person(found.id, found.name, found.number, tuple(groups))
    return found
