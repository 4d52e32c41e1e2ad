"""Unix sockets in folders that belong to somebody else."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path


def connected(path: Path) -> socket.socket:
    """A socket connected to `path`, not blocking. Raises OSError, also for what is no socket.

    The folder belongs to whom the server in it runs as, who could put a link there that leads to another socket of
    this machine, which this process may use and they may not. So what is there is opened first, and not followed.
    """
    found = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not stat.S_ISSOCK(os.fstat(found).st_mode):
            raise OSError(f"{path} is not a socket")
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            made.connect(f"/proc/self/fd/{found}")
        except OSError:
            made.close()
            raise
        return made
    finally:
        os.close(found)
