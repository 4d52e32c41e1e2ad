"""Handing an open file to a service on the same machine, which then takes the bytes from there."""

from __future__ import annotations

import array
import contextlib
import os
import socket
from collections.abc import Iterator

from himalia.client.dataset_files import LocalFile, opened

WAIT_S = 5.0
_NAME_BYTES = 32


@contextlib.contextmanager
def handed_over(file: LocalFile, place: str | None) -> Iterator[str | None]:
    """The service's name for a file that was handed over at the socket `place`, within the block.

    None where there is no such socket or the file is not taken: then its bytes have to be sent. Raises
    FileChanged, Invalid.
    """
    if place is None:
        yield None
        return
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as connection:
        descriptor = opened(file)
        try:
            name = _hand_over(connection, descriptor, place)
        finally:
            os.close(descriptor)
        yield name


def _hand_over(connection: socket.socket, descriptor: int, place: str) -> str | None:
    try:
        connection.settimeout(WAIT_S)
        connection.connect(place)
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))
        connection.sendmsg([b"\0"], [rights])  # socket.send_fds is not there before Python 3.9
        name = connection.recv(_NAME_BYTES)
    except OSError:
        return None
    return name.decode("ascii", "replace") if len(name) == _NAME_BYTES else None
