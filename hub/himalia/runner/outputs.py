"""Which files a workload leaves as its outputs, and storing them."""

from __future__ import annotations

import io
import json
import os
import stat
import unicodedata
from typing import IO, Any, Container, Dict, Iterable, Iterator, List, Optional, Set, Tuple

from himalia.runner.api import Api, Refused

FOLDER = "outputs"
#: From how many outputs on small ones are sent together.
BUNDLE_FROM = 16
BUNDLE_BYTES = 8 << 20
BUNDLE_FILES = 2000
SMALL_BYTES = 1 << 18
#: What the final report can name, as the service takes it.
MOST_FILES = 100_000
MOST_NAMES_BYTES = 16 << 20


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
    paths = find(directory, declared)
    if not paths:
        return {"outputs": []}
    sending = _Sending(api, len(paths))
    root = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        for path in paths:
            if not sending.room(path):
                break
            shown = _shown(path, sending.stored)
            try:
                with os.fdopen(_open(root, path, os.O_RDONLY), "rb") as body:
                    sending.add(shown, body)
            except OSError as error:
                sending.fail(shown, f"{error.strerror}.")
        sending.flush()
    finally:
        os.close(root)
    return sending.result()


class _Sending:
    """Sends outputs one by one, and many small ones together."""

    def __init__(self, api: Api, count: int) -> None:
        self.stored: Dict[str, Dict[str, Any]] = {}
        self._api = api
        self._bundles = count >= BUNDLE_FROM
        self._waiting: List[Tuple[str, bytes]] = []
        self._waiting_bytes = 0
        self._names_bytes = 0
        self._message: Optional[str] = None

    def room(self, path: str) -> bool:
        """Whether one more can be told of in the final report, which is one line."""
        self._names_bytes += len(json.dumps(os.fsdecode(path)))
        if len(self.stored) < MOST_FILES and self._names_bytes <= MOST_NAMES_BYTES:
            return True
        self._message = self._message or (
            f"Only the first {len(self.stored):,} outputs were stored: there are more than one job can have. "
            "Put small files together in an archive."
        )
        return False

    def add(self, path: str, body: IO[bytes]) -> None:
        """Send a file, now or with those that follow."""
        size = os.fstat(body.fileno()).st_size
        self.stored[path] = {}
        if not self._bundles or size > SMALL_BYTES:
            self._one(path, body, size)
            return
        content = body.read(SMALL_BYTES + 1)
        self._waiting.append((path, content))
        self._waiting_bytes += len(content)
        if self._waiting_bytes >= BUNDLE_BYTES or len(self._waiting) >= BUNDLE_FILES:
            self.flush()

    def flush(self) -> None:
        """Send what waits."""
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        if not waiting:
            return
        try:
            for stored in self._api.put_outputs(waiting):
                self.stored[stored["path"]] = stored
        except Refused:
            for path, content in waiting:  # one of them is the cause
                self._one(path, io.BytesIO(content), len(content))

    def fail(self, path: str, why: str) -> None:
        """One could not be stored."""
        self.stored.pop(path, None)
        self._message = self._message or f"The output {path!r} could not be stored: {why}"

    def result(self) -> Dict[str, Any]:
        """What is stored, and a sentence about the first that is not."""
        outputs = [one for one in self.stored.values() if one]
        return {"outputs": outputs, **({"message": self._message} if self._message else {})}

    def _one(self, path: str, body: IO[bytes], size: int) -> None:
        try:
            self.stored[path] = self._api.put_output(path, body, size)
        except Refused as error:
            self.fail(path, str(error))


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
