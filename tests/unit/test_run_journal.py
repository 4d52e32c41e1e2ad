"""What a runner remembers beyond its own death."""

from __future__ import annotations

import resource
import signal
from pathlib import Path

import pytest

from himalia.runner.journal import Journal

REPORT = b'{"op":"ended","name":"%s"}\n'


def test_replay_adds_up(tmp_path: Path) -> None:
    path = str(tmp_path / "journal")
    journal = Journal(path)
    journal.begin("first")
    for name in ("a-1", "b-1", "c-1"):
        journal.start(name, f"/work/{name} ü\n")
    journal.end("a-1", "/work/a-1 ü\n", REPORT % b"a-1")
    journal.end("b-1", "/work/b-1 ü\n", REPORT % b"b-1")
    journal.forget("b-1")
    journal.flush()
    for _ in range(2):  # once from the lines as they were written, once from the compacted file
        again = Journal(path)
        assert again.runners == ["first"]
        assert again.started == {"c-1": "/work/c-1 ü\n"}
        assert again.ended == {"a-1": ("/work/a-1 ü\n", REPORT % b"a-1")}
        again.begin("first")
        again.close()


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_line_that_was_cut_off_is_skipped(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "journal"
    journal = Journal(str(path))
    journal.start("a-1", "/work/a-1")
    journal.flush()
    size = path.stat().st_size
    journal.end("a-1", "/work/a-1", REPORT % b"a-1")
    journal.close()
    data = path.read_bytes()
    path.write_bytes(data[: max(len(data) - cut, size)])
    again = Journal(str(path))
    assert set(again.started) | set(again.ended) == {"a-1"}
    again.close()


def test_a_full_disk_loses_nothing_once_there_is_room(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(str(path))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
        for number in range(20):
            journal.start(f"a-{number}", "/work")
            journal.flush()
        assert path.stat().st_size <= 100
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    journal.start("b-1", "/work")
    journal.close()
    again = Journal(str(path))
    assert len(again.started) == 21
    again.close()
