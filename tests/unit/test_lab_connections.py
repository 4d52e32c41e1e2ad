"""Connections of the platform's proxy to Lab."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from tornado.http1connection import HTTP1Connection
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders, HTTPServerRequest, ResponseStartLine
from tornado.netutil import bind_unix_socket

from himalia_lab.connections import leave_open


async def test_a_client_that_has_gone_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HTTP1Connection, "_can_keep_alive", HTTP1Connection._can_keep_alive)
    leave_open()
    loop = asyncio.get_running_loop()
    gone: asyncio.Future[None] = loop.create_future()

    def answer(request: HTTPServerRequest) -> None:
        if request.uri == "/gone":
            gone.set_result(None)
            return
        request.connection.write_headers(ResponseStartLine("HTTP/1.1", 204, "No Content"), HTTPHeaders())
        request.connection.finish()

    server = HTTPServer(answer)
    path = str(tmp_path / "socket")
    server.add_socket(bind_unix_socket(path))
    with socket.socket(socket.AF_UNIX) as client:
        client.setblocking(False)
        client.connect(path)
        client.send(b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n")
        assert b"204" in await loop.sock_recv(client, 1000)
        client.send(b"GET /gone HTTP/1.1\r\nHost: lab\r\n\r\n")
    await asyncio.wait_for(gone, 10)
    server.stop()
    await server.close_all_connections()
