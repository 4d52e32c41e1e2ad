"""What commands show while something lasts, and how much of what is long."""

from __future__ import annotations

import io
import sys
import time
from typing import Any

import pytest

from himalia.cli import progress
from himalia.cli.dataset_preview import MOST_COLUMNS, show_preview
from himalia.client.dataset_upload import Sent


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def terminal_of(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal on standard error. Not a fixture: pytest sets the stream again before the test itself begins."""
    made = Terminal()
    monkeypatch.setattr(sys, "stderr", made)
    monkeypatch.setenv("TERM", "xterm")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    return made


def until_shown(terminal: Terminal, words: str) -> None:
    deadline = time.monotonic() + 10
    while words not in terminal.getvalue():
        assert time.monotonic() < deadline, terminal.getvalue()
        time.sleep(0.01)


def test_what_lasts_shows_a_line_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminal_of(monkeypatch)
    with progress.waiting("Too short to be seen"):
        pass
    assert terminal.getvalue() == ""
    monkeypatch.setattr(progress, "SOON_S", 0)
    with progress.waiting("Waiting for MLflow") as tell:
        until_shown(terminal, "Waiting for MLflow")
        assert tell is not None
        tell("Unpacked [red]3 files", 0.5)
        until_shown(terminal, "Unpacked [red]3 files (50%)")


def test_bytes_show_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminal_of(monkeypatch)
    with progress.bar() as tell:
        assert tell is not None
        tell(Sent(2, 4096, 1, 2048))
        until_shown(terminal, "2.0/4.0 KiB")


def test_programs_are_shown_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminal_of(monkeypatch)
    monkeypatch.setattr(progress, "SOON_S", 0)
    with progress.waiting("Waiting", wanted=False) as tell, progress.bar(wanted=False) as bar:
        assert (tell, bar) == (None, None)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress.waiting("Waiting") as tell, progress.bar() as bar:
        assert (tell, bar) == (None, None)
    assert terminal.getvalue() == ""


def test_a_wide_table_is_shown_in_part(capsys: pytest.CaptureFixture[str]) -> None:
    column: dict[str, Any] = {"type": "BIGINT", "nulls": 0, "distinct": 1, "min": 0, "max": 1, "top": []}
    columns = [{"name": f"x{number}", **column} for number in range(100)]
    seen = {
        "kind": "table",
        "files": {"count": 1, "size": 9, "types": [{"name": ".csv", "files": 1, "size": 9}]},
        "tables": [{"path": "wide.csv", "rows": 2, "columns": columns, "notes": ["Looked at 100 of 3,000."]}],
    }
    show_preview(seen)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + 2 + 1 + MOST_COLUMNS + 2
    assert lines[-2:] == [
        "and 70 more columns; --json has all that were looked at",
        "Looked at 100 of 3,000.",
    ]
