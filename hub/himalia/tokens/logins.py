"""Commands that wait for a person's approval: the device authorization grant of RFC 8628.

Kept in memory: a login that a restart of the service interrupts is started again.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from himalia.core import clock
from himalia.core.errors import HimaliaError, NotFound, TooMany, Unauthenticated
from himalia.core.people import Person
from himalia.tokens.schema import NewToken

LIFETIME_S = 600
WAIT_S = 25.0
INTERVAL_S = 1
MOST_WAITING = 1000
MOST_WAITING_EACH = 100
"""Of one address, so that nobody alone keeps all others from logging in."""
MOST_GUESSES = 10
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"  # no vowels, no word; RFC 8628, 6.1


@dataclass
class Login:
    """One command that waits."""

    user_code: str
    device_code: str
    client: str
    address: str
    started: float
    token: NewToken | None = None
    person: Person | None = None
    claimed: bool = False
    denied: bool = False
    decided: asyncio.Event = field(default_factory=asyncio.Event)


class Logins:
    """Codes by user code and by device code; a few guesses each person has."""

    def __init__(self) -> None:
        self._by_user: dict[str, Login] = {}
        self._by_device: dict[str, Login] = {}
        self._guesses: dict[str, list[float]] = {}

    def start(self, client: str, address: str) -> Login:
        """Begin a login. Raises TooMany when a great many wait."""
        self._drop_old()
        same = sum(one.address == address for one in self._by_user.values())
        if len(self._by_user) >= MOST_WAITING or same >= MOST_WAITING_EACH:
            raise TooMany("Too many commands wait for approval. Try again in a few minutes.")
        code = "".join(secrets.choice(_LETTERS) for _ in range(8))
        login = Login(f"{code[:4]}-{code[4:]}", secrets.token_urlsafe(32), client, address, clock.monotonic())
        self._by_user[code] = login
        self._by_device[login.device_code] = login
        return login

    def entered(self, person: Person, text: str) -> Login:
        """The login behind a code that a signed-in person typed. Raises NotFound, TooMany."""
        self._drop_old()
        now = clock.monotonic()
        guesses = [at for at in self._guesses.get(person.id, []) if now - at < LIFETIME_S]
        if len(guesses) >= MOST_GUESSES:
            raise TooMany("Too many wrong codes. Wait ten minutes, then start again with himalia login.")
        code = "".join(character for character in text.upper() if character.isalpha())
        login = self._by_user.get(code)
        if login is None or login.claimed or login.denied:
            self._guesses[person.id] = [*guesses, now]
            raise NotFound("No command waits with this code. Codes last ten minutes; check the letters.")
        return login

    async def approve(self, login: Login, person: Person, make: Callable[[], Awaitable[NewToken]]) -> None:
        """Make a token and give it to the waiting command. Only one approval counts."""
        login.claimed = True
        try:
            login.token = await make()
        except HimaliaError:
            login.claimed = False
            raise
        login.person = person
        login.decided.set()

    def deny(self, login: Login) -> None:
        """Send the waiting command away."""
        login.denied = True
        login.decided.set()

    async def finish(self, device_code: str) -> Login | None:
        """The decided login, or None when it waits still. Raises Unauthenticated when it was refused or is over."""
        login = self._by_device.get(device_code)
        if login is None or clock.monotonic() - login.started > LIFETIME_S:
            raise Unauthenticated("This login is over. Start again with himalia login.")
        try:
            await asyncio.wait_for(login.decided.wait(), WAIT_S)
        except TimeoutError:
            return None
        if self._by_device.get(device_code) is not login:
            raise Unauthenticated("This login is over. Start again with himalia login.")
        self._forget(login)
        if login.denied or login.token is None:
            raise Unauthenticated("The login was refused.")
        return login

    def _forget(self, login: Login) -> None:
        self._by_user.pop(login.user_code.replace("-", ""), None)
        self._by_device.pop(login.device_code, None)

    def _drop_old(self) -> None:
        now = clock.monotonic()
        for login in list(self._by_device.values()):
            if now - login.started > LIFETIME_S:
                self._forget(login)
