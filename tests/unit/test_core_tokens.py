"""Tokens, logins, scopes, names and page tokens: what needs no running service to be tried."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from himalia.core import clock, ids, tokens
from himalia.core.errors import TooMany, Unauthenticated
from himalia.core.identity import himalia_scopes
from himalia.core.pagination import Page, next_token
from himalia.core.people import Person
from himalia.tokens import logins as logins_module
from himalia.tokens.logins import Logins
from himalia.tokens.schema import NewToken
from himalia.tokens.service import Tokens

ADA = Person("aaaaaaaaaaaaaaaa", "ada", 1, ())
WORK = tokens.WorkTokens(b"a key")


@given(st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=1, max_size=16), st.integers(0, 10**8))
def test_a_workloads_token_is_read_back_and_nothing_else_is(workload: str, attempt: int) -> None:
    token = WORK.make(workload, attempt)
    assert WORK.read(token) == (workload, attempt)
    assert tokens.WorkTokens(b"another key").read(token) is None
    assert WORK.read(token[:-1] + ("0" if token[-1] != "0" else "1")) is None
    assert WORK.read(WORK.make(workload, attempt + 1).replace(f".{attempt + 1}.", f".{attempt}.")) is None


@given(st.text(st.characters(codec="utf-8")))
def test_what_is_no_workloads_token_is_read_as_none(text: str) -> None:
    assert WORK.read(tokens.WORK_PREFIX + text) is None


def test_an_expired_token_is_no_longer_found() -> None:
    live = Tokens(90)
    moment = clock.now()
    live._live = {"old": {"expires_at": moment}, "new": {"expires_at": moment + timedelta(minutes=1)}}
    assert live.find("old") is None
    assert live.find("new") is not None
    assert "old" not in live._live


@pytest.mark.parametrize(
    ("scopes", "held"),
    [
        (["custom:himalia:read", "custom:himalia:write"], {"read", "write"}),
        (["custom:himalia:write!user=ada"], {"write"}),
        (["custom:himalia:write!user=bob"], set()),
        (["custom:himalia:write!user"], set()),
        (["custom:himalia:write!group=ada"], set()),
        (["custom:himalia:write!server=ada/"], set()),
        (["custom:himalia:write!user=ada!user=bob"], set()),
        (["custom:himalia:everything", "admin:users", "read", "custom:other:write"], set()),
    ],
)
def test_a_filtered_scope_counts_for_its_owner_alone(scopes: list[str], held: set[str]) -> None:
    assert himalia_scopes(scopes, "ada") == held


async def test_a_login_ends_after_ten_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    logins = Logins()
    login = logins.start("", "")
    assert logins.entered(ADA, login.user_code) is login
    later = clock.monotonic() + logins_module.LIFETIME_S + 1
    monkeypatch.setattr(logins_module.clock, "monotonic", lambda: later)
    with pytest.raises(Unauthenticated):
        await logins.finish(login.device_code)
    assert logins.start("", "") is not login
    assert login.device_code not in logins._by_device


async def test_a_login_is_given_out_once() -> None:
    logins = Logins()
    login = logins.start("", "")
    both = [asyncio.create_task(logins.finish(login.device_code)) for _ in range(2)]
    await asyncio.sleep(0)
    now = clock.now()
    made = NewToken(id="a", note="", scopes=["read"], project=None, created_at=now, expires_at=now, token="t")

    async def make() -> NewToken:
        return made

    await logins.approve(login, ADA, make)
    outcomes = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(type(one).__name__ for one in outcomes) == ["Login", "Unauthenticated"]


async def test_a_login_that_still_waits_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logins_module, "WAIT_S", 0.01)
    logins = Logins()
    assert await logins.finish(logins.start("", "").device_code) is None


def test_nobody_fills_the_waiting_room_alone() -> None:
    logins = Logins()
    for _ in range(logins_module.MOST_WAITING_EACH):
        logins.start("", "203.0.113.7")
    with pytest.raises(TooMany):
        logins.start("", "203.0.113.7")
    assert logins.start("", "198.51.100.1")


@given(st.text())
def test_a_name_made_from_anything_is_a_dns_label(text: str) -> None:
    made = ids.slug(text)
    for number in (1, 2, 10**6):
        assert re.fullmatch(ids.NAME_PATTERN, ids.numbered(made, number))
        assert len(ids.numbered(made, number)) <= ids.NAME_LENGTH


def test_ids_are_dns_labels_and_differ() -> None:
    made = {ids.new_id() for _ in range(2000)}
    assert len(made) == 2000
    assert all(ids.is_id(one) for one in made)


@given(st.integers(0, 2**52))
def test_a_page_goes_on_exactly_where_the_last_one_ended(micros: int) -> None:
    at = clock.from_micros(micros)
    token = next_token(3, Page(2), at, "aaaaaaaaaaaaaaaa")
    table = sa.table("t", sa.column("at"), sa.column("id"))
    query = replace(Page(2), token=token).apply(sa.select(table.c.at), table.c.at, table.c.id)
    assert at in query.compile().params.values()
