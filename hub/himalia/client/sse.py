"""Server-sent events, from bytes as they come (WHATWG HTML, "Server-sent events")."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass

LARGEST = 16 * 2**20


@dataclass(frozen=True)
class Message:
    """One event. `id` is that of the last event that had one."""

    data: str
    event: str = "message"
    id: str | None = None


class Parser:
    """Feed it the stream piece by piece. Raises ValueError for a single event of over 16 MiB."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._rest = ""
        self._data: list[str] = []
        self._event = ""
        self._id: str | None = None

    def feed(self, piece: bytes) -> Iterator[Message]:
        """The events that are complete with this piece."""
        text = self._rest + self._decoder.decode(piece)
        # A carriage return at the very end may be the first half of a line's end.
        held = "\r" if text.endswith("\r") else ""
        text = text[: len(text) - len(held)].replace("\r\n", "\n").replace("\r", "\n")
        *lines, rest = text.split("\n")
        self._rest = rest + held
        for line in lines:
            message = self._line(line)
            if message is not None:
                yield message
        if len(self._rest) + sum(map(len, self._data)) > LARGEST:
            raise ValueError("an event of the stream is too large")

    def _line(self, line: str) -> Message | None:
        if not line:
            return self._dispatch()
        field, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if field == "data":
            self._data.append(value)
        elif field == "event":
            self._event = value
        elif field == "id" and "\0" not in value:
            self._id = value
        return None

    def _dispatch(self) -> Message | None:
        data, event = self._data, self._event
        self._data, self._event = [], ""
        return Message("\n".join(data), event or "message", self._id) if data else None
