"""Unpacking a code snapshot: a plain tar of files and folders, nothing else, nowhere else."""

from __future__ import annotations

import os
import shutil
import tarfile
from typing import IO

_MOST_MEMBERS = 200_000
_MOST_BYTES = 20 << 30


class BadArchive(Exception):
    """The archive holds what a snapshot must not hold; the text is a sentence for the user."""


def unpack(stream: IO[bytes], directory: str) -> None:
    """Write the files of the tar ``stream`` into the empty folder ``directory``.

    Raises BadArchive for a link, a device, a path that leaves the folder, too many files or too many bytes, and
    EOFError when the stream breaks off.
    """
    members = total = 0
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                members += 1
                total += member.size
                if members > _MOST_MEMBERS or total > _MOST_BYTES:
                    raise BadArchive("The code snapshot holds too many files or is too large to unpack.")
                _write(archive, member, os.path.join(directory, *_parts(member)))
    except (tarfile.ReadError, tarfile.StreamError) as error:
        raise EOFError(str(error)) from None


def _parts(member: tarfile.TarInfo) -> list[str]:
    """The checked components of a member's path."""
    if not (member.isreg() or member.isdir()):
        raise BadArchive(f"The code snapshot holds {member.name!r}, which is neither a file nor a folder.")
    parts = [part for part in member.name.split("/") if part not in ("", ".")]
    if member.name.startswith("/") or ".." in parts or "\0" in member.name:
        raise BadArchive(f"The code snapshot holds the path {member.name!r}, which leads out of its folder.")
    return parts


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
    try:
        if member.isdir():
            os.makedirs(path, exist_ok=True)
            return
        os.makedirs(os.path.dirname(path), exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600 | member.mode & 0o111)
    except (FileExistsError, NotADirectoryError):
        raise BadArchive(f"The code snapshot holds {member.name!r} twice.") from None
    source = archive.extractfile(member)
    with os.fdopen(descriptor, "wb") as target:
        if source is not None:
            shutil.copyfileobj(source, target, 1 << 20)
        if target.tell() != member.size:
            raise EOFError(f"{member.name} breaks off")
