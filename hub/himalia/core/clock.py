"""The one source of time. Everything stored is UTC."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)


def now() -> datetime:
    """The current moment, in UTC, to the microsecond."""
    return datetime.now(UTC)


def from_epoch(seconds: float) -> datetime:
    """A moment from seconds since 1970-01-01T00:00:00Z."""
    return datetime.fromtimestamp(seconds, UTC)


def to_micros(moment: datetime) -> int:
    """Whole microseconds since the epoch; exact, which a float of seconds is not."""
    return (moment - _EPOCH) // _MICRO


def from_micros(micros: int) -> datetime:
    """The inverse of `to_micros`. Raises OverflowError beyond the year 9999."""
    return _EPOCH + timedelta(microseconds=micros)


def monotonic() -> float:
    """Seconds that only grow, for measuring durations."""
    return time.monotonic()
