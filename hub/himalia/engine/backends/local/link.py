"""The service's end of the runner protocol: one connection to one resident runner.

What is sent while the connection is away waits; `start` and `stop` may be sent twice, the runner knows.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from himalia.core.unix import connected
from himalia.engine.backends.base import Batch, Ended, Recalled, Report
from himalia.engine.backends.reports import report_of

log = logging.getLogger(__name__)

VERSION = 1
HELLO_S = 10.0
LINE_LIMIT = 32 * 2**20
READ_BYTES = 2**18


class LinkError(Exception):
    """The runner did not answer as one of ours."""


@dataclass(slots=True)
class _Taken:
    """Reports that came together, up to the number `last`."""

    last: int
    stored: bool = False


class RunnerLink:
    """Sends starts and stops, yields batches of reports; reconnecting is the backend's affair."""

    def __init__(self, socket: Path, token: str, take: Callable[[Batch], None]) -> None:
        self.socket = socket
        self._token = token
        self._take = take
        self._writer: asyncio.StreamWriter | None = None
        self._pending: list[bytes] = []
        self._flushing = False
        self._taken: deque[_Taken] = deque()
        self.running: set[str] = set()

    @property
    def connected(self) -> bool:
        return self._writer is not None and not self._writer.is_closing()

    async def connect(self) -> asyncio.StreamReader:
        """Open the connection and exchange hellos. Raises OSError or LinkError."""
        opened = connected(self.socket)
        reader, writer = await asyncio.open_unix_connection(sock=opened, limit=LINE_LIMIT)
        writer.write(_line({"op": "hello", "version": VERSION, "token": self._token}))
        try:
            hello = json.loads(await asyncio.wait_for(reader.readline(), HELLO_S))
        except (ValueError, TimeoutError) as error:
            writer.close()
            raise LinkError("The runner did not say hello.") from error
        if not isinstance(hello, dict) or hello.get("op") != "hello" or hello.get("version") != VERSION:
            writer.close()
            raise LinkError("The runner is of another version.")
        self.running = {str(name) for name in hello.get("running", [])}
        self._writer = writer
        self._flush()
        return reader

    async def listen(self, reader: asyncio.StreamReader) -> None:
        """Take reports until the connection ends."""
        rest = b""
        while data := await reader.read(READ_BYTES):
            lines = (rest + data).split(b"\n")
            rest = lines.pop()
            if len(rest) > LINE_LIMIT:
                raise LinkError("The runner sent a line without end.")
            self._take_lines(lines)

    def _take_lines(self, lines: list[bytes]) -> None:
        reports: list[Report] = []
        last = 0
        for line in lines:
            if not line:
                continue
            message = json.loads(line)
            last = max(last, int(message.get("n", 0)))
            report = report_of(message)
            if report is not None:
                reports.append(report)
        names = [report.name for report in reports if isinstance(report, Ended | Recalled)]
        if last:
            taken = _Taken(last)
            self._taken.append(taken)
            self._take(Batch(reports, lambda: self._durable(taken, names)))

    def _durable(self, taken: _Taken, ended: list[str]) -> None:
        """Acknowledge what is stored without a gap: an acknowledgement counts for all that came before, too."""
        taken.stored = True
        upto = 0
        while self._taken and self._taken[0].stored:
            upto = self._taken.popleft().last
        if upto:
            self.send({"op": "ack", "upto": upto})
        if ended:
            self.running.difference_update(ended)
            self.send({"op": "forget", "names": ended})

    def send(self, message: dict[str, Any]) -> None:
        """Queue a message; all of one turn of the event loop go out together."""
        self._pending.append(_line(message))
        if not self._flushing and self.connected:
            self._flushing = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        if self._writer is not None and not self._writer.is_closing() and self._pending:
            data, self._pending = b"".join(self._pending), []
            self._writer.write(data)

    def drop(self) -> None:
        """Close the connection; the runner goes on."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"
