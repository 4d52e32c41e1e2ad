"""Reads every file of a version again, and writes down what is there.

    python -m himalia.datasets.work.verify FOLDER OUT

FOLDER is the version, laid out. `OUT/manifest.json` gets the manifest of what was found, in the canonical form of
`himalia.storage.trees`: where nothing was damaged, its digest is the version's.
"""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from blake3 import blake3

from himalia.datasets.work.say import Meter, finish
from himalia.storage.trees import Tree, TreeFile

MANIFEST = "manifest.json"


def main() -> None:
    """Read the command line, and verify."""
    folder, out = map(Path, sys.argv[1:3])
    sys.exit(finish(lambda: verify(folder, out)))


def verify(folder: Path, out: Path) -> str:
    """Hash all files below `folder`; answers how many there were, in words."""
    meter, files = Meter(), []
    for file in _files(folder, meter):
        files.append(file)
    out.mkdir(parents=True, exist_ok=True)
    (out / MANIFEST).write_bytes(Tree.of(files).to_bytes())
    return f"Read {len(files):,} files again."


def _files(folder: Path, meter: Meter) -> Iterator[TreeFile]:
    for number, path in enumerate(sorted(folder.rglob("*"))):
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            continue
        meter.tell(lambda done=number: f"Read {done:,} files again.")  # type: ignore[misc]
        hasher = blake3(max_threads=blake3.AUTO).update_mmap(path)
        name = path.relative_to(folder).as_posix()
        yield TreeFile(name, status.st_size, hasher.hexdigest(), bool(status.st_mode & stat.S_IXUSR))


if __name__ == "__main__":
    main()
