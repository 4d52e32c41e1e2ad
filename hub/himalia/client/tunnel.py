"""The way of `ssh` into one's notebook server: a WebSocket to Lab, which starts an sshd at its other end."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any
from urllib.parse import quote

import httpx

from himalia.client.config import PREFIX, Place
from himalia.client.errors import HimaliaError, Unreachable

CHUNK = 2**16


def address(place: Place, user: str, server: str = "") -> str:
    """Where the server's SSH is."""
    names = [quote(name, safe="@~") for name in (user, server) if name]
    return "/".join([place.url[: -len(PREFIX)], "user", *names, "himalia/ssh"])


def account(place: Place, url: str) -> str:
    """The name to sign in with there. Raises HimaliaError where SSH cannot be had, with what to do."""
    try:
        answer = httpx.get(url, headers=_headers(place), timeout=30)
    except httpx.HTTPError as error:
        raise Unreachable(f"{place.shown} cannot be reached: {error}", sent=False) from error
    try:
        said: dict[str, Any] = answer.json()
    except ValueError:
        said = {}
    if "user" in said:
        return str(said["user"])
    if "error" in said:
        raise HimaliaError(said["error"]["message"], status=answer.status_code)
    raise HimaliaError(
        f"Your notebook server does not run, or has no SSH. Start it at {place.shown}, with a profile that has.",
        status=answer.status_code,
    )


async def carry(place: Place, url: str) -> None:
    """Carry standard input and output over the connection until one side ends it."""
    from websockets.asyncio.client import connect
    from websockets.exceptions import ConnectionClosed, InvalidStatus

    socket_url = url.replace("http", "ws", 1)
    try:
        async with connect(
            socket_url, additional_headers=_headers(place), compression=None, max_size=None
        ) as connection:
            loop = asyncio.get_running_loop()
            incoming = asyncio.StreamReader(limit=2 * CHUNK)
            await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(incoming), sys.stdin)
            outgoing = asyncio.create_task(_send(incoming, connection))
            try:
                async for data in connection:
                    if isinstance(data, bytes):
                        await asyncio.to_thread(_write_all, data)
            except ConnectionClosed:
                pass  # the server went away; ssh says so
            finally:
                outgoing.cancel()
    except InvalidStatus as error:
        raise HimaliaError(f"The server answered {error.response.status_code}.") from error
    except OSError as error:
        raise Unreachable(f"{place.shown} cannot be reached: {error}", sent=False) from error


async def _send(incoming: asyncio.StreamReader, connection: Any) -> None:
    while data := await incoming.read(CHUNK):
        await connection.send(data)
    await connection.close()


def _write_all(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


def _headers(place: Place) -> dict[str, str]:
    return {"Authorization": f"Bearer {place.token}"}
