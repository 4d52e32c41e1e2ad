"""Server-sent events, whatever the pieces they come in."""

from __future__ import annotations

import pytest

from himalia.client.sse import LARGEST, Message, Parser

STREAM = (
    "\ufeff: a comment\n\n"
    'data: {"a": 1}\n\n'
    "id: 7\r\nevent: ended\r\ndata:two\r\ndata: lines — ü\r\n\r\n"
    "data\rdata: after a carriage return\r\r"
    "id: 8\nretry: 10\nunknown: x\n\n"
    "data: keeps the id\n\n"
    "data: unfinished"
).encode()
EXPECTED = [
    Message('{"a": 1}'),
    Message("two\nlines — ü", "ended", "7"),
    Message("\nafter a carriage return", id="7"),
    Message("keeps the id", id="8"),
]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 10_000])
def test_events_are_the_same_in_pieces_of_any_size(size: int) -> None:
    found: list[Message] = []
    parser = Parser()
    for start in range(0, len(STREAM), size):
        found += parser.feed(STREAM[start : start + size])
    assert found == EXPECTED


def test_an_endless_event_is_refused() -> None:
    line, parser = b"data: " + b"x" * (LARGEST // 2) + b"\n", Parser()
    assert list(parser.feed(line)) == []
    with pytest.raises(ValueError, match="too large"):
        list(parser.feed(line + b"data: x\n"))


def test_an_id_with_a_nul_is_ignored() -> None:
    assert list(Parser().feed(b"id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n"))[-1].id == "1"
