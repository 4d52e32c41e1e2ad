"""Files of the person, reached only below the server's root folder."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from himalia_lab.errors import LabError

NOTEBOOK_LIMIT = 64 * 1024**2
"""Bytes of the largest notebook that is read for its parameters."""


def inside(root: Path, path: str) -> Path:
    """The file or folder that Lab calls `path`, with links resolved.

    Raises LabError: 422 for a path that is none, 403 where it or a link leads out of `root`, 404 for nothing.
    """
    if "\0" in path:
        raise LabError(422, "invalid", "The path holds a NUL character.")
    root = root.resolve()
    try:
        found = (root / path.strip("/")).resolve(strict=True)
    except FileNotFoundError:
        raise LabError(404, "not_found", f"There is no file “{path}” any more.") from None
    except (OSError, RuntimeError) as error:
        raise LabError(422, "invalid", f"“{path}” cannot be opened: {error}") from error
    if not found.is_relative_to(root):
        raise LabError(403, "forbidden", f"“{path}” leads out of your home folder.")
    return found


def read(path: Path, limit: int = NOTEBOOK_LIMIT) -> bytes:
    """The bytes of a regular file. Raises LabError 413 above `limit` bytes, 422 for what is no file."""
    try:
        # Neither a link that replaced the file since nor a pipe that would block is opened.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise LabError(422, "invalid", f"“{path.name}” cannot be read: {error.strerror}.") from error
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise LabError(422, "invalid", f"“{path.name}” is not a file.")
        if status.st_size > limit:
            raise LabError(
                413,
                "too_large",
                f"“{path.name}” is {status.st_size / 1024**2:.0f} MiB; "
                f"at most {limit // 1024**2} MiB can run as a job. Clear its outputs and save it again.",
            )
        return stream.read(limit + 1)
