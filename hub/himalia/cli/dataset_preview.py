"""What there is to see in a version, as lines and tables for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from himalia.cli.output import print_table, printable, say, size

MOST_LABELS = 12
MOST_COLUMNS = 30


def show_preview(seen: Mapping[str, Any]) -> None:
    """Print a preview: its kind, then what it has of pictures, tables and texts, then what is to be said of it."""
    files = seen["files"]
    kinds = ", ".join(
        f"{one['files']:,} {printable(one['name']) or 'without an ending'}" for one in files["types"]
    )
    say(f"{seen['kind']}: {files['count']:,} files, {size(files['size'])} ({kinds})")
    if seen.get("images"):
        _pictures(seen["images"])
    for table in seen.get("tables", ()):
        _table(table)
    for text in seen.get("texts", ()):
        first = next((line for line in text["text"].splitlines() if line.strip()), "")
        say(f"\n{printable(text['path'])}: {printable(first[:100])}")
    for one in seen.get("unreadable", ()):
        say(f"\n{printable(one['path'])}: {printable(one['why'])}")
    for note in seen.get("notes", ()):
        say(f"\n{printable(note)}")


def _pictures(images: Mapping[str, Any]) -> None:
    sizes = ", ".join(str(one["value"]) for one in images["sizes"][:3])
    say(f"\nPictures: {images['count']:,}, {sizes} pixels")
    if images["labels"]:
        shown = [f"{printable(str(one['value']))} {one['count']:,}" for one in images["labels"][:MOST_LABELS]]
        more = len(images["labels"]) - len(shown)
        say(f"Labels: {', '.join(shown)}{f' and {more} more' if more else ''}")


def _table(table: Mapping[str, Any]) -> None:
    rows = "unknown" if table["rows"] is None else f"{table['rows']:,}"
    say(f"\n{printable(table['path'])}: {rows} rows")
    print_table(
        ("COLUMN", "TYPE", "EMPTY", "DISTINCT", "VALUES"),
        [
            (
                one["name"],
                one["type"],
                one["nulls"],
                "" if one["distinct"] is None else one["distinct"],
                _values(one),
            )
            for one in table["columns"][:MOST_COLUMNS]
        ],
    )
    if (more := len(table["columns"]) - MOST_COLUMNS) > 0:
        say(f"and {more:,} more columns; --json has all that were looked at")
    for note in table["notes"]:
        say(printable(note))


def _values(column: Mapping[str, Any]) -> str:
    if column["min"] is not None:
        return f"{column['min']} to {column['max']}"
    return ", ".join(str(one["value"]) for one in column["top"][:5])
