"""What ends with a local account that is disabled: every token of its person, those for endpoints among them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from himalia.core import people
from himalia.core.database import Database, Transaction
from himalia.core.errors import HimaliaError

log = logging.getLogger(__name__)

LOOK_S = 2.0
"""Pause between two looks: accounts are disabled by a command, which works while no service runs, too."""


class DisabledAccounts:
    """Ends tokens once an account is disabled: `names` are those that are, `forget` drops what is known of one,
    and `revoke` is called with (tx, person id, None) and answers how many tokens there were."""

    def __init__(
        self,
        database: Database,
        names: Callable[[], frozenset[str]],
        forget: Callable[[str], None],
        revoke: Callable[[Transaction, str, str | None], int],
    ) -> None:
        self.database = database
        self.names = names
        self.forget = forget
        self.revoke = revoke
        self._ended: frozenset[str] = frozenset()

    async def end_tokens_forever(self) -> None:
        """Look again and again; what fails is tried again at the next look."""
        while True:
            try:
                await self.end_tokens()
            except (HimaliaError, OSError) as error:
                log.warning("The tokens of disabled accounts could not be ended yet: %s", error)
            await asyncio.sleep(LOOK_S)

    async def end_tokens(self) -> None:
        """End the tokens of accounts that were disabled since the last look, or before the first."""
        disabled = await asyncio.to_thread(self.names)
        if found := disabled - self._ended:
            for name in found:
                self.forget(name)  # else it could still make new ones for a moment
            if count := await self.database.write(lambda tx: self._revoke(tx, found)):
                log.info("Ended %d tokens of disabled accounts.", count)
        self._ended = disabled

    def _revoke(self, tx: Transaction, names: frozenset[str]) -> int:
        return sum(self.revoke(tx, person, None) for person in people.called(tx.connection, names))
