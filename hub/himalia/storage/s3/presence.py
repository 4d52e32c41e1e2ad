"""Whether the server is there.

A call that fails has tried for a quarter of a minute. While the server is known to be away, one caller at a time may
try so long, and the others are told at once: else they would soon hold all threads of the service.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from himalia.storage.errors import StoreUnavailableError


class AwayError(StoreUnavailableError):
    """The server did not answer, or could not work."""


class Presence:
    """What the last calls to one server have shown."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._away: str | None = None
        self._is_probed = False

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Around a call, which raises AwayError where the server is away. Raises that by itself, too."""
        with self._lock:
            probes = self._away is not None
            if self._away is not None:
                if self._is_probed:
                    raise AwayError(self._away)
                self._is_probed = True
        away = None
        try:
            yield
        except AwayError as error:
            away = error.message
            raise
        finally:
            with self._lock:
                self._away = away
                if probes:
                    self._is_probed = False
