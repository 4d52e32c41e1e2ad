"""What a workload prints: decoded, masked, capped, and kept where the service can read it later.

The kept text is the beginning (``limit`` less ``tail`` bytes), one line that says how much was left out, and the
end (at most ``tail`` bytes), all valid UTF-8. Offsets and sizes count the bytes of that text.
"""

from __future__ import annotations

import codecs
import collections
import contextlib
import os
import re
from typing import Deque, Iterable, Optional, Set

from himalia.runner import words

MASK = "[secret]"
_Decoder = codecs.getincrementaldecoder("utf-8")
TAIL_BYTES = 1 << 20
_SHORTEST_SECRET = 4
_SHORTEST_SECRET_LINE = 8
#: Room within the limit for the line that tells what was left out.
_NOTICE_BYTES = 200
#: Shorter pieces of the end are joined, so that single bytes do not cost sixty each.
_SMALLEST_PIECE = 4096


class Masker:
    """Replaces secret values in a stream of text, also where a value is split over two pieces."""

    def __init__(self, secrets: Iterable[str]) -> None:
        values: Set[str] = set()
        for secret in secrets:
            lines = [line.strip() for line in secret.splitlines()]
            values.update(value for value in (secret, secret.strip()) if len(value) >= _SHORTEST_SECRET)
            if len(lines) > 1:  # a key file is often printed line by line
                values.update(line for line in lines if len(line) >= _SHORTEST_SECRET_LINE)
        self._values = sorted(values, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, self._values))) if values else None
        self._held = ""

    def feed(self, text: str, final: bool = False) -> str:
        """``text`` with secrets replaced; an end that may begin a secret is held back until more is known."""
        if self._pattern is None:
            return text
        text = self._held + text
        self._held = ""
        pieces = []
        position = 0
        for match in self._pattern.finditer(text):
            if not final and self._may_grow(text[match.start() :]):
                break
            pieces += [text[position : match.start()], MASK]
            position = match.end()
        rest = text[position:]
        if not final:
            keep = self._prefix_at_end(rest)
            self._held, rest = rest[keep:], rest[:keep]
        return "".join(pieces) + rest

    def _may_grow(self, text: str) -> bool:
        """Whether ``text`` is the beginning of a value longer than itself."""
        return any(len(value) > len(text) and value.startswith(text) for value in self._values)

    def _prefix_at_end(self, text: str) -> int:
        """Where the longest end of ``text`` begins that is a proper beginning of a value."""
        start = len(text)
        for value in self._values:
            position = text.find(value[0], max(len(text) - len(value) + 1, 0))
            while 0 <= position < start:
                if value.startswith(text[position:]):
                    start = position
                    break
                position = text.find(value[0], position + 1)
        return start


class LogCapture:
    """One workload's log: bytes in, capped UTF-8 in the file ``path`` out.

    The file appears with the first byte. ``size`` is how much of the kept text can be read now.
    """

    def __init__(self, path: str, limit: int, secrets: Iterable[str] = (), tail: int = TAIL_BYTES) -> None:
        tail = min(tail, limit // 2)
        self._path = path
        self._head_bytes = max(limit - tail - _NOTICE_BYTES, 0)
        self._tail_bytes = tail
        self._decoder = _Decoder("replace")
        self._masker = Masker(secrets)
        self._tail: Deque[bytes] = collections.deque()
        self._in_tail = 0
        self._file: Optional[int] = None
        self._capped = False
        self.size = 0
        self.dropped = 0

    def adopt(self) -> None:
        """Make readable what an earlier runner left in the file."""
        if os.path.exists(self._path):
            self.size = os.path.getsize(self._path)

    def write(self, data: bytes) -> None:
        """Take what the workload printed."""
        self._keep(self._masker.feed(self._decoder.decode(data)))

    def close(self) -> None:
        """Take nothing more; the notice and the end of the text are readable after this."""
        self._keep(self._masker.feed(self._decoder.decode(b"", True), final=True))
        end = b"".join(self._tail)
        self._tail.clear()
        if self.dropped:
            notice = f"\n[himalia: {words.size(self.dropped)} of output were left out here]\n"
            self._append(notice.encode())
        self._append(end)
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def read(self, offset: int, count: int) -> bytes:
        """At most ``count`` bytes of whole characters from ``offset``; empty at the end."""
        if offset >= self.size:
            return b""
        try:
            with open(self._path, "rb") as stream:
                stream.seek(offset)
                data = stream.read(min(count, self.size - offset))
        except OSError:
            data = b""
        if not data:  # user code runs as the same user: it has deleted or cut the file
            self.dropped += self.size - offset
            self.size = offset
        return data if offset + len(data) >= self.size else whole_characters(data)

    def remove(self) -> None:
        """Delete the file."""
        if self.size:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path)

    def _keep(self, text: str) -> None:
        if not text:
            return
        data = text.encode("utf-8", "replace")
        if not self._capped:
            room = self._head_bytes - self.size
            if len(data) <= room:
                self._append(data)
                return
            head = whole_characters(data[:room])
            self._append(head)
            data = data[len(head) :]
            self._capped = True
        if self._tail and len(self._tail[-1]) < _SMALLEST_PIECE:
            self._tail[-1] += data
        else:
            self._tail.append(data)
        self._in_tail += len(data)
        self._shorten_tail()

    def _shorten_tail(self) -> None:
        while self._in_tail > self._tail_bytes:
            surplus = self._in_tail - self._tail_bytes
            first = self._tail.popleft()
            if len(first) > surplus:
                while surplus < len(first) and first[surplus] & 0xC0 == 0x80:
                    surplus += 1
                self._tail.appendleft(first[surplus:])
                first = first[:surplus]
            self._in_tail -= len(first)
            self.dropped += len(first)

    def _append(self, data: bytes) -> None:
        if not data:
            return
        try:
            if self._file is None:
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
                self._file = os.open(self._path, flags, 0o600)
            written = os.write(self._file, data)
            if written < len(data):
                written = len(whole_characters(data[:written]))
                os.ftruncate(self._file, self.size + written)
        except OSError:  # a full disk must not end the workload; what is lost is counted
            written = 0
        self.size += written
        self.dropped += len(data) - written


def whole_characters(data: bytes) -> bytes:
    """``data``, a beginning of valid UTF-8, without a character that is cut at its end."""
    end = len(data)
    for back in range(1, min(4, end) + 1):
        byte = data[end - back]
        if byte & 0xC0 != 0x80:
            length = 1 if byte < 0x80 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return data[: end - back] if length > back else data
    return data
