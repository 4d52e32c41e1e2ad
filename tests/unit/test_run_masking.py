"""Masking secrets and capping logs, for every way of splitting the same text."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from himalia.runner.logs import LogCapture, Masker, whole_characters

SECRETS = ["hunter2", "hunter2-longer", "aaab", "two\nlines-of-key", "xyz", ""]
TEXT = "hunter2 hunter2-longer hunter2-long aaaaab xyz lines-of-key two\nlines-of-key end aaa"
MASKED = "[secret] [secret] [secret]-long aa[secret] xyz [secret] [secret] end aaa"


def test_every_split_masks_the_same() -> None:
    for first in range(len(TEXT)):
        masker = Masker(SECRETS)
        out = masker.feed(TEXT[:first]) + masker.feed(TEXT[first:]) + masker.feed("", final=True)
        assert out == MASKED, first
    masker = Masker(SECRETS)
    assert "".join(map(masker.feed, TEXT)) + masker.feed("", final=True) == MASKED


def test_random_text_never_shows_a_secret() -> None:
    generator = random.Random(7)
    for _ in range(300):
        text = "".join(generator.choice("ab") for _ in range(60))
        masker = Masker(["abba", "abbab", "bbbb"])
        out, position = "", 0
        while position < len(text):
            step = generator.randint(1, 7)
            out += masker.feed(text[position : position + step])
            position += step
        out += masker.feed("", final=True)
        assert not any(secret in out for secret in ("abba", "abbab", "bbbb"))


@pytest.mark.parametrize("piece", [1, 3, 1000, 10**6])
def test_a_capped_log_keeps_beginning_and_end(tmp_path: Path, piece: int) -> None:
    text = "".join(f"{number} ü\n" for number in range(20_000)).encode()
    log = LogCapture(str(tmp_path / "log"), limit=20_000, tail=5_000)
    for start in range(0, len(text), piece):
        log.write(text[start : start + piece])
    log.close()
    kept = log.read(0, 10**6)
    assert len(kept) == log.size == (tmp_path / "log").stat().st_size <= 20_000
    head, _, rest = kept.decode().partition("\n[himalia: ")
    notice, _, tail = rest.partition("]\n")
    assert text.decode().startswith(head)
    assert text.decode().endswith(tail)
    assert len(tail.encode()) >= 4_998
    assert log.dropped == len(text) - len(head.encode()) - len(tail.encode())
    assert notice.endswith("of output were left out here")


def test_a_log_of_exactly_the_limit_is_whole(tmp_path: Path) -> None:
    log = LogCapture(str(tmp_path / "log"), limit=20_000, tail=5_000)
    log.write(b"x" * 19_800)
    log.close()
    assert (log.size, log.dropped) == (19_800, 0)


def test_pieces_end_with_whole_characters(tmp_path: Path) -> None:
    text = "aü🚀€" * 1000
    log = LogCapture(str(tmp_path / "log"), limit=10**6)
    log.write(text.encode())
    for count in (4, 5, 6, 7, 4096):
        pieces, offset = [], 0
        while offset < log.size:
            piece = log.read(offset, count)
            pieces.append(piece.decode())
            offset += len(piece)
        assert "".join(pieces) == text


def test_no_output_makes_no_file(tmp_path: Path) -> None:
    log = LogCapture(str(tmp_path / "log"), limit=1000)
    log.close()
    log.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_log_that_was_deleted_is_no_error(tmp_path: Path) -> None:
    log = LogCapture(str(tmp_path / "log"), limit=1000)
    log.write(b"hello")
    (tmp_path / "log").unlink()
    assert log.read(0, 100) == b""
    assert (log.size, log.dropped) == (0, 5)
    log.remove()


def test_whole_characters() -> None:
    for text in ("", "a", "ü", "€", "🚀", "a🚀"):
        data = text.encode()
        assert whole_characters(data) == data
        if text:
            assert whole_characters(data[:-1]) == text[:-1].encode()
