"""The few HTTP requests that a supervisor makes: to its own processes, never following a redirect."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Mapping
from typing import Any

from himalia.supervisor.address import Address

TIMEOUT_S = 5.0


async def request(
    address: Address,
    path: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: Any = None,
    timeout_s: float = TIMEOUT_S,
) -> tuple[int, Any]:
    """Status and JSON body (None for anything else). Status 0 when nothing answered. A `body` is sent as JSON."""
    sent = None if body is None else json.dumps(body).encode()
    return await asyncio.to_thread(_request, address, path, method, dict(headers or {}), sent, timeout_s)


def _request(
    address: Address, path: str, method: str, headers: dict[str, str], body: bytes | None, timeout_s: float
) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(address.host, address.port, timeout=timeout_s)
    try:
        connection.request(method, path, body, {"Connection": "close", **headers})
        answer = connection.getresponse()
        content = answer.read(1_000_000)
    except (OSError, http.client.HTTPException):
        return 0, None
    finally:
        connection.close()
    try:
        return answer.status, json.loads(content)
    except ValueError:
        return answer.status, None
