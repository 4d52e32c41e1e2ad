"""What a terminal shows while something lasts: on standard error, and nothing where that is no terminal."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from himalia.cli.output import printable

if TYPE_CHECKING:
    from himalia.client.dataset_imports import Told
    from himalia.client.dataset_upload import Progress

SOON_S = 0.5
"""What ends before is not worth a line."""


@contextmanager
def waiting(words: str, wanted: bool = True) -> Iterator[Told | None]:
    """A line that moves, from half a second on; what is given is called with other words, and the part done."""
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True)
    if not wanted or not console.is_terminal:
        yield None
        return
    line = console.status(Text(printable(words)))
    over, lock = False, threading.Lock()

    def begin() -> None:
        with lock:
            if not over:
                line.start()

    def tell(words: str, fraction: float | None = None) -> None:
        done = "" if fraction is None else f" ({fraction:.0%})"
        line.update(Text(printable(words) + done))

    soon = threading.Timer(SOON_S, begin)
    soon.daemon = True
    soon.start()
    try:
        yield tell
    finally:
        soon.cancel()
        with lock:
            over = True
            line.stop()


@contextmanager
def bar(wanted: bool = True) -> Iterator[Progress | None]:
    """A bar of bytes; what is given is called with what has been sent or has come."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    console = Console(stderr=True)
    if not wanted or not console.is_terminal:
        yield None
        return
    columns = BarColumn(), DownloadColumn(binary_units=True), TransferSpeedColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True) as shown:
        task = shown.add_task("", total=None)
        yield lambda sent: shown.update(task, total=sent.size, completed=sent.size_done)
