# mypy: disable-error-code="no-untyped-call"
"""Sign-in with the platform's own accounts."""

from __future__ import annotations

import asyncio
import math
import os
from pathlib import Path
from typing import Any

from jupyterhub.auth import Authenticator
from jupyterhub.roles import grant_role, strip_role
from jupyterhub.utils import new_token
from sqlalchemy.orm import object_session
from tornado.web import HTTPError
from traitlets import Unicode, default

from himalia.core.errors import Forbidden
from himalia.core.permissions import ADMIN_ROLE
from himalia.hub.accounts.handlers import PasswordHandler, SignUpHandler
from himalia.hub.accounts.store import NAME_PATTERN, Account, AccountStore
from himalia.hub.accounts.throttle import Throttle


class LocalAuthenticator(Authenticator):
    """Names and passwords from `<home>/hub/accounts.sqlite` or a database, throttled by account and by address."""

    home = Unicode(os.environ.get("HIMALIA_HOME", ""), help="The platform's home folder.", config=True)

    url = Unicode(
        os.environ.get("HIMALIA_ACCOUNTS_URL", ""),
        help="SQLAlchemy URL of the accounts; without one, they are in the home.",
        config=True,
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not self.home and not self.url:
            raise ValueError("Set LocalAuthenticator.home or HIMALIA_HOME to the platform's home folder.")
        self.store = AccountStore.of_home(Path(self.home), self.url)
        self._by_name = Throttle(free=5, longest_s=60)
        self._by_address = Throttle(free=50, longest_s=900)
        # Hashing costs memory by design: a flood of attempts waits instead of taking all of it.
        self._checks = asyncio.Semaphore(2)

    @default("allow_all")
    def _allow_all(self) -> bool:
        return True  # who has an account is allowed

    @default("username_pattern")
    def _username_pattern(self) -> str:
        return f"{NAME_PATTERN}$"

    @default("auth_refresh_age")
    def _auth_refresh_age(self) -> int:
        return 1  # asking the store is cheap, and a disabled account ends at once

    @default("auth_refresh_strict")
    def _auth_refresh_strict(self) -> bool:
        return True  # tokens of a disabled account are refused too

    def sign_up_open(self) -> bool:
        """Whether somebody is invited, so that the sign-up page is shown."""
        return self.store.has_invitations()

    async def authenticate(self, handler: Any, data: dict[str, str]) -> dict[str, Any] | None:
        """The account's name and role. 429 when tried too often, 403 when disabled."""
        name = self.normalize_username(data.get("username", ""))
        async with self.attempt(handler, name) as attempt:
            try:
                account = await self.in_thread(self.store.verify, name, data.get("password", ""))
            except Forbidden as error:
                raise HTTPError(403, error.message) from error
            attempt.succeeded = account is not None
        if account is None:
            return None
        return {"name": name, "admin": account.admin or name in self.admin_users}

    def add_user(self, user: Any) -> None:
        """Called for a new hub user, and for every one when the hub starts."""
        super().add_user(user)
        account = self.store.get(user.name)
        if account is not None:
            self._give_role(getattr(user, "orm_user", user), account)

    async def refresh_user(self, user: Any, handler: Any = None) -> bool:
        """False for an account that is gone or disabled. Ends its sessions when asked to."""
        account = await asyncio.to_thread(self.store.get, user.name)
        if account is None:
            return False
        if account.end_sessions:
            _end_sessions(user)
            await asyncio.to_thread(self.store.sessions_ended, user.name)
            return False
        self._give_role(user.orm_user, account)
        return not account.disabled

    def _give_role(self, orm_user: Any, account: Account) -> None:
        """An administrator's account administers Himalia too: the hub's own admin role cannot say so."""
        wanted = account.admin or account.name in self.admin_users
        has = any(role.name == ADMIN_ROLE for role in orm_user.roles)
        if wanted != has:
            change = grant_role if wanted else strip_role
            change(object_session(orm_user), entity=orm_user, rolename=ADMIN_ROLE)

    def get_handlers(self, app: Any) -> list[tuple[str, type]]:
        """The hub's pages for accounts, beside its own sign-in page."""
        handlers: list[tuple[str, type]] = super().get_handlers(app)
        return [*handlers, ("/signup", SignUpHandler), ("/password", PasswordHandler)]

    def attempt(self, handler: Any, name: str) -> Attempt:
        """A context in which one password or code is tried."""
        return Attempt((self._by_name, name), (self._by_address, handler.request.remote_ip))

    async def in_thread(self, work: Any, *arguments: Any) -> Any:
        """Run what hashes a password, beside the event loop."""
        async with self._checks:
            return await asyncio.to_thread(work, *arguments)


class Attempt:
    """Refuses with 429 what was tried too often, and counts what did not succeed."""

    def __init__(self, name: tuple[Throttle, str], address: tuple[Throttle, str]) -> None:
        self._name, self._address = name, address
        self.succeeded = False

    async def __aenter__(self) -> Attempt:
        wait_s = max(throttle.wait_s(key) for throttle, key in (self._name, self._address))
        if wait_s > 0:
            seconds = math.ceil(wait_s)
            unit = "second" if seconds == 1 else "seconds"
            raise HTTPError(429, f"Too many failed attempts. Try again in {seconds} {unit}.")
        # Counted before it is known, so that attempts side by side do not slip through.
        for throttle, key in (self._name, self._address):
            throttle.failed(key)
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self.succeeded:
            throttle, name = self._name
            throttle.cleared(name)
            # An own account must not wipe out what was tried on others from the same address.
            throttle, address = self._address
            throttle.taken_back(address)


def _end_sessions(user: Any) -> None:
    """Make every cookie and token of a hub user worthless."""
    user.orm_user.cookie_id = new_token()
    for token in list(user.orm_user.api_tokens):
        user.db.delete(token)
    user.db.commit()
