"""The program of a task that unpacks an archive: `python -m himalia.datasets.work.unpack ARCHIVE OUT`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from himalia.datasets.work import say
from himalia.datasets.work.archive import unpack
from himalia.datasets.work.limits import Limits


def main(arguments: list[str] | None = None) -> int:
    """Unpack; the last line says what became of it. Answers the exit code."""
    parser = argparse.ArgumentParser(prog="python -m himalia.datasets.work.unpack", description=__doc__)
    parser.add_argument("archive", type=Path)
    parser.add_argument(
        "out", type=Path, help="A folder that is not there yet; it appears when it is complete."
    )
    parser.add_argument("--limits", type=Limits.parse, default=Limits(), help="Such as files=1000,ratio=100.")
    given = parser.parse_args(arguments)

    def work() -> str:
        done = unpack(given.archive, given.out, given.limits)
        words = f"Unpacked {done.files:,} files, {say.size(done.size)}."
        if done.left_out:
            words += f" Left out {done.left_out:,} files that an operating system keeps for itself."
        return words

    return say.finish(work)


if __name__ == "__main__":
    sys.exit(main())
