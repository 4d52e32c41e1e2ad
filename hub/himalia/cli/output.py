"""How every command speaks: tables for people, JSON for programs, one plain sentence for a failure."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any

import typer

_UNFOLDED = 1_000_000
"""Wider than any table, in characters."""


class ExitCode(IntEnum):
    """Exit codes of all commands; `himalia --help` names them."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    NOT_HEALTHY = 3
    """`status` and `doctor`: something is not as it should be, or nothing runs."""
    INTERRUPTED = 130


class CommandError(Exception):
    """Ends a command: `message` is a sentence that says what to do."""

    def __init__(self, message: str, code: int = ExitCode.FAILURE) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home",
        envvar="HIMALIA_HOME",
        help="Folder that holds everything. [default: /var/lib/himalia for root, "
        "else himalia in the user's data folder]",
        show_default=False,
    ),
]


def say(text: str) -> None:
    """A line for people, at once."""
    print(text, flush=True)


def complain(text: str) -> None:
    """A line on standard error."""
    print(text, file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """A value for programs: indented, in UTF-8."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Rows under column titles. Text is shown as it is: no markup, no control characters.

    A terminal folds what is too wide for it; a program that reads gets each row as one line.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(str(cell))) for cell in row))
    Console(highlight=False, width=None if sys.stdout.isatty() else _UNFOLDED).print(table)


def printable(text: str) -> str:
    """`text` without what a terminal would obey."""
    return "".join(character if character.isprintable() else "�" for character in text)


def size(count: int) -> str:
    """Bytes in binary units: `1.5 GiB`."""
    value, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB"]
    while value >= 1024 and len(units) > 1:
        value /= 1024
        units.pop(0)
    return f"{value:.0f} {units[0]}" if value >= 10 or units[0] == "B" else f"{value:.1f} {units[0]}"


def duration(seconds: float) -> str:
    """A duration in its two largest units: `2 d 3 h`, `4 min 10 s`."""
    left, parts = int(seconds), []
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        if left >= length:
            parts.append(f"{left // length} {unit}")
            left %= length
    return " ".join(parts[:2]) or "0 s"
