"""Putting an object's bytes at another place of the same machine, without copying them where that can be had."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from pathlib import Path

_FICLONE = 0x40049409  # _IOW(0x94, 9, int) of linux/fs.h: share the blocks until one side is written
_NO_CLONE = {errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EPERM}
_NO_LINK = {errno.EMLINK, errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP}


def place(source: str, target: str, *, executable: bool) -> bool:
    """Make `target`, read-only, with the bytes of the object file `source`; answers whether it is a link to it.

    A hard link, unless the file must be executable (a link shares its mode with the object), has as many links
    as the file system allows, or lies on another one: then a copy, of shared blocks where that is possible.
    """
    if not executable:
        try:
            os.link(source, target)
            return True
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
    clone(Path(source), Path(target), mode=0o555 if executable else 0o444)
    return False


def clone(source: Path, target: Path, *, mode: int) -> None:
    """Copy `source` to the new file `target`, sharing blocks where the file system can, and set its mode."""
    with source.open("rb") as reader, target.open("xb") as writer:
        try:
            fcntl.ioctl(writer, _FICLONE, reader.fileno())
        except OSError as error:
            if error.errno not in _NO_CLONE:
                raise
            shutil.copyfileobj(reader, writer, 1 << 20)
        os.fchmod(writer.fileno(), mode)
