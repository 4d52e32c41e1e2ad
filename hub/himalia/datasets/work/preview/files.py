"""Which files there are, and how they are spread over types, sizes and folders."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from himalia.datasets import preview

MOST_FILES = 1_000_000
MOST_TYPES = 20
MOST_FOLDERS = 50
_EDGES = [0, *(1 << power for power in range(10, 41, 3))]
_PACKED = (".gz", ".bz2", ".xz", ".zst")


@dataclass(frozen=True, slots=True)
class File:
    """A file below the folder that is looked at; `size` is in bytes."""

    path: str
    size: int

    @property
    def type(self) -> str:
        """The ending of its name, in small letters: `.csv`, `.csv.gz`, "" for none."""
        endings = PurePosixPath(self.path.lower()).suffixes
        return "".join(endings[-2:] if endings[-1:] and endings[-1] in _PACKED else endings[-1:])


def scan(root: Path) -> list[File]:
    """The files below `root` in the order of their paths, `MOST_FILES` at most. Links below it are not followed."""
    found: list[File] = []
    for file in _walk(root.resolve()):
        found.append(file)
        if len(found) >= MOST_FILES:
            break
    return sorted(found, key=lambda file: file.path)


def _walk(root: Path) -> Iterator[File]:
    waiting = [""]
    while waiting:
        below = waiting.pop()
        with os.scandir(root / below) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(f"{below}{entry.name}/")
                elif entry.is_file(follow_symlinks=False):
                    yield File(f"{below}{entry.name}", entry.stat(follow_symlinks=False).st_size)


def told(files: list[File]) -> preview.Files:
    """What the preview tells of all files."""
    types: Counter[str] = Counter()
    type_sizes: Counter[str] = Counter()
    bins = [0] * (len(_EDGES) - 1)
    for file in files:
        types[file.type] += 1
        type_sizes[file.type] += file.size
        bins[next((i for i, edge in enumerate(_EDGES[1:]) if file.size < edge), len(bins) - 1)] += 1
    shares = [
        preview.Share(name=name, files=count, size=type_sizes[name])
        for name, count in types.most_common(MOST_TYPES)
    ]
    last = max((i for i, count in enumerate(bins) if count), default=0)
    return preview.Files(
        count=len(files),
        size=sum(file.size for file in files),
        types=shares,
        folders=_folders(files),
        sizes=preview.Bins(edges=list(_EDGES[: last + 2]), counts=bins[: last + 1]),
    )


def _folders(files: list[File]) -> list[preview.Share]:
    """The folders, as deep as there is room for all of one depth; those without a folder are "."."""
    chosen: dict[str, list[int]] = {}
    for depth in range(1, 5):
        shares: dict[str, list[int]] = {}
        for file in files:
            name = "/".join(file.path.split("/")[:-1][:depth]) or "."
            share = shares.setdefault(name, [0, 0])
            share[0] += 1
            share[1] += file.size
        if chosen and (len(shares) > MOST_FOLDERS or len(shares) == len(chosen)):
            break
        chosen = shares
    largest = sorted(chosen.items(), key=lambda item: -item[1][1])[:MOST_FOLDERS]
    return [preview.Share(name=name, files=n, size=size) for name, (n, size) in sorted(largest)]
