"""What the hub answers about accounts, and what is made of it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from himalia.core.errors import Unavailable
from himalia.core.identity import HubAccounts
from himalia.core.settings import Settings


def asked(status: int) -> Any:
    """The account `ada` where the hub answers with `status`."""

    async def main() -> Any:
        hub = HubAccounts(Settings(home=Path("/nowhere")), "the service's")
        answers = httpx.MockTransport(lambda _: httpx.Response(status, json={}))
        hub._http = httpx.AsyncClient(transport=answers, base_url="http://hub")
        try:
            return await hub.account("ada")
        finally:
            await hub.close()

    return asyncio.run(main())


def test_an_account_that_is_gone_is_not_known() -> None:
    assert asked(404) is None


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_hub_that_refuses_the_service_says_nothing_of_the_account(status: int) -> None:
    # As it does while the disk of its database is full.
    with pytest.raises(Unavailable, match=str(status)):
        asked(status)
