"""Remembers the digests of files, so that what has not changed is not read again."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

FORMAT = 2
"""Of the file: `{"format", "paths", "digests", "fingerprints": a list for each field}`. Columns are read several
times as quickly as a list for each file."""


class Fingerprint(NamedTuple):
    """What changes whenever a file does. The change time is there because no program can set it back."""

    size: int
    modified_ns: int
    changed_ns: int
    inode: int
    device: int

    @classmethod
    def of(cls, status: os.stat_result) -> Fingerprint:
        """The fingerprint in a file's status."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev)


class DigestCache:
    """Digests by path and fingerprint. With `file`, it begins with what `save` wrote there earlier.

    A file changed less than `settled_s` seconds ago is not remembered: within one tick of the file system's
    clock it could change again and look the same.
    """

    def __init__(self, file: Path | None = None, *, settled_s: float = 2.0) -> None:
        self._file = file
        self._settled_ns = int(settled_s * 1e9)
        self._lock = threading.Lock()
        self._known: dict[str, tuple[tuple[int, ...], str]] = {}
        self._changed = False
        if file is not None:
            self._known = _load(file)

    def find(self, path: str, fingerprint: Fingerprint) -> str | None:
        """The digest of the file at the absolute `path`, if it is known and the file has not changed."""
        known = self._known.get(path)
        return known[1] if known is not None and known[0] == fingerprint else None

    def remember(self, path: str, fingerprint: Fingerprint, digest: str) -> None:
        """Keep the digest of the file at the absolute `path`."""
        if time.time_ns() - fingerprint.changed_ns >= self._settled_ns:
            with self._lock:
                self._known[path] = (fingerprint, digest)
                self._changed = True

    def retain(self, folder: str, paths: Iterable[str]) -> None:
        """Forget all files below the absolute `folder` but `paths`."""
        kept, prefix = set(paths), folder.rstrip("/") + "/"
        with self._lock:
            gone = [p for p in self._known if p not in kept and p.startswith(prefix)]
            for path in gone:
                del self._known[path]
            self._changed = self._changed or bool(gone)

    def save(self) -> None:
        """Write the cache to its file (0600), atomically. Raises OSError, and ValueError without a file."""
        if self._file is None:
            raise ValueError("This cache has no file.")
        if not self._changed and self._file.exists():
            return
        with self._lock:
            self._changed = False
            known = dict(self._known)
        fingerprints = [fingerprint for fingerprint, _ in known.values()]
        columns = {
            "format": FORMAT,
            "paths": [*known],
            "digests": [digest for _, digest in known.values()],
            "fingerprints": [
                [one[field] for one in fingerprints] for field in range(len(Fingerprint._fields))
            ],
        }
        self._file.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=str(self._file.parent), prefix=".digests-")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as writer:
                writer.write(json.dumps(columns))  # dump is ten times as slow
            Path(name).replace(self._file)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                Path(name).unlink()
            raise


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Make many objects, none of which is garbage, without a search for that, which takes longer than they do."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _load(file: Path) -> dict[str, tuple[tuple[int, ...], str]]:
    """What is in the file; nothing where it cannot be read, because a cache can always be made again."""
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        if data["format"] != FORMAT:
            return {}
        with _no_collection():
            known = zip(zip(*data["fingerprints"]), data["digests"])  # noqa: B905 - not before Python 3.10
            return dict(zip(data["paths"], known))  # noqa: B905
    except (OSError, ValueError, TypeError, KeyError, AttributeError, IndexError):
        return {}
