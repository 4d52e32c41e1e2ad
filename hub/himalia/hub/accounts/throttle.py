"""How often a password or code may be tried."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

_FORGET_S = 3600.0


@dataclass
class _Failures:
    count: int = 0
    last: float = 0.0
    until: float = 0.0


class Throttle:
    """After `free` failures a key waits 1 s, then 2 s, 4 s, … up to `longest_s`.

    A key is forgotten an hour after its last failure, or, oldest first, when there are more than `keys`.
    """

    def __init__(
        self,
        free: int,
        longest_s: float,
        *,
        keys: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._free = free
        self._longest_s = longest_s
        self._keys = keys
        self._clock = clock
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def wait_s(self, key: str) -> float:
        """Seconds until `key` may be tried again; 0 when it may now."""
        failures = self._failures.get(key)
        return max(0.0, failures.until - self._clock()) if failures else 0.0

    def failed(self, key: str) -> None:
        """Count a failure."""
        now = self._clock()
        failures = self._failures.setdefault(key, _Failures())
        self._failures.move_to_end(key)
        if now - failures.last > _FORGET_S:
            failures.count = 0
        failures.count += 1
        failures.last = now
        beyond = failures.count - self._free
        if beyond >= 0:
            failures.until = now + min(self._longest_s, 2.0 ** min(beyond, 20))
        while len(self._failures) > self._keys:
            self._failures.popitem(last=False)

    def taken_back(self, key: str) -> None:
        """What was counted as a failure was none; those before it still count."""
        failures = self._failures.get(key)
        if failures is not None:
            failures.count = max(0, failures.count - 1)
            failures.until = 0.0

    def cleared(self, key: str) -> None:
        """Forget `key`'s failures."""
        self._failures.pop(key, None)
