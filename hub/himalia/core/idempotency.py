"""Idempotency-Key: the same request twice makes one thing (draft-ietf-httpapi-idempotency-key-header)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import clock
from himalia.core.database import Timestamp, Transaction, metadata
from himalia.core.errors import Invalid, KeyReused

idempotency = sa.Table(
    "idempotency",
    metadata,
    sa.Column("person_id", sa.String(16), primary_key=True),
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("made_id", sa.String(16), nullable=False),
    sa.Column("at", Timestamp, nullable=False),
    sa.Index("ix_idempotency_at", "at"),
)

KEEP = timedelta(days=2)


def fingerprint(operation: str, project: str, body: bytes) -> str:
    """What makes two requests the same."""
    return hashlib.sha256(f"{operation}\0{project}\0".encode() + body).hexdigest()


def made_before(connection: Connection, person_id: str, key: str | None, mark: str) -> str | None:
    """The id of what an earlier request with this key made. Raises KeyReused when it had another body."""
    if key is None:
        return None
    query = sa.select(idempotency).where(idempotency.c.person_id == person_id, idempotency.c.key == key)
    found = connection.execute(query).first()
    if found is None:
        return None
    if found.fingerprint != mark:
        raise KeyReused("This Idempotency-Key was used for another request. Use a new key.")
    return str(found.made_id)


def once(
    tx: Transaction, person_id: str, key: str | None, mark: str, make: Callable[[], str]
) -> tuple[str, bool]:
    """(id, True) of what `make` makes, or (id, False) of what an earlier request with this key made.

    Raises KeyReused when the key came with another body, and Invalid for a key of over 255 characters.
    """
    if key is None:
        return make(), True
    if not 0 < len(key) <= 255:
        raise Invalid.field("Idempotency-Key", "An Idempotency-Key has 1 to 255 characters.")
    earlier = made_before(tx.connection, person_id, key, mark)
    if earlier is not None:
        return earlier, False
    made = make()
    tx.execute(
        idempotency.insert().values(
            person_id=person_id, key=key, fingerprint=mark, made_id=made, at=clock.now()
        )
    )
    return made, True


def forget_old(tx: Transaction) -> None:
    """Drop keys that nobody will send again."""
    tx.execute(idempotency.delete().where(idempotency.c.at < clock.now() - KEEP))
