"""Numbered reports on their way to the service.

A report gets its number when it is handed out to be sent, and is kept until it is acknowledged. What is not yet
numbered stays where it came from, a log file for instance, so that a service that is away costs no memory.
"""

from __future__ import annotations

import collections
from typing import Any, Deque, Dict, Iterator, Tuple

from himalia.runner import lines

_MOST_REPORTS = 4096
_MOST_BYTES = 4 << 20


class Outbox:
    """``next`` is the number of the next report; numbers have no gaps over the runner's life."""

    def __init__(self) -> None:
        self.next = 1
        self._kept: Deque[Tuple[int, bytes]] = collections.deque()
        self._bytes = 0

    @property
    def full(self) -> bool:
        """Whether so much is unacknowledged that nothing more should be added now."""
        return len(self._kept) >= _MOST_REPORTS or self._bytes >= _MOST_BYTES

    @property
    def empty(self) -> bool:
        """Whether everything that was handed out is acknowledged."""
        return not self._kept

    def add(self, report: Dict[str, Any]) -> bytes:
        """Number ``report``, keep it, and answer its line."""
        return self.add_encoded(lines.encode(report))

    def add_encoded(self, report: bytes) -> bytes:
        """The same for a report that is a line already."""
        line = b'{"n":%d,' % self.next + report[1:]
        self._kept.append((self.next, line))
        self._bytes += len(line)
        self.next += 1
        return line

    def acknowledge(self, upto: int) -> None:
        """Drop the reports with numbers up to and including ``upto``."""
        while self._kept and self._kept[0][0] <= upto:
            self._bytes -= len(self._kept.popleft()[1])

    def unacknowledged(self) -> Iterator[bytes]:
        """The lines to send again after a reconnect, in order."""
        return (line for _, line in self._kept)
