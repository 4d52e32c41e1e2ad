"""Who is calling: the credential of a request, checked by the checker it belongs to and by no other."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from himalia.core import clock, people, tokens
from himalia.core.database import Database, Transaction
from himalia.core.errors import StaleAttempt, Unauthenticated, Unavailable
from himalia.core.people import Person
from himalia.core.permissions import ADMIN_ROLE, SCOPES, Credential
from himalia.core.settings import Settings

log = logging.getLogger(__name__)

_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{1,4096}")
"""What a bearer token may consist of (RFC 6750, 2.1)."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller. `scopes` are of read, write, admin; `project` limits a token to one project's id; `runner_only` is
    a workload whose runner may call, and its code may not."""

    kind: Credential
    person: Person | None = None
    scopes: frozenset[str] = frozenset()
    project: str | None = None
    workload: str | None = None
    attempt: int | None = None
    permissions: frozenset[str] = frozenset()
    runner_only: bool = False

    @property
    def person_id(self) -> str:
        """The person's id; only for operations that people call."""
        if self.person is None:
            raise Unauthenticated("This call needs a person's token.")
        return self.person.id


@dataclass(frozen=True, slots=True)
class LiveAttempt:
    """What a workload's token stands for while its attempt lives.

    With `runner_only` the token counts for what a runner calls, and for nothing else: the code of an isolated
    workload is not given it, but could find it in a pod, which has one user.
    """

    attempt: int
    person_id: str
    project_id: str
    permissions: frozenset[str]
    kind: str = "job"
    runner_only: bool = False


@dataclass
class HubAccounts:
    """Asks the hub about tokens and accounts; answers are trusted for a few seconds."""

    settings: Settings
    service_token: str
    is_disabled: Callable[[str], bool] = lambda _name: False
    _cache: dict[str, tuple[float, Any]] = field(default_factory=dict)
    _asking: dict[str, asyncio.Task[Any]] = field(default_factory=dict)
    _http: httpx.AsyncClient | None = None

    @property
    def http(self) -> httpx.AsyncClient:
        """The hub's API, for calls that are not answered from what is remembered."""
        if self._http is None:
            base = f"{self.settings.hub_url or f'http://127.0.0.1:{self.settings.hub_port}'}/hub/api"
            self._http = httpx.AsyncClient(base_url=base, timeout=10, trust_env=False)
        return self._http

    async def close(self) -> None:
        """Let go of the connections."""
        if self._http is not None:
            await self._http.aclose()

    async def token_owner(self, token: str) -> dict[str, Any] | None:
        """The hub's model of the user behind `token`; None for a token that it does not know."""
        answer: dict[str, Any] | None = await self._cached("token:" + tokens.hashed(token), "/user", token)
        return answer

    async def account(self, name: str) -> dict[str, Any] | None:
        """The hub's model of an account, with `created`, `groups`, `admin`, `roles`; None when disabled."""
        path = f"/users/{quote(name, safe='')}"
        answer: dict[str, Any] | None = await self._cached("account:" + name, path, self.service_token)
        return answer

    def forget(self, name: str) -> None:
        """Ask the hub anew at the next call of an account."""
        self._cache.pop("account:" + name, None)

    async def is_administrator(self, account: dict[str, Any]) -> bool:
        """Whether an account administers the hub, or has the role `himalia-admin`, itself or by a group."""
        if account.get("admin") or ADMIN_ROLE in account.get("roles", []):
            return True
        for name in account.get("groups", []):
            path = f"/groups/{quote(name, safe='')}"
            group = await self._cached("group:" + name, path, self.service_token)
            if group is not None and ADMIN_ROLE in group.get("roles", []):
                return True
        return False

    async def servers(self, user: str) -> set[str]:
        """Names of the notebook servers that the hub has for an account, starting ones too. Raises Unavailable."""
        path = f"/users/{quote(user, safe='')}"
        try:
            answer = await self.http.get(path, headers={"Authorization": f"token {self.service_token}"})
        except httpx.HTTPError as error:
            raise Unavailable("The hub is not answering.") from error
        if answer.status_code == 404:
            return set()
        if answer.status_code != 200:
            raise Unavailable(f"The hub answered {answer.status_code}.")
        return set(answer.json().get("servers") or {})

    async def _cached(self, key: str, path: str, token: str) -> Any:
        found = self._cache.get(key)
        if found and clock.monotonic() - found[0] < self.settings.hub_cache_s:
            return found[1]
        # Calls that come while one is under way wait for its answer.
        task = self._asking.get(key)
        if task is None:
            task = asyncio.create_task(self._ask(key, path, token))
            self._asking[key] = task
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        return await asyncio.shield(task)

    async def _ask(self, key: str, path: str, token: str) -> Any:
        try:
            answer = await self.http.get(path, headers={"Authorization": f"token {token}"})
        except httpx.HTTPError as error:
            raise Unavailable("The hub is not answering. Try again in a moment.") from error
        if answer.status_code == 404 or (answer.status_code in (401, 403) and token != self.service_token):
            model = None
        elif answer.status_code == 200:
            model = answer.json()
            # The hub's model does not tell it of a local account.
            if key.startswith("account:") and await asyncio.to_thread(self.is_disabled, model["name"]):
                model = None
        else:
            raise Unavailable(f"The hub answered {answer.status_code}. Try again in a moment.")
        if len(self._cache) > 10_000:
            self._cache.clear()
        self._cache[key] = (clock.monotonic(), model)
        return model

    async def stop_server(self, user: str, server: str) -> None:
        """Have the hub stop a notebook server; one that is not there is fine. Raises Unavailable."""
        path = f"/users/{quote(user, safe='')}/server"
        if server:
            path = f"{path}s/{quote(server, safe='')}"
        try:
            answer = await self.http.delete(path, headers={"Authorization": f"token {self.service_token}"})
        except httpx.HTTPError as error:
            raise Unavailable("The hub is not answering.") from error
        if answer.status_code not in (202, 204, 400, 404):
            raise Unavailable(f"The hub answered {answer.status_code}.")


def himalia_scopes(scopes: list[str], owner: str) -> frozenset[str]:
    """Our scopes among a hub token's: only unfiltered ones, or filtered to the token's own owner."""
    held = set()
    for scope in scopes:
        name, _, filtered = scope.partition("!")
        if filtered not in ("", f"user={owner}"):
            continue
        if name.startswith("custom:himalia:"):
            held.add(name.removeprefix("custom:himalia:"))
    return frozenset(held & set(SCOPES))


@dataclass
class Credentials:
    """Turns the credential of a request into an Identity."""

    database: Database
    hub: HubAccounts
    work: tokens.WorkTokens
    find_user_token: Callable[[str], dict[str, Any] | None]
    live_attempt: Callable[[str], LiveAttempt | None]
    left_groups: Callable[[Transaction, Person, set[str]], None]
    _people: dict[tuple[str, str], Person] = field(default_factory=dict)
    _ids: dict[str, tuple[float, Person | None]] = field(default_factory=dict)

    async def identify(self, token: str) -> Identity:
        """The caller behind a bearer token.

        Raises Unauthenticated, StaleAttempt for a workload's whose attempt is over, or Unavailable when the hub is
        away.
        """
        if not _TOKEN.fullmatch(token):
            raise Unauthenticated("This is not a token. Sign in again.")
        if token.startswith(tokens.WORK_PREFIX):
            return await self._workload(token)
        if token.startswith(tokens.USER_PREFIX):
            return await self._user(token)
        if token.startswith("him_"):
            raise Unauthenticated("This kind of token is not for this address.")
        if self.hub.service_token and tokens.same(token, self.hub.service_token):
            return Identity("service", scopes=frozenset({"read", "write"}))
        return await self._hub(token)

    async def person(self, account: dict[str, Any]) -> Person:
        """The person behind a hub account's model, made when new."""
        name, created = account["name"], account.get("created") or ""
        groups = tuple(sorted(account.get("groups", [])))
        key = (name, created)
        person = self._people.get(key)
        if person is None:
            person = await self.database.read(lambda c: people.find(c, name, created))
        if person is None or person.groups != groups:
            person = await self.database.write(lambda tx: self._ensure(tx, name, created, groups))
        if len(self._people) > 10_000:
            self._people.clear()
        self._people[key] = person
        return person

    def _ensure(self, tx: Transaction, name: str, created: str, groups: tuple[str, ...]) -> Person:
        before = people.find(tx.connection, name, created)
        person = people.ensure(tx, name, created, list(groups))
        if before is not None and (left := set(before.groups) - set(groups)):
            self.left_groups(tx, person, left)
        return person

    async def _hub(self, token: str) -> Identity:
        owner = await self.hub.token_owner(token)
        if owner is None or owner.get("kind", "user") != "user":
            raise Unauthenticated("This token is not known to the hub. Sign in again.")
        account = await self._account(owner["name"])
        scopes = himalia_scopes(owner.get("scopes", []), owner["name"])
        return Identity("hub", await self.person(account), scopes)

    async def _account(self, name: str) -> dict[str, Any]:
        account = await self.hub.account(name)
        if account is None:
            raise Unauthenticated("The hub no longer knows this account. Sign in again.")
        return account

    async def _user(self, token: str) -> Identity:
        row = self.find_user_token(tokens.hashed(token))
        if row is None:
            raise Unauthenticated("This access token is not known, has expired or was revoked. Log in again.")
        account = await self._account(row["person_name"])
        person = await self.person(account)
        if person.id != row["person_id"]:
            raise Unauthenticated("The account of this access token is gone. Log in again.")
        scopes = frozenset(row["scopes"])
        if "admin" in scopes and not await self.hub.is_administrator(account):
            scopes -= {"admin"}
        return Identity("user", person, scopes, project=row["project_id"])

    async def _workload(self, token: str) -> Identity:
        read = self.work.read(token)
        live = self.live_attempt(read[0]) if read else None
        if read is None:
            raise Unauthenticated("This workload's token is not valid.")
        if live is None or live.attempt != read[1]:
            raise StaleAttempt("This token's attempt has ended.")
        return Identity(
            "workload",
            await self._by_id(live.person_id),
            frozenset({"read", "write"}),
            project=live.project_id,
            workload=read[0],
            attempt=read[1],
            permissions=live.permissions,
            runner_only=live.runner_only,
        )

    async def _by_id(self, person_id: str) -> Person | None:
        """The person of a workload, remembered for as long as what the hub says: thousands of runners call."""
        found = self._ids.get(person_id)
        if found is None or clock.monotonic() - found[0] >= self.hub.settings.hub_cache_s:
            if len(self._ids) > 10_000:
                self._ids.clear()
            found = (clock.monotonic(), await self.database.read(lambda c: people.get(c, person_id)))
            self._ids[person_id] = found
        return found[1]
