"""A small event loop: one thread, readiness of descriptors, nothing else."""

from __future__ import annotations

import selectors
from typing import Any, Callable


class Loop:
    """Calls back when a descriptor is ready."""

    def __init__(self) -> None:
        self._selector = selectors.EpollSelector()

    def watch(self, file: Any, callback: Callable[[], None]) -> None:
        """Call ``callback`` whenever ``file`` can be read."""
        self._selector.register(file, selectors.EVENT_READ, callback)

    def watch_writing(self, file: Any, wanted: bool) -> None:
        """Also call back when ``file``, which is watched, can be written, or no longer."""
        key = self._selector.get_key(file)
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if wanted else 0)
        if key.events != events:
            self._selector.modify(file, events, key.data)

    def unwatch(self, file: Any) -> None:
        """Forget ``file``, which must still be open."""
        self._selector.unregister(file)

    def run_once(self, timeout: float) -> None:
        """Wait for the first ready descriptor, at most ``timeout`` seconds, and call back for all ready ones."""
        for key, _ in self._selector.select(timeout):
            # An earlier callback of this round may have closed it, or its number may mean another file now.
            if self._selector.get_map().get(key.fd) is key:
                key.data()

    def close(self) -> None:
        self._selector.close()
