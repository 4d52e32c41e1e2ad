"""Connections to model servers: HTTP/1.1 over their Unix sockets or TCP, kept open between requests.

aiohttp's own client would take half of what a request costs here, and follows a link in place of a socket.
"""

from __future__ import annotations

import asyncio
import hmac
import socket
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from secrets import token_hex
from typing import cast
from urllib.parse import urlsplit

import httptools

from himalia.core.unix import connected

IDLE_S = 2.0
"""Servers close what was unused for longer (uvicorn: after 5 s); a connection must not be used just then."""
CONNECT_S = 3.0
"""How long a connection to a pod may take to come about; one whose machine is gone does not answer."""
BUFFER_BYTES = 2**18
HEAD_BYTES = 1 << 16
CHALLENGE, PROOF = b"himalia-challenge", b"himalia-proof"
"""Headers: what a server is asked, and its HMAC-SHA256 with the secret that only it and the gateway know."""


class Unreachable(Exception):
    """No connection could be made: nothing was sent."""


class Broken(Exception):
    """The server went away, or what it sent is not HTTP, after the request had begun."""


class Overdue(Broken):
    """The server took longer than it may."""


class Connection(asyncio.Protocol):
    """One connection; it carries one request at a time.

    `send`, then `head`, then `piece` until it answers nothing. `deadline` is when waiting for the server ends.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, opened: socket.socket) -> None:
        self._loop = loop
        self._socket = opened
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._error: Broken | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._pieces: deque[bytes] = deque()
        self._buffered = 0
        self._has_head = self._until_close = self.complete = self._keeps = False
        self._head_bytes = 0
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.is_spoiled = False
        self.idle_since = 0.0
        self.deadline = 0.0

    # What a request asks for

    def send(self, data: bytes, deadline: float) -> None:
        """Begin a request."""
        self.headers = []
        self._has_head = self._until_close = self.complete = self._keeps = False
        self._head_bytes = 0
        self.deadline = deadline
        self.write(data)

    def write(self, data: bytes) -> None:
        """Send more of the request."""
        if self._transport is not None and self._error is None:
            self._transport.write(data)

    async def drain(self) -> None:
        """Wait until the server has taken what was written, or has begun to answer."""
        if self._writable is not None:
            await self._writable

    @property
    def has_answered(self) -> bool:
        """Whether the head of the answer, or the end of the connection, is there."""
        return self._has_head or self._error is not None

    async def head(self) -> None:
        """Wait for `status` and `headers`. Raises Broken."""
        while not self._has_head:
            await self._wait()

    async def piece(self) -> bytes:
        """The next part of the answer's body; nothing at its end. Raises Broken."""
        while not self._pieces:
            if self.complete:
                return b""
            await self._wait()
        data = b"".join(self._pieces) if len(self._pieces) > 1 else self._pieces[0]
        self._pieces.clear()
        if self._buffered > BUFFER_BYTES and self._transport is not None:
            self._transport.resume_reading()
        self._buffered = 0
        return data

    @property
    def length(self) -> int | None:
        """How long the answer's body says that it is."""
        return next((int(value) for name, value in self.headers if name == b"content-length"), None)

    @property
    def reusable(self) -> bool:
        """Whether another request may follow: the answer is complete, and the server keeps the connection."""
        return (
            self.complete
            and not self.is_spoiled
            and not self._pieces
            and self._error is None
            and self._writable is None
            and self._keeps
        )

    @property
    def alive(self) -> bool:
        """Whether the server has not closed it, as far as the kernel knows."""
        if self._error is not None:
            return False
        try:
            self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False  # its end, or an answer that nobody asked for

    def fail(self, error: Broken) -> None:
        """End it; who waits is told why."""
        if self._error is None:
            self._error = error
        if self._transport is not None:
            self._transport.abort()
        self._wake()

    async def _wait(self) -> None:
        if self._error is not None:
            raise self._error
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
        if self._error is not None and not (self._pieces or self.complete):
            raise self._error

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        if self._writable is not None and (self._error or self._has_head) and not self._writable.done():
            self._writable.set_result(None)

    # What the event loop says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.fail(Broken(f"its answer is not HTTP: {error}"))
            return
        if not self._has_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self.fail(Broken("the head of its answer has no end"))
                return
        if self._buffered > BUFFER_BYTES and self._transport is not None:
            self._transport.pause_reading()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._until_close and exc is None and self._error is None:
            self.complete = True
        if self._error is None:
            self._error = Broken("it ended the connection")
        self._wake()

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # What the parser says

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if self.status == 101 or not 100 <= self.status <= 599:
            self.fail(Broken(f"its answer has the status {self.status}"))
            return
        if self.status < 200:  # 100 Continue and the like; the answer follows
            self.headers = []
            return
        names = [name for name, _ in self.headers]
        framed = b"content-length" in names or b"transfer-encoding" in names
        self._until_close = not framed and self.status not in (204, 304)
        self._has_head = True

    def on_body(self, data: bytes) -> None:
        self._pieces.append(data)
        self._buffered += len(data)

    def on_message_complete(self) -> None:
        if self._has_head:
            self.complete = True
            self._keeps = bool(self._parser.should_keep_alive())


class Pool:
    """Connections to one server, for as long as it lives; `address` and `secret` are as in `gateway.state`."""

    def __init__(self, address: str, secret: str = "") -> None:
        self.address = address
        self._secret = secret.encode()
        self._open = _opener(address)
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._closed = False

    async def take(self) -> Connection:
        """A connection to which nothing was sent yet. Raises Unreachable."""
        while self._idle:
            connection = self._idle.pop()
            if connection.alive:
                self._busy.add(connection)
                return connection
            connection.fail(Broken("it closed the connection"))
        loop = asyncio.get_running_loop()
        try:
            made = await self._open(loop)
        except OSError as error:  # also a TimeoutError
            raise Unreachable(str(error)) from error
        self._busy.add(made)
        if self._secret:
            await self._recognize(made)
        return made

    async def _recognize(self, connection: Connection) -> None:
        """Have whoever answers show the secret, without telling it: the address may be a stranger's by now.

        Asked once for each connection, which ends with its server. Raises Unreachable.
        """
        nonce = token_hex(16).encode()
        expected = hmac.new(self._secret, nonce, "sha256").hexdigest().encode()
        try:
            head = b"GET /v2/health/live HTTP/1.1\r\nhost: endpoint\r\n%b: %b\r\n\r\n" % (CHALLENGE, nonce)
            connection.send(head, asyncio.get_running_loop().time() + CONNECT_S)
            await connection.head()
            shown = next((value for name, value in connection.headers if name == PROOF), b"")
            if not hmac.compare_digest(shown, expected):
                raise Broken(f"whoever answers at {self.address} is another server")
            while await connection.piece():
                pass
            if not connection.reusable:
                raise Broken("it does not keep the connection")
        except Broken as error:
            raise self._given_up(connection, error) from error
        except asyncio.CancelledError:
            self._given_up(connection, Broken("the request was given up"))
            raise

    def _given_up(self, connection: Connection, why: Broken) -> Unreachable:
        self._busy.discard(connection)
        connection.fail(why)
        return Unreachable(str(why))

    def give_back(self, connection: Connection) -> None:
        """A request is over; the connection is kept where it can be."""
        self._busy.discard(connection)
        if connection.reusable and not self._closed:
            connection.idle_since = asyncio.get_running_loop().time()
            self._idle.append(connection)
        else:
            connection.fail(Broken("the request was given up"))

    async def get(self, path: str, limit_s: float, limit_bytes: int) -> tuple[int, bytes]:
        """A GET of the gateway's own: (status, body). Raises Unreachable, Broken, also for a longer body."""
        connection = await self.take()
        try:
            head = f"GET {path} HTTP/1.1\r\nhost: endpoint\r\n\r\n".encode()
            connection.send(head, asyncio.get_running_loop().time() + limit_s)
            await connection.head()
            body = b""
            while piece := await connection.piece():
                body += piece
                if len(body) > limit_bytes:
                    raise Broken("its answer is too long")
            return connection.status, body
        finally:
            self.give_back(connection)

    def sweep(self, now: float) -> None:
        """Close what was unused for long, and end what waits for too long. `now` is the loop's time."""
        kept = [one for one in self._idle if now - one.idle_since < IDLE_S]
        for connection in set(self._idle) - set(kept):
            connection.fail(Broken("it was not used"))
        self._idle = kept
        for connection in list(self._busy):
            if now > connection.deadline > 0:
                connection.fail(Overdue("it took too long"))

    def close(self) -> None:
        """Keep none any more; requests that are under way go on."""
        self._closed = True
        for connection in self._idle:
            connection.fail(Broken("the revision was retired"))
        self._idle.clear()


_Opener = Callable[[asyncio.AbstractEventLoop], Awaitable[Connection]]


def _opener(address: str) -> _Opener:
    """What connects to an address. Raises ValueError where it is none."""
    if address.startswith("unix:"):
        return partial(_open_unix, Path(address.removeprefix("unix:")))
    parts = urlsplit(address)
    if parts.scheme != "http" or parts.hostname is None or parts.port is None:
        raise ValueError(f"{address!r} is no address of a server")
    host = ip_address(parts.hostname)  # a name would have to be looked up for each connection
    family = socket.AF_INET if host.version == 4 else socket.AF_INET6
    return partial(_open_tcp, family, (str(host), parts.port))


async def _open_unix(path: Path, loop: asyncio.AbstractEventLoop) -> Connection:
    opened = connected(path)
    _, made = await loop.create_unix_connection(lambda: Connection(loop, opened), sock=opened)
    return made


async def _open_tcp(
    family: socket.AddressFamily, where: tuple[str, int], loop: asyncio.AbstractEventLoop
) -> Connection:
    opened = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        async with asyncio.timeout(CONNECT_S):
            await loop.sock_connect(opened, where)
        _, made = await loop.create_connection(lambda: Connection(loop, opened), sock=opened)
    except BaseException:
        opened.close()
        raise
    return made
