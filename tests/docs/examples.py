"""Finds the fenced examples of the documentation, and what is said about how to run each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"
TESTED_ELSEWHERE = {"sdk.md", "cli.md"}
"""Pages whose examples tests/api/client/test_examples_of_pages.py runs."""
SIGNATURES = {"sdk-reference.md"}
"""Pages that show how things are called, and have no examples."""

_BLOCK = re.compile(r"(?:^<!-- ([^\n]*?) -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block: its page, line, language and content.

    `how` is the word behind `example:` in the comment above it; `not_run` the reason behind `not run:`.
    """

    page: str
    line: int
    language: str
    content: str
    how: str | None
    not_run: str | None

    def __str__(self) -> str:
        return f"docs/{self.page}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _BLOCK.finditer(text):
        kind, _, rest = (match[1] or "").partition(": ")
        found.append(
            Block(
                page.relative_to(DOCS).as_posix(),
                text.count("\n", 0, match.start(2)) + 1,
                match[2],
                match[3],
                rest if kind == "example" else None,
                rest if kind == "not run" else None,
            )
        )
    return found


def pages() -> list[Path]:
    """Every page, by name."""
    return sorted(DOCS.rglob("*.md"))


def named(how: str) -> list[Block]:
    """The blocks of all pages that are marked with this word."""
    return [block for page in pages() for block in blocks(page) if block.how == how]
