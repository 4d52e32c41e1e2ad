"""The table in force, read again whenever its file has changed."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from himalia.gateway.state import FILE, Table

log = logging.getLogger(__name__)


class Routing:
    """Keeps the last table that could be read: a file that cannot leaves what is served as it is."""

    def __init__(self, folder: Path) -> None:
        self.table = Table()
        self.error: str | None = None
        self._file = folder / FILE
        self._seen: tuple[int, int] | None = None

    def look(self) -> None:
        """Read the file if it is another one than last time."""
        try:
            found = self._file.stat()
        except FileNotFoundError:
            return
        if (found.st_mtime_ns, found.st_ino) != self._seen:
            self.reload()

    def reload(self) -> None:
        """Read the file; `error` says why it could not be taken over."""
        try:
            found = self._file.stat()
            self.table.replace(json.loads(self._file.read_text()))
        except (OSError, ValueError, KeyError, TypeError) as error:
            self.error = f"{type(error).__name__}: {error}"
            log.error("%s cannot be used, so what was served goes on: %s", self._file, self.error)
            return
        self._seen, self.error = (found.st_mtime_ns, found.st_ino), None

    def sweep(self, now: float) -> None:
        """Let every pool close what is old; `now` is the loop's time."""
        for revision in self.table.everyone():
            revision.pool.sweep(now)
        self.table.retiring = {one for one in self.table.retiring if one.running}
