"""The program: see the package's words."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Literal

from himalia import run
from himalia.datasets import preview
from himalia.datasets.work import say
from himalia.datasets.work.preview import files, images, tables, texts
from himalia.datasets.work.preview.child import Crashed
from himalia.datasets.work.preview.files import File

SECONDS = 120.0
_PARTS = {"images": 0.5, "tables": 0.45}
MOST_UNREADABLE = 50


def look(root: Path, out: Path, seconds: float = SECONDS) -> preview.Preview:
    """Look at the files below `root` for so long at most; what belongs to the preview is written to `out`."""
    run.progress("Listing the files", 0.0)
    everything = files.scan(root)
    by_kind: dict[str, list[File]] = {"images": [], "table": [], "text": [], "mixed": []}
    for file in everything:
        by_kind[_kind_of(file)].append(file)
    found = preview.Preview(kind=_kind(by_kind), files=files.told(everything))
    if len(everything) >= files.MOST_FILES:
        found.notes.append(f"Only the first {files.MOST_FILES:,} files were looked at.")
    # Beside the outputs: a sandbox's /tmp is memory.
    with tempfile.TemporaryDirectory(prefix=".preview-", dir=out.parent) as scratch:
        if by_kind["images"]:
            _add_images(found, root, by_kind["images"], Path(scratch), seconds * _PARTS["images"])
        _add_tables(found, root, by_kind["table"], Path(scratch), seconds * _PARTS["tables"])
        if (sheet := Path(scratch) / preview.SHEET).exists():
            shutil.move(sheet, out / preview.SHEET)
    found.texts = texts.look(root, by_kind["text"])
    if len(found.unreadable) > MOST_UNREADABLE:
        found.notes.append(f"{len(found.unreadable):,} files cannot be read; {MOST_UNREADABLE} are listed.")
        found.unreadable = found.unreadable[:MOST_UNREADABLE]
    return found


def _kind_of(file: File) -> Literal["images", "table", "text", "mixed"]:
    if file.type in images.TYPES:
        return "images"
    if tables.format_of(file) is not None:
        return "table"
    return "text" if file.type in texts.TYPES else "mixed"


def _kind(by_kind: dict[str, list[File]]) -> Literal["images", "table", "text", "mixed", "empty"]:
    """What most files are; a table counts for as much as its bytes do, since it stands for many."""
    counts = {kind: len(group) for kind, group in by_kind.items()}
    if not any(counts.values()):
        return "empty"
    size = {kind: sum(file.size for file in group) for kind, group in by_kind.items()}
    if counts["images"] * 2 > sum(counts.values()):
        return "images"
    if by_kind["table"] and size["table"] * 2 > sum(size.values()):
        return "table"
    return "text" if counts["text"] * 2 > sum(counts.values()) else "mixed"


def _add_images(found: preview.Preview, root: Path, group: list[File], scratch: Path, seconds: float) -> None:
    seen = images.look(root, group, scratch, seconds)
    found.images = seen.images
    found.unreadable += seen.bad
    found.notes += seen.notes


def _add_tables(found: preview.Preview, root: Path, group: list[File], scratch: Path, seconds: float) -> None:
    chosen = sorted(group, key=lambda file: (file.path.count("/"), -file.size))[: tables.MOST_TABLES]
    if len(chosen) < len(group):
        found.notes.append(f"Looked at {len(chosen)} of {len(group):,} tables.")
    deadline = time.monotonic() + seconds
    for at, file in enumerate(sorted(chosen, key=lambda file: file.path)):
        run.progress(f"Looking at {file.path}", 0.6 + 0.4 * at / len(chosen))
        try:
            left = (deadline - time.monotonic()) / (len(chosen) - at)
            found.tables.append(tables.look(root, file, scratch, max(1.0, left)))
        except Crashed as error:
            found.unreadable.append(preview.Unreadable(path=file.path, why=f"It {error}."))
        except ValueError as error:
            found.unreadable.append(preview.Unreadable(path=file.path, why=str(error)))


def main(arguments: list[str] | None = None) -> int:
    """Look, and write what was found. Answers the exit code."""
    parser = argparse.ArgumentParser(prog="python -m himalia.datasets.work.preview", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    given = parser.parse_args(arguments)

    def work() -> str:
        given.out.mkdir(parents=True, exist_ok=True)
        found = look(given.folder, given.out, given.seconds)
        (given.out / preview.FILE).write_text(found.model_dump_json(exclude_defaults=True))
        return f"Looked at {found.files.count:,} files."

    return say.finish(work)


if __name__ == "__main__":
    sys.exit(main())
