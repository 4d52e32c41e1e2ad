"""What the commands that call a platform share: options, the client, and failures in words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from himalia.cli.output import CommandError, duration, printable

if TYPE_CHECKING:
    from himalia.client import Client

ProjectOption = Annotated[
    str | None,
    typer.Option("--project", help="Project. [default: himalia.toml's, HIMALIA_PROJECT or your own]"),
]


@contextmanager
def in_words() -> Iterator[None]:
    """Turn the client's failures into one sentence and an exit code."""
    from himalia.client.errors import HimaliaError
    from himalia.client.snapshot import SnapshotError

    try:
        yield
    except (HimaliaError, SnapshotError) as error:
        words = str(error).replace("cascade=true", "--cascade")  # the service speaks of the API's parameter
        lines = [printable(line) for line in words.splitlines()]
        raise CommandError("\n".join(lines)) from error


@contextmanager
def connected(project: str | None = None) -> Iterator[Client]:
    """The client of the current platform and project."""
    from himalia.client import Client

    with in_words(), Client(project=project) as client:
        yield client


def pairs(texts: Sequence[str], option: str, form: str = "NAME=VALUE") -> dict[str, str]:
    """`KEY=VALUE` options as a mapping; without an `option` they are arguments."""
    found = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not separator or not key:
            raise typer.BadParameter(f"{text!r} is not of the form {f'{option} {form}'.strip()}.")
        found[key] = value
    return found


def parameters(texts: Sequence[str]) -> dict[str, Any]:
    """`-p NAME=VALUE` options: a value that is JSON is taken as JSON, any other as text."""
    return {name: _json_or_text(value) for name, value in pairs(texts, "-p").items()}


def _json_or_text(value: str) -> Any:
    try:
        # NaN and Infinity are Python's, not JSON's: they stay text.
        return json.loads(value, parse_constant=lambda _: value)
    except ValueError:
        return value


def ago(at: datetime | None) -> str:
    """How long ago something was."""
    if at is None:
        return ""
    seconds = (datetime.now(UTC) - at).total_seconds()
    return "now" if seconds < 1 else f"{duration(seconds).split(' ', 2)[0]} {_unit(seconds)} ago"


def _unit(seconds: float) -> str:
    return duration(seconds).split(" ")[1]


_HARMLESS = re.compile(r"\x1b\[[0-9;:]*m|[\n\t\r]|[^\x00-\x1f\x7f-\x9f]")
_UNFINISHED = re.compile(r"\x1b(\[[0-9;:]{0,30})?$")


class TerminalText:
    """Text from elsewhere for a terminal: colours stay, and nothing else that a terminal would obey."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        """What of `text` may be shown; a sequence that is cut off waits for its rest."""
        text = self._held + text
        cut = _UNFINISHED.search(text)
        self._held = cut.group() if cut else ""
        return "".join(_HARMLESS.findall(text[: len(text) - len(self._held)]))
