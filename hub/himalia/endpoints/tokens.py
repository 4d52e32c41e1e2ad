"""The tokens that open endpoints. Only their hashes are kept, here and at the gateway."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta

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
from himalia.endpoints.tables import endpoint_tokens

MOST = 200
HINT = len(ENDPOINT_PREFIX) + 4


class EndpointTokens:
    """Makes and revokes them; `publish` returns once the gateway knows what is true now."""

    def __init__(self, database: Database, publish: Callable[[], Awaitable[None]]) -> None:
        self.database = database
        self.publish = publish

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
            if not tx.execute(endpoint_tokens.delete().where(mine)).rowcount:
                raise NotFound("The endpoint has no such token.")
            told = {"token": token, "made": False}
            person = access.person.id
            tell(tx, "endpoint.changed", endpoint.id, name, endpoint.project_id, person, told)

        await self.database.write(work)
        await self.publish()
