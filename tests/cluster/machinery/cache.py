"""What is made once a machine and kept outside of the checkout."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

CACHE = Path(os.environ.get("HIMALIA_TEST_CACHE") or Path.home() / ".cache/himalia-test").absolute()


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Be the only process on this machine that holds ``path``; waits for the others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def once(path: Path, make: Callable[[Path], None]) -> Path:
    """The folder ``path``, filled by ``make`` where it is not there yet: whole or not at all, by one process."""
    if not path.exists():
        with lock(path.with_name(f"{path.name}.lock")):
            if not path.exists():
                unfinished = path.with_name(f"{path.name}.unfinished")
                shutil.rmtree(unfinished, ignore_errors=True)
                unfinished.mkdir(parents=True)
                make(unfinished)
                unfinished.rename(path)
    return path


def digest(files: Iterable[Path], *words: str) -> str:
    """Twelve hexadecimal digits that change with the name, mode or content of any file and with any word."""
    state = hashlib.blake2b(digest_size=6)
    for file in sorted(files):
        content = str(file.readlink()).encode() if file.is_symlink() else file.read_bytes()
        executable = file.lstat().st_mode & 0o100
        state.update(f"{file.name}\0{executable}\0{len(content)}\0".encode() + content)
    for word in words:
        state.update(f"{word}\0".encode())
    return state.hexdigest()
