"""The beginnings of texts."""

from __future__ import annotations

from pathlib import Path

from himalia.datasets import preview
from himalia.datasets.work.preview.files import File

TYPES = {".txt", ".md", ".rst", ".json", ".yaml", ".yml", ".toml", ".xml", ".html", ".log", ".tex", ".py", ""}
MOST_TEXTS = 5
LONGEST = 4096


def look(root: Path, files: list[File]) -> list[preview.Excerpt]:
    """The beginnings of some of `files`, what explains the others first; those that are no text are passed over."""
    order = sorted(files, key=lambda file: (file.path.count("/"), not _explains(file), file.path))
    found = []
    for file in order[: 4 * MOST_TEXTS]:
        text = _beginning(root / file.path)
        if text is not None:
            found.append(preview.Excerpt(path=file.path, size=file.size, text=text))
    return found[:MOST_TEXTS]


def _explains(file: File) -> bool:
    return file.path.rpartition("/")[2].lower().startswith(("readme", "license", "about"))


def _beginning(path: Path) -> str | None:
    with path.open("rb") as file:
        start = file.read(LONGEST)
    try:
        text = start.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(start) - 4:  # otherwise a letter was cut in two
            return None
        text = start[: error.start].decode("utf-8-sig")
    return None if "\0" in text else text
