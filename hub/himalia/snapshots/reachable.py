"""What trees keep alive, without reading each of them again in every pass."""

from __future__ import annotations

import logging
from collections.abc import Set

from himalia.storage.errors import StorageError
from himalia.storage.trees import Readable, TreeError, reachable

log = logging.getLogger(__name__)

KEPT_BYTES = 32 << 20
"""What is remembered from one pass to the next: the digests of a million files."""
_DIGITS = 64


class Reachable:
    """Remembers what it found in the trees of the last pass, since trees never change."""

    def __init__(self, store: Readable, kept_bytes: int = KEPT_BYTES) -> None:
        self.store = store
        self.kept_bytes = kept_bytes
        self._known: dict[str, bytes] = {}

    def of(self, trees: Set[str]) -> set[str]:
        """The digests of trees and of all their files. One that cannot be read is passed over, and said."""
        live, known, room = set(trees), {}, self.kept_bytes
        for tree in trees:
            try:
                packed = self._known.get(tree) or bytes.fromhex("".join(reachable([tree], self.store)))
            except (StorageError, TreeError) as error:
                log.error("The list of files %s, which is in use, cannot be read: %s", tree, error)
                continue
            text = packed.hex()
            live.update(text[start : start + _DIGITS] for start in range(0, len(text), _DIGITS))
            if len(packed) <= room:
                known[tree] = packed
                room -= len(packed)
        self._known = known
        return live
