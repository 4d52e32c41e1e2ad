"""`<home>/run/up.sock`: how other commands talk to a running supervisor.

A request is one JSON object on a line, `{"op": "status"}` or `{"op": "down"}`, and so is the answer.
The folder is 0700, so only the home's owner can connect.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from himalia.supervisor.errors import SupervisorError
from himalia.supervisor.home import Home

Answer = Callable[[str], Awaitable[dict[str, Any]]]
CALL_TIMEOUT_S = 15.0


@asynccontextmanager
async def listening(home: Home, answer: Answer) -> AsyncIterator[None]:
    """Answer requests with `answer(op)` until the block ends; the caller holds the home's lock."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            op = str(json.loads(await reader.readline())["op"])
            writer.write(json.dumps(await answer(op)).encode() + b"\n")
            await writer.drain()
        except (ValueError, KeyError, TypeError):
            writer.write(b'{"error": "A request is one JSON object with op."}\n')
        except ConnectionError:
            return
        finally:
            writer.close()

    home.socket.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(serve, home.socket)
    home.socket.chmod(0o600)
    try:
        yield
    finally:
        server.close()
        home.socket.unlink(missing_ok=True)


def call(home: Home, op: str) -> dict[str, Any] | None:
    """Ask the supervisor of this home; None when none runs."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(CALL_TIMEOUT_S)
        try:
            connection.connect(os.fspath(home.socket))
            connection.sendall(json.dumps({"op": op}).encode() + b"\n")
            text = connection.makefile().readline()
        except (FileNotFoundError, ConnectionError):
            return None
        except OSError as error:
            raise SupervisorError(
                f"The supervisor of {home.path} cannot be asked: {error.strerror or error}. "
                "Run this as the user who started it."
            ) from error
    answer = json.loads(text) if text else None
    return answer if isinstance(answer, dict) else None
