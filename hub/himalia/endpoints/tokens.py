"""The tokens that open endpoints. Only their hashes are kept, here and at the gateway."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

import sqlalchemy as sa

from himalia.core import clock
from himalia.core.access import Access
from himalia.core.database import Database, Transaction
from himalia.core.errors import NotFound, TooMany
from himalia.core.ids import new_id
from himalia.core.schema import Who
from himalia.core.tokens import ENDPOINT_PREFIX, hashed
from himalia.endpoints.read import find
from himalia.endpoints.schema import EndpointTokenCreate, NewEndpointToken
from himalia.endpoints.service import tell
from himalia.endpoints.tables import endpoint_tokens, endpoints

MOST = 200
HINT = len(ENDPOINT_PREFIX) + 4


class EndpointTokens:
    """Makes and revokes them; `publish` returns once the gateway knows what is true now.

    `wake` has an endpoint published until that has worked, so that a token which is gone here opens nothing for long.
    """

    def __init__(
        self, database: Database, publish: Callable[[], Awaitable[object]], wake: Callable[[str], None]
    ) -> None:
        self.database = database
        self.publish = publish
        self.wake = wake

    async def create(self, access: Access, name: str, body: EndpointTokenCreate) -> NewEndpointToken:
        """A new token, shown only now. Raises TooMany."""
        token = ENDPOINT_PREFIX + secrets.token_urlsafe(32)
        now, person = clock.now(), access.person
        expires = now + timedelta(seconds=body.expires_in_s) if body.expires_in_s else None
        row = {
            "id": new_id(),
            "hash": hashed(token),
            "hint": token[:HINT],
            "note": body.note,
            "created_at": now,
            "created_by": person.id,
            "expires_at": expires,
        }

        def work(tx: Transaction) -> None:
            endpoint = find(tx.connection, access.in_project["id"], name)
            of_this = endpoint_tokens.c.endpoint_id == endpoint.id
            tx.execute(endpoint_tokens.delete().where(of_this, endpoint_tokens.c.expires_at < now))
            count = tx.execute(sa.select(sa.func.count()).where(of_this)).scalar_one()
            if count >= MOST:
                raise TooMany(f"The endpoint has {MOST} tokens. Revoke some first.")
            tx.execute(endpoint_tokens.insert(), {**row, "endpoint_id": endpoint.id})
            told = {"token": row["id"], "made": True}
            tell(tx, "endpoint.changed", endpoint.id, name, endpoint.project_id, person.id, told)
            tx.after_commit(lambda: self.wake(endpoint.id))

        await self.database.write(work)
        await self.publish()
        return NewEndpointToken(
            id=str(row["id"]),
            note=body.note,
            hint=token[:HINT],
            created_at=now,
            created_by=Who(id=person.id, name=person.name),
            expires_at=expires,
            token=token,
        )

    async def delete(self, access: Access, name: str, token: str) -> None:
        """Revoke a token; it opens nothing from now on. Raises NotFound."""

        def work(tx: Transaction) -> None:
            endpoint = find(tx.connection, access.in_project["id"], name)
            mine = sa.and_(endpoint_tokens.c.id == token, endpoint_tokens.c.endpoint_id == endpoint.id)
            if not self._remove(tx, mine, access.person.id):
                raise NotFound("The endpoint has no such token.")

        await self.database.write(work)
        await self.publish()

    def access_removed(self, tx: Transaction, project_id: str, people_ids: set[str]) -> None:
        """Hook: what these people made for the project's endpoints opens them no more."""
        here = sa.select(endpoints.c.id).where(endpoints.c.project_id == project_id)
        theirs = endpoint_tokens.c.created_by.in_(people_ids)
        self._remove(tx, sa.and_(theirs, endpoint_tokens.c.endpoint_id.in_(here)), None)

    def revoke_all(self, tx: Transaction, person_id: str, by: str | None) -> int:
        """Revoke every token that a person made: how many there were."""
        return self._remove(tx, endpoint_tokens.c.created_by == person_id, by)

    def _remove(self, tx: Transaction, which: sa.ColumnElement[bool], by: str | None) -> int:
        query = (
            sa.select(endpoint_tokens.c.id.label("token"), endpoints)
            .join(endpoints, endpoints.c.id == endpoint_tokens.c.endpoint_id)
            .where(which)
        )
        rows = tx.execute(query).all()
        for row in rows:
            tx.execute(endpoint_tokens.delete().where(endpoint_tokens.c.id == row.token))
            told = {"token": row.token, "made": False}
            tell(tx, "endpoint.changed", row.id, row.name, row.project_id, by, told)
            tx.after_commit(partial(self.wake, row.id))
        return len(rows)
