"""Logs of attempts: what is read ends where a character ends, and what is written is written whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from himalia.engine.logs import LogFiles

TEXT = "aé€😀\nz"


def read_all(logs: LogFiles, offset: int, limit: int) -> tuple[str, int]:
    """What is there now, in pieces, each decoded by itself, as listeners get it."""
    text = ""
    while data := logs.read("job-1", offset, limit):
        text += data.decode()
        offset += len(data)
    return text, offset


@pytest.mark.parametrize("cut", range(len(TEXT.encode()) + 1))
@pytest.mark.parametrize("limit", [4, 5, 2**18])
def test_a_character_that_is_cut_comes_whole_later(tmp_path: Path, cut: int, limit: int) -> None:
    logs, data = LogFiles(tmp_path / "logs"), TEXT.encode()
    logs.write("job-1", 0, data[:cut])
    first, position = read_all(logs, 0, limit)
    logs.write("job-1", cut, data[cut:])
    second, end = read_all(logs, position, limit)
    assert (first + second, end) == (TEXT, len(data))


def test_what_never_was_text_is_still_shown(tmp_path: Path) -> None:
    logs = LogFiles(tmp_path / "logs")
    logs.write("job-1", 0, b"\xff\x80\x80\x80\x80 end")
    assert logs.read("job-1") == b"\xff\x80\x80\x80\x80 end"
