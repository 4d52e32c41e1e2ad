"""The program of a task that copies a folder of the machine.

    python -m himalia.datasets.work.import_path FOLDER OUT --below PATH

It runs as its person, in a sandbox that shows the folders which an administrator has opened, read-only: so it reads
what everybody may read there, and nothing else. Links are never followed, whoever may be changing them meanwhile.
"""

from __future__ import annotations

import argparse
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from himalia.datasets.work import say
from himalia.datasets.work.limits import Counted, Limits
from himalia.datasets.work.names import Names, left_out
from himalia.datasets.work.say import CannotGoOn, Meter

PIECE = 8 << 20
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def copy(root: Path, below: str, out: Path, limits: Limits) -> str:
    """Copy the file or folder `below` in `root` to the new folder `out`, which appears complete or not at all.

    Answers what there is to say of it. Raises CannotGoOn.
    """
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700, parents=True)
    try:
        work = _Copying(partial, limits)
        work.run(root, [part for part in below.split("/") if part])
        if not work.counted.files:
            raise CannotGoOn("There are no files in it that could be imported.")
        partial.rename(out)
        return work.words()
    finally:
        shutil.rmtree(partial, ignore_errors=True)


class _Copying:
    def __init__(self, out: Path, limits: Limits) -> None:
        self.counted = Counted(limits, out)
        self._out = out
        self._names = Names(cased=True)
        self._meter = Meter()
        self._left_out = 0
        self._unreadable: list[str] = []

    def words(self) -> str:
        words = f"Copied {self.counted.files:,} files, {say.size(self.counted.total)}."
        if self._left_out:
            words += f" Left out {self._left_out:,} links and other things that are no plain files."
        return words

    def run(self, root: Path, parts: list[str]) -> None:
        if ".." in parts:
            raise CannotGoOn("The path must not lead upwards with “..”.")
        with _opened(os.open(root.resolve(), _FOLDER)) as top:
            self._descend(top, parts, root)
        if self._unreadable:
            first = self._unreadable[0]
            raise CannotGoOn(
                f"{len(self._unreadable):,} files or folders may not be read by you, such as {first!r}. Ask whoever "
                "they belong to, or the administrator."
            )

    def _descend(self, folder: int, parts: list[str], root: Path) -> None:
        """Go down by names that may be anybody's to change: a link on the way ends it."""
        if not parts:
            self._folder(folder, "")
            return
        name, *rest = parts
        try:
            mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
            if stat.S_ISREG(mode) and not rest:
                self._file(folder, name, name)
                return
            with _opened(os.open(name, _FOLDER, dir_fd=folder)) as below:
                self._descend(below, rest, root)
        except FileNotFoundError:
            raise CannotGoOn(f"There is no {name!r} in it.") from None
        except NotADirectoryError:
            raise CannotGoOn(f"{name!r} is no folder, or a link, which is not followed.") from None
        except PermissionError:
            self._unreadable.append(name)

    def _folder(self, folder: int, path: str) -> None:
        with os.scandir(folder) as entries:
            found = sorted((entry.name, entry.stat(follow_symlinks=False).st_mode) for entry in entries)
        for name, mode in found:
            inside = f"{path}/{name}" if path else name
            if stat.S_ISREG(mode):
                self._file(folder, name, inside)
            elif stat.S_ISDIR(mode):
                self.counted.one_more(is_file=False)
                self._below(folder, name, inside)
            else:
                self._left_out += 1

    def _below(self, folder: int, name: str, path: str) -> None:
        try:
            with _opened(os.open(name, _FOLDER, dir_fd=folder)) as below:
                self._folder(below, path)
        except PermissionError:
            self._unreadable.append(path)
        except (NotADirectoryError, FileNotFoundError):
            self._left_out += 1  # somebody has put something else in its place

    def _file(self, folder: int, name: str, path: str) -> None:
        path = self._names.file(os.fsencode(path).decode("utf-8", "replace"))
        if left_out(path):
            return
        self.counted.one_more()
        self.counted.named(path)
        try:
            with _opened(os.open(name, _FILE, dir_fd=folder)) as source:
                if stat.S_ISREG(os.fstat(source).st_mode):
                    self._copy(source, path)
        except PermissionError:
            self._unreadable.append(path)

    def _copy(self, source: int, path: str) -> None:
        target = self._out / path
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        written = 0
        with target.open("xb") as file:
            while count := _copy_some(source, file.fileno()):
                written += count
                self.counted.more(path, written, count)
                words = f"Copied {self.counted.files:,} files, {say.size(self.counted.total)}"
                self._meter.tell(lambda words=words: words)  # type: ignore[misc]


def _copy_some(source: int, target: int) -> int:
    """Copy a piece within the kernel, which shares blocks where the file system can."""
    try:
        return os.copy_file_range(source, target, PIECE)
    except OSError:
        piece = os.read(source, PIECE)
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(target, rest) :]
        return len(piece)


@contextmanager
def _opened(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def main(arguments: list[str] | None = None) -> int:
    """Copy; the last line says what became of it. Answers the exit code."""
    parser = argparse.ArgumentParser(prog="python -m himalia.datasets.work.import_path", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "out", type=Path, help="A folder that is not there yet; it appears when it is complete."
    )
    parser.add_argument("--below", default="", help="What to copy of it; all of it when left out.")
    parser.add_argument(
        "--limits", type=Limits.parse, default=Limits(), help="Such as files=1000,total=1000000."
    )
    given = parser.parse_args(arguments)
    return say.finish(lambda: copy(given.folder, given.below, given.out, given.limits))


if __name__ == "__main__":
    sys.exit(main())
