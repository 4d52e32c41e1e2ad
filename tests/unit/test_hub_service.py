"""What a person is told when the service does not give what the hub asks for."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from himalia.hub.service import ServiceClient, ServiceError

OWN = '{"error": {"code": "unavailable", "message": "The cluster gives no room for files: exceeded quota."}}'


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (OWN, "The cluster gives no room for files: exceeded quota."),
        ("{}", "The Himalia service does not answer now. Try again in a moment."),
        ("<h1>Service Unavailable</h1>", "The Himalia service does not answer now. Try again in a moment."),
    ],
)
async def test_what_is_unavailable_is_told_in_the_services_own_words(
    tmp_path: Path, body: str, told: str
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 503 Service Unavailable\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write((head + body).encode())
        await writer.drain()
        writer.close()

    (tmp_path / "token").write_text("secret")
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        client = ServiceClient(f"http://127.0.0.1:{port}", tmp_path / "token")
        with pytest.raises(ServiceError) as refused:
            await client.reserve({"user": "ada"})
    assert (refused.value.message, refused.value.status) == (told, 503)
