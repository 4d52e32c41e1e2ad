"""The only code that changes personal access tokens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import clock, events
from himalia.core.database import Transaction
from himalia.core.errors import Forbidden, HimaliaError, Invalid, NotFound
from himalia.core.identity import Identity
from himalia.core.ids import new_id
from himalia.core.people import Person, people
from himalia.core.permissions import Role, covers
from himalia.core.tokens import hashed, new_user_token
from himalia.projects import service as projects_service
from himalia.tokens.schema import NewToken, Token, TokenCreate
from himalia.tokens.tables import user_tokens

RevokeHook = Callable[[Transaction, str, str | None], int]
"""Called with (tx, person id, by whom) to revoke what else a person's tokens are: how many there were."""


class Tokens:
    """Live tokens are kept in memory by their hash: checking one costs no query."""

    def __init__(self, longest_days: int) -> None:
        self.longest_days = longest_days
        self.revoke_hooks: list[RevokeHook] = []
        self._live: dict[str, dict[str, Any]] = {}

    def load(self, connection: Connection) -> None:
        """Read the live tokens; once, at the start."""
        query = (
            sa.select(user_tokens, people.c.name.label("person_name"))
            .join(people, people.c.id == user_tokens.c.person_id)
            .where(user_tokens.c.deleted_at.is_(None), user_tokens.c.expires_at > clock.now())
        )
        self._live = {row["hash"]: dict(row) for row in connection.execute(query).mappings()}

    def find(self, token_hash: str) -> dict[str, Any] | None:
        """The live token with this hash."""
        row = self._live.get(token_hash)
        if row is not None and row["expires_at"] <= clock.now():
            del self._live[token_hash]
            return None
        return row

    def create(self, tx: Transaction, identity: Identity, person: Person, body: TokenCreate) -> NewToken:
        """Make a token, with no more rights than its maker has. Raises Forbidden, Invalid."""
        for scope in body.scopes:
            if not covers(identity.scopes, scope):
                raise Forbidden(f"You cannot give the scope {scope}, because you do not have it here.")
        if body.days > self.longest_days:
            raise Invalid.field("days", f"A token may live {self.longest_days} days at most.")
        project_id = self._project(tx.connection, person, body.project)
        token, now = new_user_token(), clock.now()
        row: dict[str, Any] = {
            "id": new_id(),
            "person_id": person.id,
            "hash": hashed(token),
            "note": body.note,
            "scopes": list(body.scopes),
            "project_id": project_id,
            "created_at": now,
            "expires_at": now + timedelta(days=body.days),
        }
        tx.execute(user_tokens.insert().values(row))
        _tell(tx, "token.created", row, person.id)
        tx.after_commit(lambda: self._live.update({row["hash"]: {**row, "person_name": person.name}}))
        return NewToken(**_shown(row, body.project).model_dump(), token=token)

    @staticmethod
    def _project(connection: Connection, person: Person, name: str | None) -> str | None:
        if name is None:
            return None
        try:
            project_id = str(projects_service.get(connection, name)["id"])
        except HimaliaError as error:
            raise Invalid.field("project", error.message) from error
        if projects_service.role_of(connection, project_id, person) == Role.none:
            raise Invalid.field("project", projects_service.no_such(name))
        return project_id

    def delete(self, tx: Transaction, person_id: str, token_id: str) -> None:
        """Revoke a token at once. Raises NotFound."""
        where = sa.and_(
            user_tokens.c.id == token_id,
            user_tokens.c.person_id == person_id,
            user_tokens.c.deleted_at.is_(None),
        )
        row = tx.execute(sa.select(user_tokens).where(where)).mappings().first()
        if row is None:
            raise NotFound("You have no such token.")
        self._revoke(tx, dict(row), person_id)

    def delete_all(self, tx: Transaction, person_id: str, by: str | None) -> int:
        """Revoke every token of a person, and those that they made for endpoints; how many there were."""
        where = sa.and_(user_tokens.c.person_id == person_id, user_tokens.c.deleted_at.is_(None))
        rows = list(tx.execute(sa.select(user_tokens).where(where)).mappings())
        for row in rows:
            self._revoke(tx, dict(row), by)
        return len(rows) + sum(hook(tx, person_id, by) for hook in self.revoke_hooks)

    def _revoke(self, tx: Transaction, row: dict[str, Any], by: str | None) -> None:
        tx.execute(user_tokens.update().where(user_tokens.c.id == row["id"]).values(deleted_at=clock.now()))
        _tell(tx, "token.deleted", row, by)
        tx.after_commit(lambda: self._live.pop(row["hash"], None))


def list_tokens(connection: Connection, person_id: str) -> list[Token]:
    """A person's live tokens, newest first."""
    query = (
        sa.select(user_tokens)
        .where(
            user_tokens.c.person_id == person_id,
            user_tokens.c.deleted_at.is_(None),
            user_tokens.c.expires_at > clock.now(),
        )
        .order_by(user_tokens.c.created_at.desc())
    )
    rows = [dict(row) for row in connection.execute(query).mappings()]
    found = {row["project_id"]: projects_service.by_id(connection, row["project_id"]) for row in rows}
    return [_shown(row, (found[row["project_id"]] or {}).get("name")) for row in rows]


def _shown(row: dict[str, Any], project: str | None) -> Token:
    names = ("id", "note", "scopes", "created_at", "expires_at")
    return Token(**{name: row[name] for name in names}, project=project)


def _tell(tx: Transaction, kind: str, row: dict[str, Any], by: str | None) -> None:
    events.emit(tx, kind, subject=("token", row["id"], row["note"] or "token"), person=by)
