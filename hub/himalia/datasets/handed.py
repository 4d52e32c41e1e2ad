"""Open files that clients on this machine hand over, so that their bytes need not be sent.

A client connects to the socket `files.sock`, beside the service's own, and sends one byte with a descriptor
(SCM_RIGHTS of unix(7)). The answer is a name for it, 32 hexadecimal digits, which holds as long as the connection;
no answer means that the file has to be sent. A request to append to an upload that says the name gets its bytes from
there, and is checked as every request is. So the service never opens a path that somebody names, and reads nothing
that the client could not.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import secrets
import socket
import stat
import struct
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from himalia.core.errors import Invalid

log = logging.getLogger(__name__)

MOST = 128
MOST_OF_ONE = 16
"""Connections at a time, and of one user of the machine. Who comes later sends the bytes."""


@dataclass(slots=True)
class _Connection:
    socket: socket.socket
    uid: int
    name: str = ""


class HandedFiles:
    """Takes descriptors at the socket `path`, of files on the file systems of `folders`.

    Files elsewhere could be made to keep whoever reads them waiting for ever, such as those of FUSE.
    """

    def __init__(self, path: Path, folders: Sequence[Path]) -> None:
        self.path = path
        self.folders = folders
        self._devices: set[int] = set()
        self._descriptors: dict[str, int] = {}
        self._of: Counter[int] = Counter()
        self._connections: dict[int, _Connection] = {}
        self._listener: socket.socket | None = None

    def start(self) -> None:
        """Listen, on the running event loop."""
        self._devices = {folder.stat().st_dev for folder in self.folders}
        self.path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self._listener.bind(str(self.path))
        self.path.chmod(0o666)  # as the service's own socket: in each sandbox
        self._listener.listen(64)
        asyncio.get_running_loop().add_reader(self._listener.fileno(), self._accept)

    def close(self) -> None:
        """Listen no more, and close what was handed over."""
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener.fileno())
            self._listener.close()
            self._listener = None
        for connection in list(self._connections.values()):
            self._drop(connection)

    def duplicate(self, name: str) -> int:
        """A descriptor of the file that was handed over under a name, for the caller to close. Raises Invalid."""
        descriptor = self._descriptors.get(name)
        if descriptor is None:
            words = "There is no such descriptor, or its connection has ended. Send the bytes."
            raise Invalid.field("Himalia-Descriptor", words)
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 0)

    def _accept(self) -> None:
        assert self._listener is not None
        try:
            made, _ = self._listener.accept()
        except OSError:
            return
        uid = _uid_of(made)
        if len(self._connections) >= MOST or self._of[uid] >= MOST_OF_ONE:
            made.close()
            return
        made.setblocking(False)
        connection = _Connection(made, uid)
        self._connections[made.fileno()] = connection
        self._of[uid] += 1
        asyncio.get_running_loop().add_reader(made.fileno(), self._read, connection)

    def _read(self, connection: _Connection) -> None:
        """Take the one descriptor of a connection; whatever comes after it ends the connection."""
        try:
            data, given, _, _ = socket.recv_fds(connection.socket, 1, 2, socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return
        except OSError:
            data, given = b"", []
        if not data or connection.name or len(given) != 1 or not self._is_taken(given[0]):
            for descriptor in given:
                os.close(descriptor)
            self._drop(connection)
            return
        connection.name = secrets.token_hex(16)
        self._descriptors[connection.name] = given[0]
        with suppress(OSError):  # it has ended: the next event says so
            connection.socket.send(connection.name.encode())

    def _is_taken(self, descriptor: int) -> bool:
        status, flags = os.fstat(descriptor), fcntl.fcntl(descriptor, fcntl.F_GETFL)
        readable = flags & os.O_ACCMODE in (os.O_RDONLY, os.O_RDWR) and not flags & os.O_PATH
        return stat.S_ISREG(status.st_mode) and status.st_dev in self._devices and readable

    def _drop(self, connection: _Connection) -> None:
        asyncio.get_running_loop().remove_reader(connection.socket.fileno())
        del self._connections[connection.socket.fileno()]
        connection.socket.close()
        self._of -= Counter([connection.uid])
        descriptor = self._descriptors.pop(connection.name, None)
        if descriptor is not None:
            os.close(descriptor)


def _uid_of(connection: socket.socket) -> int:
    """The user who connected (SO_PEERCRED of unix(7))."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])
