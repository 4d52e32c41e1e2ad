"""Trees: which files, under which paths, with which content.

A tree is stored as an object itself: its manifest, a JSON text in one canonical form, so that equal trees have
equal digests:

    {"files": [{"digest": "…", "executable": false, "path": "src/train.py", "size": 512}, …]}

UTF-8, keys in alphabetical order, no white space between tokens, files in the order of their paths' UTF-8 bytes.
"""

from __future__ import annotations

import json
import os
import re
import tarfile
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, BinaryIO, Protocol, cast

from himalia.storage.digests import digest_of, is_digest

MAX_PATH_BYTES = 1024
MAX_NAME_BYTES = 255
MAX_FILES = 1_000_000
MAX_FILE_BYTES = 1 << 53  # what JSON numbers hold exactly everywhere


_PLAIN = re.compile(r"(?!\.{1,2}(/|$))[\w.+-]+(/(?!\.{1,2}(/|$))[\w.+-]+)*", re.ASCII)


class Readable(Protocol):
    """What a tree needs of a store."""

    def get(self, digest: str) -> bytes: ...

    def open(self, digest: str) -> BinaryIO: ...


class Writable(Protocol):
    """What a tar is written to; files and sockets' files are, and so is anything with this one method."""

    def write(self, data: bytes, /) -> object: ...


class TreeError(ValueError):
    """Not a tree; the message is a sentence that says what is wrong with it."""


class BadPathError(TreeError):
    """A path that no tree may hold."""

    def __init__(self, path: object, why: str) -> None:
        super().__init__(f"The path {str(path)[:200]!r} cannot be used: {why}.")
        self.path = path


def validate_path(path: str) -> None:
    """Raise BadPathError unless `path` is safe below any folder: relative, plain and unambiguous."""
    if why := _path_problem(path):
        raise BadPathError(path, why)


def _path_problem(path: object) -> str | None:
    if not isinstance(path, str) or not path:
        return "it must be a text that is not empty"
    try:
        raw = path.encode()
    except UnicodeEncodeError:
        return "it is not valid Unicode"
    if _PLAIN.fullmatch(path) and len(raw) <= MAX_NAME_BYTES:
        return None  # as most are, and the rest of this takes a while for a million
    parts = path.split("/")
    problems: list[tuple[bool, str]] = [
        (len(raw) > MAX_PATH_BYTES, f"it is longer than {MAX_PATH_BYTES} bytes"),
        (any(unicodedata.category(c) == "Cc" for c in path), "it holds control characters"),
        (path.startswith("/"), "it must be relative"),
        (".." in parts, "it must not lead upwards with “..”"),
        ("" in parts or "." in parts, "it has an empty part or a “.” between slashes"),
        (
            any(len(p.encode()) > MAX_NAME_BYTES for p in parts),
            f"a name in it is longer than {MAX_NAME_BYTES} bytes",
        ),
        (not unicodedata.is_normalized("NFC", path), "its letters are not in Unicode's composed form (NFC)"),
    ]
    return next((why for wrong, why in problems if wrong), None)


@dataclass(frozen=True, slots=True)
class TreeFile:
    """One file: where it is, and what is in it. `size` is in bytes."""

    path: str
    size: int
    digest: str
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Tree:
    """Files in the order of their paths. Make one with `Tree.of` or `Tree.parse`: both check everything.

    Names that differ only in upper and lower case are different names, as on every file system that Himalia
    runs on.
    """

    files: tuple[TreeFile, ...]

    @classmethod
    def of(cls, files: Iterable[TreeFile]) -> Tree:
        """A tree of `files`, in any order. Raises TreeError."""
        listed = list(files)
        if len(listed) > MAX_FILES:
            raise TreeError(f"The tree has more than {MAX_FILES:,} files.")
        for file in listed:
            _check_file(file)
        # Code points and their UTF-8 bytes have the same order.
        ordered = sorted(listed, key=lambda file: file.path)
        _check_places([file.path for file in ordered])
        return cls(tuple(ordered))

    @classmethod
    def parse(cls, data: bytes | str | dict[str, Any]) -> Tree:
        """The tree of a manifest, as JSON or as the object it stands for. Raises TreeError."""
        if isinstance(data, bytes | str):
            try:
                data = json.loads(data)
            except (ValueError, RecursionError):
                raise TreeError("The manifest is not JSON.") from None
        if not isinstance(data, dict) or set(data) != {"files"} or not isinstance(data["files"], list):
            raise TreeError("A manifest is an object with one field, “files”, which holds a list.")
        return cls.of([_parse_file(entry, index) for index, entry in enumerate(data["files"])])

    def manifest(self) -> dict[str, Any]:
        """The manifest as a JSON object."""
        return {
            "files": [
                {"digest": f.digest, "executable": f.executable, "path": f.path, "size": f.size}
                for f in self.files
            ]
        }

    def to_bytes(self) -> bytes:
        """The manifest in its canonical form: what is stored, and what the tree's digest is the digest of."""
        text = json.dumps(self.manifest(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return text.encode()

    @property
    def digest(self) -> str:
        """BLAKE3 digest of the canonical form."""
        return digest_of(self.to_bytes())

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)

    @property
    def digests(self) -> set[str]:
        """The digests of the files."""
        return {file.digest for file in self.files}


def _parse_file(entry: object, index: int) -> TreeFile:
    required = {"path", "size", "digest"}
    if not isinstance(entry, dict) or not required <= set(entry) <= required | {"executable"}:
        raise TreeError(
            f"Entry {index} of the manifest must have path, size, digest and, optionally, executable."
        )
    return TreeFile(entry["path"], entry["size"], entry["digest"], entry.get("executable", False))


def _check_file(file: TreeFile) -> None:
    validate_path(file.path)
    if type(file.size) is not int or not 0 <= file.size <= MAX_FILE_BYTES:
        raise TreeError(f"The size of {file.path!r} must be a whole number of bytes, zero or more.")
    if not is_digest(file.digest):
        raise TreeError(f"The digest of {file.path!r} must be 64 lowercase hexadecimal digits.")
    if type(file.executable) is not bool:
        raise TreeError(f"“executable” of {file.path!r} must be true or false.")


def _check_places(paths: list[str]) -> None:
    files = set(paths)
    if len(files) != len(paths):
        twice = next(a for a, b in pairwise(paths) if a == b)
        raise BadPathError(twice, "it is there twice")
    folders: set[str] = set()
    for path in paths:
        parent = path.rpartition("/")[0]
        while parent and parent not in folders:
            if parent in files:
                raise BadPathError(parent, "it is a file and also a folder of other files")
            folders.add(parent)
            parent = parent.rpartition("/")[0]


def reachable(trees: Iterable[str], store: Readable) -> set[str]:
    """The digests of the stored `trees` and of all their files: what a collection must keep for them."""
    live: set[str] = set()
    for digest in trees:
        live.add(digest)
        live |= Tree.parse(store.get(digest)).digests
    return live


def write_tar(tree: Tree, store: Readable, out: Writable) -> None:
    """Write the tree as an uncompressed tar (POSIX.1-2001 pax) to `out`, piece by piece.

    Equal trees give equal bytes: owner 0, time 0, mode 0644 or 0755. Raises the store's error when an object
    is missing and TreeError when it has another size, with an incomplete tar written by then.
    """
    with tarfile.open(fileobj=cast(BinaryIO, out), mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for file in tree.files:
            entry = tarfile.TarInfo(file.path)
            entry.size = file.size
            entry.mode = 0o755 if file.executable else 0o644
            with store.open(file.digest) as reader:
                _check_size(file, reader)
                archive.addfile(entry, reader)


def _check_size(file: TreeFile, reader: BinaryIO) -> None:
    """By the open file, since asking the store would be another request where that is elsewhere."""
    size = reader.seek(0, os.SEEK_END)
    if size != file.size:
        raise TreeError(f"{file.path!r} is given {file.size:,} bytes, but its content has {size:,}.")
    reader.seek(0)
