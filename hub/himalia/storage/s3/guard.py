"""Keeps a collection from removing what this process stores, or reports present, while it runs.

S3 has no lock, and an object that is stored once more looks no different from the old one. The platform's one
service is the only process that stores and collects, so it is enough that its threads agree.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager


class Guard:
    """Who uses which objects now, and which are being removed."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._collecting = threading.Lock()
        self._used: Counter[str] = Counter()
        self._touched: set[str] | None = None
        """What was in use since the collection began that runs now."""
        self._dying: frozenset[str] = frozenset()

    @contextmanager
    def using(self, digests: Collection[str]) -> Iterator[None]:
        """Inside, and for the collection that runs now, none of `digests` is removed."""
        with self._changed:
            self._changed.wait_for(lambda: self._dying.isdisjoint(digests))
            self._used.update(digests)
        try:
            yield
        finally:
            with self._changed:
                for digest in digests:
                    if self._used[digest] == 1:
                        del self._used[digest]
                    else:
                        self._used[digest] -= 1
                if self._touched is not None:
                    self._touched.update(digests)

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """A collection, from before it looks at anything; one after the other."""
        with self._collecting:
            with self._changed:
                self._touched = set()
            try:
                yield
            finally:
                with self._changed:
                    self._touched = None

    @contextmanager
    def removing(self, digests: Collection[str]) -> Iterator[frozenset[str]]:
        """Those of `digests` that nobody uses: inside, whoever wants to waits. Only while `collecting`."""
        with self._changed:
            touched = self._touched or set()
            self._dying = frozenset(d for d in digests if d not in self._used and d not in touched)
        try:
            yield self._dying
        finally:
            with self._changed:
                self._dying = frozenset()
                self._changed.notify_all()
