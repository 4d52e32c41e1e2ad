"""Keeping the partly-run notebook safe on disk while it runs."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

from nbformat import NotebookNode, v4

_v4: Any = v4  # it has no annotations
#: After a cell; of short cells, several are saved together.
_AFTER_CELL_S = 0.05
_PERIOD_S = 2.0
#: Saving shall not take more than a tenth of the time.
_SHARE = 10


class Saver:
    """Writes ``notebook`` to ``path``, always whole: a reader sees the old or the new one."""

    def __init__(self, notebook: NotebookNode, path: Path) -> None:
        self._notebook = notebook
        self._path = path
        self._temporary = path.with_name(f".{path.name}.saving")
        self._period = _PERIOD_S
        self._handle: asyncio.TimerHandle | None = None
        path.parent.mkdir(exist_ok=True)  # notebooks count on it

    def save(self) -> None:
        """Write it now."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        begun = time.monotonic()
        self._path.parent.mkdir(exist_ok=True)
        text: str = _v4.writes(self._notebook)
        self._temporary.write_text(text + "\n", encoding="utf-8", errors="replace")
        os.replace(self._temporary, self._path)
        self._period = max(_PERIOD_S, (time.monotonic() - begun) * _SHARE)

    def soon(self) -> None:
        """Write it within two seconds, together with what changes until then."""
        self._within(self._period)

    def after_cell(self) -> None:
        """Write it within a twentieth of a second."""
        self._within(_AFTER_CELL_S)

    def _within(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        if self._handle is not None:
            if self._handle.when() <= loop.time() + seconds:
                return
            self._handle.cancel()
        self._handle = loop.call_later(seconds, self._due)

    def _due(self) -> None:
        self._handle = None
        self.save()
