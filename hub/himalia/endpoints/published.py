"""What the gateway is told of endpoints: where their calls go, and which tokens open them."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core.database import Database
from himalia.core.errors import Unavailable
from himalia.endpoints import read
from himalia.endpoints.plan import is_ready, is_wanted, state_of, unavailable
from himalia.endpoints.tables import endpoint_tokens, endpoints
from himalia.engine.states import State
from himalia.gateway import state
from himalia.gateway.client import GatewayAway, GatewayClient
from himalia.projects import service as projects_service

log = logging.getLogger(__name__)


class Published:
    """The gateway's state, written whenever it is another one.

    `addresses` are where an attempt's server is, and by `secret` it shows that it is the one. While the backend does
    not know where a server is, the gateway keeps what it was told last.
    """

    def __init__(
        self,
        database: Database,
        addresses: Callable[[str], list[str] | None],
        folder: Path,
        gateway: GatewayClient,
        secret: Callable[[str, int], str],
    ) -> None:
        self.database = database
        self.addresses = addresses
        self.folder = folder
        self.gateway = gateway
        self.secret = secret
        self._lock = asyncio.Lock()
        self._last: str | None = None

    async def write(self) -> bool:
        """Write what is true now for the gateway, and return once it has read it, if it runs.

        Answers whether the backend knew where all servers are. Raises Unavailable.
        """
        async with self._lock:
            located = _Located(self.addresses, self.folder)
            shown = await self.database.read(lambda connection: self._state(connection, located))
            text = json.dumps(shown)
            if text == self._last and (self.folder / state.FILE).exists():
                return located.surely
            try:
                await asyncio.to_thread(state.write, self.folder, shown)
            except OSError as error:
                raise Unavailable(
                    f"The gateway could not be told yet, which is tried again: {error.strerror}."
                ) from error
            self._last = text
            try:
                await self.gateway.reload()
            except GatewayAway:
                log.info("There is no gateway now; it reads the new state when it starts.")
            return located.surely

    def _state(self, connection: Connection, located: _Located) -> dict[str, Any]:
        rows = list(connection.execute(sa.select(endpoints).where(endpoints.c.deleted_at.is_(None))))
        revisions = read.revisions_of(connection, [row.id for row in rows])
        tokens: dict[str, dict[str, float | None]] = {row.id: {} for row in rows}
        for token in connection.execute(sa.select(endpoint_tokens)):
            if token.endpoint_id in tokens:
                expires = token.expires_at.timestamp() if token.expires_at else None
                tokens[token.endpoint_id][token.hash] = expires
        projects = {row.project_id: projects_service.by_id(connection, row.project_id) for row in rows}
        return {
            "endpoints": [
                self._endpoint(row, revisions[row.id], project["name"], tokens[row.id], located)
                for row in rows
                if (project := projects[row.project_id]) is not None and project["deleted_at"] is None
            ]
        }

    def _endpoint(
        self,
        row: Any,
        revisions: Sequence[Any],
        project: str,
        tokens: Mapping[str, float | None],
        located: _Located,
    ) -> dict[str, Any]:
        running = [one for one in revisions if one.state == State.RUNNING] if is_wanted(row) else []
        return {
            "id": row.id,
            "project": project,
            "name": row.name,
            "message": unavailable(row.name, state_of(row, revisions)),
            "tokens": tokens,
            "revisions": [
                {
                    "id": one.id,
                    "number": one.number,
                    "attempt": one.attempt,
                    "address": address,
                    "weight": one.weight if is_ready(one) else 0,
                    # A socket's folder is the server's own; an address may be another pod's tomorrow.
                    **({} if address.startswith("unix:") else {"secret": self.secret(one.id, one.attempt)}),
                }
                for one in running
                for address in located.of(one.id, one.attempt)
            ],
        }


class _Located:
    """Where servers are, for one writing. `surely` is whether the backend knew it of all that were asked for."""

    def __init__(self, addresses: Callable[[str], list[str] | None], folder: Path) -> None:
        self.surely = True
        self._addresses = addresses
        self._folder = folder
        self._told: dict[tuple[str, int], list[str]] | None = None

    def of(self, revision: str, attempt: int) -> list[str]:
        """The addresses of an attempt's servers; those that the gateway has, where the backend does not know."""
        found = self._addresses(f"{revision}-{attempt}")
        if found is not None:
            return found
        self.surely = False
        if self._told is None:
            self._told = state.addresses(self._folder)
        return self._told.get((revision, attempt), [])
