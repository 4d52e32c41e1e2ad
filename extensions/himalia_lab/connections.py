"""Connections of the platform's proxy to this server's Unix socket."""

from __future__ import annotations

import socket

from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPHeaders, RequestStartLine

_can_keep_alive = HTTP1Connection._can_keep_alive


def leave_open() -> None:
    """Have the proxy close its connections, which it asks this server to do.

    configurable-http-proxy keeps none to a Unix socket. Node writes nothing, zero bytes, once more after a body;
    with the connection closed by then that fails, and the proxy answers 503 for a call that went well.
    """
    HTTP1Connection._can_keep_alive = _left_open  # type: ignore[method-assign]


def _left_open(connection: HTTP1Connection, start_line: RequestStartLine, headers: HTTPHeaders) -> bool:
    at = connection.stream.socket  # none where the client has gone already
    ours = not connection.is_client and at is not None and at.family == socket.AF_UNIX
    # From HTTP/1.1 on the client sees by itself where an answer ends (RFC 9112, 6).
    return (ours and start_line.version == "HTTP/1.1") or _can_keep_alive(connection, start_line, headers)
