"""The only code that changes secrets, and the only code that reads their values."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from cryptography.fernet import Fernet
from sqlalchemy.engine import Connection

from himalia.core import clock, events, people
from himalia.core.database import Transaction
from himalia.core.errors import Invalid, NotFound
from himalia.secrets.tables import secrets


class Secrets:
    """Values encrypted at rest (Fernet: AES-128-CBC and HMAC-SHA256) with a key derived from the service's."""

    def __init__(self, service_key: bytes) -> None:
        derived = hashlib.sha256(b"himalia secrets:" + service_key).digest()
        self._fernet = Fernet(base64.urlsafe_b64encode(derived))

    def set(self, tx: Transaction, project: dict[str, Any], name: str, value: str, person_id: str) -> None:
        """Write a value; an older one is gone."""
        values = {
            "value": self._fernet.encrypt(value.encode()),
            "updated_at": clock.now(),
            "updated_by": person_id,
        }
        where = sa.and_(secrets.c.project_id == project["id"], secrets.c.name == name)
        if tx.execute(secrets.update().where(where).values(values)).rowcount == 0:
            tx.execute(secrets.insert().values(project_id=project["id"], name=name, **values))
        _tell(tx, "secret.changed", project, name, person_id)

    def values(
        self, connection: Connection, project_ids: Sequence[str], names: Sequence[str]
    ) -> dict[str, str]:
        """Values by name; of two projects with the same name the earlier in `project_ids` counts.

        Raises Invalid naming what is missing.
        """
        found: dict[str, str] = {}
        for project_id in reversed(project_ids):
            query = sa.select(secrets.c.name, secrets.c.value).where(
                secrets.c.project_id == project_id, secrets.c.name.in_(names)
            )
            for row in connection.execute(query):
                found[row.name] = self._fernet.decrypt(row.value).decode()
        missing = sorted(set(names) - set(found))
        if missing:
            raise Invalid.field(
                "spec.secrets", f"There is no secret named {', '.join(missing)}. Set it first."
            )
        return found


def project_purged(tx: Transaction, project: dict[str, Any]) -> None:
    """Hook: a project whose time is over has no secrets."""
    tx.execute(secrets.delete().where(secrets.c.project_id == project["id"]))


def names(connection: Connection, project_ids: Sequence[str]) -> set[str]:
    """The names of the secrets of some projects."""
    query = sa.select(secrets.c.name).where(secrets.c.project_id.in_(project_ids))
    return set(connection.execute(query).scalars())


def list_secrets(connection: Connection, project_id: str) -> list[dict[str, Any]]:
    """Names, and when and by whom they were set."""
    query = (
        sa.select(secrets.c.name, secrets.c.updated_at, secrets.c.updated_by)
        .where(secrets.c.project_id == project_id)
        .order_by(secrets.c.name)
    )
    rows = connection.execute(query).all()
    who = people.names(connection, {row.updated_by for row in rows})
    return [
        {
            "name": row.name,
            "updated_at": row.updated_at,
            "updated_by": {"id": row.updated_by, "name": who.get(row.updated_by, "")},
        }
        for row in rows
    ]


def delete(tx: Transaction, project: dict[str, Any], name: str, person_id: str) -> None:
    """Remove a secret. Raises NotFound."""
    where = sa.and_(secrets.c.project_id == project["id"], secrets.c.name == name)
    if tx.execute(secrets.delete().where(where)).rowcount == 0:
        raise NotFound(f"There is no secret named {name} in {project['name']}.")
    _tell(tx, "secret.deleted", project, name, person_id)


def _tell(tx: Transaction, kind: str, project: dict[str, Any], name: str, person_id: str) -> None:
    subject = ("secret", project["id"], name)
    events.emit(tx, kind, subject=subject, project=project["id"], person=person_id)
