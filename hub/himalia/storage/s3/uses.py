"""When objects were last asked for: `uses/<name>`, a record for each question, with a digest in each line.

The time of a record is that of the bucket's server, as is an object's. A record makes any number of objects of
any size young again with one request; storing small ones again would take one each, copying large ones longer.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime

from himalia.storage.s3.bucket import Bucket, NoSuchKeyError

FOLDER = "uses/"
_MOST = 100_000
"""Digests in one record."""
_REMEMBERED = 100
"""Records of so few objects are kept in memory: most are of one, and each pass would read them all again."""

Each = Callable[[Callable[[str], str], Iterable[str]], Iterator[str]]


class Uses:
    """The records of one bucket; `each` is a `map`, in parallel."""

    def __init__(self, bucket: Bucket, each: Each) -> None:
        self._bucket = bucket
        self._each = each
        self._remembered: dict[str, str] = {}

    def record(self, digests: Collection[str]) -> None:
        """Note that `digests` were asked for now."""
        rest = list(digests)
        while rest:
            some, rest = rest[:_MOST], rest[_MOST:]
            key, text = FOLDER + secrets.token_hex(16), "\n".join(some)
            self._bucket.put(key, text.encode())
            self._remember(key, text)

    def since(self, oldest: datetime) -> set[str]:
        """What was asked for after `oldest`; removes the records of earlier questions."""
        young: list[str] = []
        for page in self._bucket.pages(FOLDER):
            young += [one.key for one in page if one.modified > oldest]
            old = [one.key for one in page if one.modified <= oldest]
            self._bucket.delete(old)
            for key in old:
                self._remembered.pop(key, None)
        return {digest for text in self._each(self._read, young) for digest in text.split()}

    def _read(self, key: str) -> str:
        if (known := self._remembered.get(key)) is not None:
            return known
        try:
            text = self._bucket.get(key, 0, _MOST * 65)[0].decode()
        except NoSuchKeyError:
            return ""  # another process's pass found it old
        return self._remember(key, text)

    def _remember(self, key: str, text: str) -> str:
        if text.count("\n") < _REMEMBERED:
            self._remembered[key] = text
        return text
