"""The outermost layer by itself: bodies that come slowly or not at all, and failures that nobody expected."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, ClassVar

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from himalia import http
from himalia.core.schema import PATTERN_WORDS
from himalia.core.telemetry import Telemetry
from himalia.http import Outer, _Body, _BodyError

ROOT = Path(__file__).parents[2]


class Nothing:
    """A board on which nothing runs."""

    active: ClassVar[dict[str, Any]] = {}


def scope(method: str = "POST", path: str = "/services/himalia/api/v1/projects") -> Scope:
    return {"type": "http", "method": method, "path": path, "query_string": b"", "headers": []}


async def answered(app: Any, received: Receive, place: Scope) -> list[Message]:
    """What the outer layer sends around `app`."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await Outer(app, 1000, Telemetry(Nothing()))(place, received, send)
    return sent


async def never() -> Message:
    await asyncio.sleep(3600)
    raise AssertionError


async def test_a_body_that_stops_coming_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "BODY_PAUSE_S", 0.01)
    with pytest.raises(_BodyError) as refused:
        await _Body(never, 1000, scope())()
    assert refused.value.error.status == 408


async def test_a_body_in_many_small_pieces_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "JSON_BODY_S", 0.0)

    async def drip() -> Message:
        return {"type": "http.request", "body": b" ", "more_body": True}

    with pytest.raises(_BodyError) as refused:
        await _Body(drip, 1000, scope())()
    assert refused.value.error.status == 408


async def test_after_the_body_one_may_wait_for_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "BODY_PAUSE_S", 0.01)
    messages = [{"type": "http.request", "body": b"x", "more_body": False}]

    async def then_silence() -> Message:
        if messages:
            return messages.pop()
        await asyncio.sleep(0.05)
        return {"type": "http.disconnect"}

    receive = _Body(then_silence, 1000, scope())
    assert (await receive())["body"] == b"x"
    assert (await receive())["type"] == "http.disconnect"


async def test_what_nobody_expected_is_a_sentence_with_a_number_to_tell(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise RuntimeError("the secret inside")

    start, body = await answered(broken, never, scope())
    identifier = dict(start["headers"])[b"x-request-id"].decode()
    assert start["status"] == 500
    error = json.loads(body["body"])["error"]
    assert identifier in error["message"]
    assert "secret" not in error["message"]
    assert "A request failed" in caplog.text


async def test_who_hangs_up_is_no_failure_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    async def hung_up(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise ClientDisconnect

    assert await answered(hung_up, never, scope()) == []
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("method", "path", "limit"),
    [
        ("PUT", "/services/himalia/api/v1/projects/p/objects/abc", None),
        ("PUT", "/services/himalia/api/v1/workloads/w/outputs/a/b", None),
        ("POST", "/services/himalia/api/v1/projects/p/snapshots", 20_000),
        ("POST", "/services/himalia/api/v1/projects/p/objects/abc", 1000),
        ("POST", "/services/himalia/api/v1/projects/objects/jobs", 1000),
        ("PUT", "/services/himalia/api/v1/projects/p/secrets/outputs", 1000),
        ("POST", "/services/himalia/login", 1000),
    ],
)
def test_only_uploads_have_no_limit_here(method: str, path: str, limit: int | None) -> None:
    outer = Outer(never, 1000, Telemetry(Nothing()))  # type: ignore[arg-type]
    assert outer._limit(scope(method, path)) == limit


def patterns(part: Any) -> set[str]:
    """Every pattern that a value of the API has to match, in the checked-in description."""
    if isinstance(part, dict):
        own = {part["pattern"]} if isinstance(part.get("pattern"), str) else set()
        return own.union(*map(patterns, part.values()))
    return set().union(*map(patterns, part)) if isinstance(part, list) else set()


def test_every_pattern_has_words_for_people() -> None:
    document = json.loads((ROOT / "docs" / "api" / "openapi.json").read_text())
    assert patterns(document) - PATTERN_WORDS.keys() == set()
