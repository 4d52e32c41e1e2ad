"""Metrics of one workload between its ``himalia.run.log`` and their report, in a file once there are many."""

from __future__ import annotations

import contextlib
import json
import math
import os
from typing import IO, Any, List, Optional, Tuple

_IN_MEMORY = 2000
_MOST_BYTES = 256 << 20
_LONGEST_NAME = 250
_NOT_FINITE = ("nan", "inf", "-inf")

Item = Tuple[str, int, Any, float]


class BadMetric(Exception):
    """What cannot be a metric; the text is a sentence."""


def check(item: object) -> Item:
    """``item`` as ``(metric, step, value, at)``, a value that is not finite as ``"nan"``, ``"inf"`` or ``"-inf"``.

    JSON (RFC 8259) has no such numbers. Raises BadMetric.
    """
    if not isinstance(item, list) or len(item) != 4:
        raise BadMetric("A metric is a list of name, step, value and time.")
    name, step, value, at = item
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME:
        raise BadMetric(f"The name of a metric is text of 1 to {_LONGEST_NAME} characters.")
    if isinstance(step, bool) or not isinstance(step, int) or abs(step) >= 1 << 63:
        raise BadMetric(f"The step of the metric {name!r} is not a whole number.")
    if isinstance(value, bool) or not (value in _NOT_FINITE or isinstance(value, (int, float))):
        raise BadMetric(f"The value of the metric {name!r} is not a number.")
    try:
        number = float(value)
    except OverflowError:
        raise BadMetric(f"The value of the metric {name!r} is too large.") from None
    if not isinstance(at, (int, float)) or isinstance(at, bool) or not math.isfinite(at):
        raise BadMetric(f"The time of the metric {name!r} is not a number of seconds.")
    return name, step, number if math.isfinite(number) else str(number), float(at)


class MetricSpool:
    """First in, first out; beyond 2,000 items the rest waits in the file ``path``."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._memory: List[Item] = []
        self._file: Optional[IO[bytes]] = None
        self._read = self._written = 0

    def __bool__(self) -> bool:
        return bool(self._memory) or self._read < self._written

    def add(self, items: List[Item]) -> None:
        """Raises BadMetric when too many wait already, which only happens while the service is away."""
        if self._file is None and len(self._memory) + len(items) <= _IN_MEMORY:
            self._memory += items
            return
        if self._file is None:
            self._file = open(self._path, "w+b")  # noqa: SIM115  (closed by remove)
        if self._written >= _MOST_BYTES:
            raise BadMetric("Too many metrics wait to be stored: log less often.")
        self._file.seek(self._written)
        data = b"".join(json.dumps(item).encode() + b"\n" for item in items)
        self._file.write(data)
        self._written += len(data)

    def take(self, count: int) -> List[Item]:
        """Remove and answer at most ``count`` items, oldest first."""
        if self._memory:
            taken, self._memory = self._memory[:count], self._memory[count:]
            return taken
        if self._file is None:
            return []
        self._file.seek(self._read)
        lines = [line for line in (self._file.readline() for _ in range(count)) if line]
        self._read += sum(map(len, lines))
        if self._read >= self._written:
            self.remove()
        return [tuple(json.loads(line)) for line in lines]

    def remove(self) -> None:
        """Drop everything, the file included."""
        self._memory = []
        if self._file is not None:
            self._file.close()
            self._file = None
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path)
        self._read = self._written = 0
