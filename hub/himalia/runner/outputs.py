"""Which files a workload leaves as its outputs, and storing them."""

from __future__ import annotations

import os
import stat
import unicodedata
from typing import Any, Container, Dict, Iterable, Iterator, List, Optional, Set, Tuple

from himalia.runner.api import Api, Refused

FOLDER = "outputs"


def any_files(directory: str) -> bool:
    """Whether the ``outputs`` folder of ``directory`` holds anything at all."""
    try:
        with os.scandir(os.path.join(directory, FOLDER)) as entries:
            return next(entries, None) is not None
    except OSError:
        return False


def inside(directory: str, path: str) -> str:
    """``path`` relative to ``directory``.

    Raises ValueError, with a sentence, when it lies elsewhere, be it by a link.
    """
    root = os.path.realpath(directory)
    resolved = os.path.realpath(os.path.join(root, path))
    if not resolved.startswith(root + os.sep):
        raise ValueError(f"{path!r} does not lie inside the job's working folder, so it cannot be an output.")
    return os.path.relpath(resolved, root)


def find(directory: str, declared: Iterable[str]) -> List[str]:
    """Relative paths of all regular files under ``outputs`` and of the ``declared`` files and folders, sorted.

    Symbolic links are never followed, on no level of a path.
    """
    try:
        root = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return []  # user code has deleted its own folder
    try:
        found: Set[str] = set()
        for path in {FOLDER, *declared}:
            found.update(_files(root, path))
        return sorted(found)
    finally:
        os.close(root)


def upload(directory: str, declared: Iterable[str], api: Api) -> Dict[str, Any]:
    """Store what :func:`find` finds; answers ``{"outputs": [{"path", "size", "digest"}, …]}``.

    What cannot be stored keeps nothing else from it: then ``message`` is a sentence about the first such file.
    """
    stored: Dict[str, Dict[str, Any]] = {}
    message: Optional[str] = None
    paths = find(directory, declared)
    if not paths:
        return {"outputs": []}
    root = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        for path in paths:
            shown = _shown(path, stored)
            try:
                with os.fdopen(_open(root, path, os.O_RDONLY), "rb") as body:
                    stored[shown] = api.put_output(shown, body, os.fstat(body.fileno()).st_size)
            except (Refused, OSError) as error:
                why = f"{error.strerror}." if isinstance(error, OSError) else str(error)
                message = message or f"The output {shown!r} could not be stored: {why}"
    finally:
        os.close(root)
    return {"outputs": list(stored.values()), **({"message": message} if message else {})}


def _shown(path: str, taken: Container[str]) -> str:
    """``path`` as text that can be shown: in Unicode's NFC, without control characters, and none of ``taken``."""
    text = unicodedata.normalize("NFC", os.fsencode(path).decode("utf-8", "replace"))
    text = "".join("\ufffd" if unicodedata.category(letter) == "Cc" else letter for letter in text)
    shown, number = text, 1
    while shown in taken:
        number += 1
        shown = f"{text} ({number})"
    return shown


def _files(root: int, path: str) -> Iterator[str]:
    """The regular files that ``path``, a file or a folder below the descriptor ``root``, holds."""
    for parent, name in _existing(root, path):
        mode = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
        if stat.S_ISREG(mode):
            yield path
        elif stat.S_ISDIR(mode):
            for folder, _, names, descriptor in os.fwalk(name, dir_fd=parent, follow_symlinks=False):
                below = os.path.normpath(os.path.join(os.path.dirname(path), folder))
                for entry in names:
                    if stat.S_ISREG(os.stat(entry, dir_fd=descriptor, follow_symlinks=False).st_mode):
                        yield os.path.join(below, entry)


def _existing(root: int, path: str) -> Iterator[Tuple[int, str]]:
    """The descriptor of the folder that holds ``path`` and its name there, or nothing."""
    folder, name = os.path.split(path)
    try:
        parent = _open(root, folder or ".", os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return  # it was declared but is not there, or a link stands in its way
    try:
        os.stat(name, dir_fd=parent, follow_symlinks=False)
    except OSError:
        os.close(parent)
        return
    try:
        yield parent, name
    finally:
        os.close(parent)


def _open(root: int, path: str, flags: int) -> int:
    """Open ``path`` below ``root`` one component at a time, following no link."""
    parts = path.split(os.sep)
    current = os.dup(root)
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        mode = flags if last else os.O_RDONLY | os.O_DIRECTORY
        try:
            following = os.open(part, mode | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=current)
        finally:
            os.close(current)
        current = following
    return current
