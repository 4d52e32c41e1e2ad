"""Profiles by name, read again when their folder changed."""

from __future__ import annotations

import logging
from pathlib import Path

from himalia.core import clock
from himalia.profiles.load import load
from himalia.profiles.model import Profiles

log = logging.getLogger(__name__)

LOOK_S = 1.0
"""How long the profiles' files are taken to be unchanged."""


class ProfileFolder:
    """The profiles of a folder, as they stand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seen = self._stamp()
        self._looked = clock.monotonic()
        self._profiles = load(folder)

    def now(self) -> Profiles:
        """The profiles; a folder with a mistake in it leaves the last good ones."""
        if clock.monotonic() - self._looked < LOOK_S:
            return self._profiles
        self._looked = clock.monotonic()
        stamp = self._stamp()
        if stamp != self._seen:
            self._seen = stamp
            try:
                self._profiles = load(self.folder)
            except (ValueError, OSError) as error:
                log.error("The profiles were changed but cannot be used: %s", error)
        return self._profiles

    def _stamp(self) -> frozenset[tuple[str, int]]:
        return frozenset((path.name, path.stat().st_mtime_ns) for path in self.folder.glob("*.yaml"))
