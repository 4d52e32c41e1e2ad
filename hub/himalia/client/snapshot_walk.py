"""Which files of a folder belong to its snapshot: ignore rules, links, names and limits."""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILE = ".himaliaignore"
MAX_PATH_BYTES = 1024

# What tools make anew, what jobs wrote, and what belongs to a person rather than to the code.
DEFAULT_IGNORE = [
    ".git/",
    ".hg/",
    ".svn/",
    "__pycache__/",
    "*.py[co]",
    ".ipynb_checkpoints/",
    ".venv/",
    "node_modules/",
    ".DS_Store",
    ".Trash-*/",
    ".mypy_cache/",
    ".pytest_cache/",
    ".ruff_cache/",
    "/outputs/",
    ".ssh/",
    ".gnupg/",
    ".netrc",
    ".git-credentials",
    "/.aws/",
    "/.azure/",
    "/.bash_history",
    "/.cache/",
    "/.conda/",
    "/.config/",
    "/.docker/",
    "/.ipython/",
    "/.jupyter/",
    "/.kube/",
    "/.local/",
    "/.npm/",
    "/.python_history",
]

_ENV_FILE = re.compile(r"\.env(\..+)?")
_ENV_SAMPLES = {".env.example", ".env.sample", ".env.template", ".env.dist"}


class SnapshotError(ValueError):
    """There is no snapshot; the message says why and what to do."""


class SecretsInSnapshotError(SnapshotError):
    """The folder holds `.env` files. `paths` names them."""

    def __init__(self, paths: list[str]) -> None:
        self.paths = paths
        super().__init__(
            f"{_listed(paths)} usually holds passwords or keys, and everyone in the project could read it in a "
            "snapshot. Store its values as secrets of the project, which jobs get as environment variables, and "
            f"name the file in {IGNORE_FILE}."
        )


class SnapshotTooLargeError(SnapshotError):
    """More than the limit, in bytes or in files.

    `largest` holds (path, bytes) of the ten largest files, largest first; where there are too many files,
    `size` and `largest` speak of those that were seen before the search was given up.
    """

    def __init__(
        self, *, size: int, files: int, limit_bytes: int, limit_files: int, largest: list[tuple[str, int]]
    ) -> None:
        self.size, self.files, self.largest = size, files, largest
        self.limit_bytes, self.limit_files = limit_bytes, limit_files
        what = f"{_megabytes(size)}, and the limit is {_megabytes(limit_bytes)}"
        if files > limit_files:
            what = f"more than {limit_files:,} files"
        listing = "".join(f"\n  {_megabytes(size):>12}  {path}" for path, size in largest)
        super().__init__(
            f"The folder is too large for a snapshot: {what}. Name what the job does not need in {IGNORE_FILE}, "
            f"or move the notebook and its code to a folder of their own. The largest files are:{listing}"
        )


class BadNameError(SnapshotError):
    """Names that cannot be stored. `paths` names them, printable."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        self.paths = [path for path, _ in problems]
        lines = "".join(f"\n  {path}: {why}" for path, why in problems[:10])
        super().__init__(f"Some names cannot be stored; rename them, or name them in {IGNORE_FILE}:{lines}")


class FileChangedError(SnapshotError):
    """A file does not stand still. `path` names it."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(
            f"“{path}” changes while it is read. Wait until it is written, or name it in {IGNORE_FILE}, "
            "and try again."
        )


@dataclass(frozen=True)
class LeftOut:
    """Something that is not in the snapshot although no ignore rule names it, and why, in words."""

    path: str
    reason: str


@dataclass(frozen=True)
class Found:
    """A regular file: its path in the snapshot, where its bytes are, and its status when it was seen."""

    path: str
    source: str
    status: os.stat_result


class Walk:
    """One pass over the folder with nothing but directory listings and stat calls."""

    def __init__(
        self, root: str, rules: GitIgnoreSpec, include: frozenset[str], limit_bytes: int, limit_files: int
    ) -> None:
        self.found: list[Found] = []
        self.left_out: list[LeftOut] = []
        self._root = root
        self._rules = rules
        self._include = include
        self._on_the_way = {parent for path in include for parent in _parents(path)}
        self._limit_bytes, self._limit_files = limit_bytes, limit_files
        self._secrets: list[str] = []
        self._bad_names: list[tuple[str, str]] = []

    def run(self) -> None:
        """Fill `found` and `left_out`, or raise the SnapshotError that matters most."""
        folders = [""]
        while folders:
            folder = folders.pop()
            for entry in self._list(folder):
                path = f"{folder}/{entry.name}" if folder else entry.name
                if self._wanted(entry, path) and self._visit(entry, path):
                    folders.append(path)
        if self._secrets:
            raise SecretsInSnapshotError(self._secrets)
        if self._bad_names:
            raise BadNameError(self._bad_names)
        self.check_size([(found.path, found.status.st_size) for found in self.found])
        paths = {found.path for found in self.found}
        known = paths.union(*map(_parents, paths))
        if absent := sorted(self._include - known):
            raise SnapshotError(
                f"{_listed(absent)} should be in the snapshot, but is no file of this folder."
            )

    def check_size(self, files: list[tuple[str, int]]) -> None:
        """Raise SnapshotTooLargeError where `files` (path, bytes) are more than the limits allow."""
        size = sum(size for _, size in files)
        if size > self._limit_bytes or len(files) > self._limit_files:
            raise SnapshotTooLargeError(
                size=size,
                files=len(files),
                limit_bytes=self._limit_bytes,
                limit_files=self._limit_files,
                largest=sorted(files, key=lambda file: (-file[1], file[0]))[:10],
            )

    def _list(self, folder: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(f"{self._root}/{folder}") as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except PermissionError:
            raise SnapshotError(
                f"The folder “{_printable(folder)}” cannot be read. Change its permissions, "
                f"or name it in {IGNORE_FILE}."
            ) from None
        except FileNotFoundError:
            return []  # removed since its parent was listed

    def _wanted(self, entry: os.DirEntry[str], path: str) -> bool:
        if self._included(path):
            return True
        folder = entry.is_dir(follow_symlinks=False)
        return (folder and path in self._on_the_way) or not self._rules.match_file(
            path + "/" if folder else path
        )

    def _included(self, path: str) -> bool:
        return path in self._include or any(parent in self._include for parent in _parents(path))

    def _visit(self, entry: os.DirEntry[str], path: str) -> bool:
        """Note what the entry is; answers whether it is a folder to go into."""
        if problem := _name_problem(path):
            self._bad_names.append((_printable(path), problem))
        elif entry.is_dir(follow_symlinks=False):
            if not os.path.lexists(f"{entry.path}/pyvenv.cfg"):
                return True
            self.left_out.append(LeftOut(path, "a virtual environment"))
        elif _holds_secrets(entry.name):
            self._secrets.append(path)
        elif entry.is_symlink():
            self._follow(entry.path, path)
        else:
            self._add(path, entry.path)
        return False

    def _follow(self, link: str, path: str) -> None:
        target = Path(os.path.realpath(link))
        root = Path(self._root)
        inside = str(target.relative_to(root)) if root in target.parents else None
        if inside is None:
            why = "a link that leads out of the folder"
        elif not target.exists():
            why = "a link to something that does not exist"
        elif target.is_dir():
            why = "a link to a folder"
        elif _holds_secrets(target.name):
            self._secrets.append(path)
            return
        elif self._rules.match_file(inside) and not self._included(inside):
            why = "a link to a file that an ignore rule names"
        else:
            self._add(path, str(target))
            return
        self.left_out.append(LeftOut(path, why))

    def _add(self, path: str, source: str) -> None:
        try:
            status = os.lstat(source)
        except FileNotFoundError:
            return  # removed since its folder was listed
        if not stat.S_ISREG(status.st_mode):
            self.left_out.append(LeftOut(path, "neither a file nor a folder"))
            return
        self.found.append(Found(path, source, status))
        if len(self.found) > self._limit_files:
            self.check_size([(found.path, found.status.st_size) for found in self.found])


def read_rules(root: str) -> GitIgnoreSpec:
    """The default rules and those of the folder's own `.himaliaignore`. Raises SnapshotError."""
    if not Path(root).is_dir():
        raise SnapshotError(f"“{_printable(root)}” is not a folder.")
    lines: list[str] = []
    try:
        lines = Path(root, IGNORE_FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise SnapshotError(f"{IGNORE_FILE} cannot be read: {error.strerror}.") from None
    from pathspec import GitIgnoreSpec  # takes a while, and every command imports this module for its errors

    try:
        return GitIgnoreSpec.from_lines([*DEFAULT_IGNORE, *lines])
    except ValueError as error:
        raise SnapshotError(f"{IGNORE_FILE} has a line that is no pattern: {error}") from None


def _name_problem(path: str) -> str | None:
    try:
        raw = path.encode()
    except UnicodeEncodeError:
        return "the name is not valid UTF-8"
    if any(unicodedata.category(character) == "Cc" for character in path):
        return "the name holds control characters"
    if unicodedata.normalize("NFC", path) != path:
        return "the name's letters are not in Unicode's composed form (NFC)"
    if len(raw) > MAX_PATH_BYTES:
        return f"the path is longer than {MAX_PATH_BYTES} bytes"
    return None


def _holds_secrets(name: str) -> bool:
    return _ENV_FILE.fullmatch(name) is not None and name not in _ENV_SAMPLES


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:n]) for n in range(1, len(parts))]


def _printable(path: str) -> str:
    text = path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _listed(paths: list[str]) -> str:
    shown = ", ".join(f"“{path}”" for path in paths[:5])
    return shown if len(paths) <= 5 else f"{shown} and {len(paths) - 5} more"


def _megabytes(size: int) -> str:
    return f"{size / (1 << 20):,.1f} MiB"
