"""One request: who calls, which revision answers, and the bytes both ways."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

from aiohttp import ClientError, web
from aiohttp.web_protocol import RequestHandler

from himalia.core import clock
from himalia.core.tokens import ENDPOINT_PREFIX, hashed
from himalia.gateway import headers
from himalia.gateway.metrics import Metrics
from himalia.gateway.state import PREFIX, Endpoint, Revision, Table
from himalia.gateway.upstream import Broken, Connection, Overdue, Unreachable

log = logging.getLogger(__name__)

BODY_LIMIT = 100 * 2**20
SMALL_BODY = 2**20
"""A body up to this is read before a revision is chosen, so that a request which was never sent can go to another."""
SMALL_ANSWER = 2**18
MOST_RUNNING = 512
"""Requests that one revision has at once; more are refused, not queued."""
PROBES = frozenset({"/health", "/healthz", "/readyz"})
METHODS = frozenset({"GET", "POST"})


@dataclass(frozen=True)
class Limits:
    """Times in seconds, sizes in bytes."""

    body_bytes: int = BODY_LIMIT
    answer_s: float = 60.0
    body_pause_s: float = 30.0


class Refused(Exception):
    """An answer of the gateway's own: a word, and a sentence for the caller."""

    def __init__(self, status: int, code: str, message: str, close: bool = False) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.close = status, code, message, close

    def answer(self) -> web.Response:
        body = {"error": {"code": self.code, "message": self.message, "details": {}}}
        response = web.json_response(body, status=self.status, headers=headers.OWN)
        if self.status == 401:
            response.headers["WWW-Authenticate"] = "Bearer"
        if self.status == 503:
            response.headers["Retry-After"] = "2"
        if self.close:
            response.force_close()
        return response


class Gateway:
    """Answers requests; `table` says by whom."""

    def __init__(
        self, table: Table, metrics: Metrics, limits: Limits, is_ready: Callable[[], bool] = lambda: True
    ) -> None:
        self.is_ready = is_ready
        self.table = table
        self.metrics = metrics
        self.limits = limits
        self.silent: set[RequestHandler] = set()

    def hang_up(self, connection: RequestHandler) -> None:
        """Close a connection that is still `silent`."""
        if connection in self.silent:
            self.silent.discard(connection)
            if connection.transport is not None:
                connection.transport.abort()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """aiohttp's handler."""
        self.silent.discard(request.protocol)
        path = request.raw_path
        if path.startswith(f"{PREFIX}/"):
            path = path[len(PREFIX) :]
        try:
            if path in PROBES:
                return self._probe(path)
            return await self._serve(request, path)
        except Refused as refusal:
            return refusal.answer()

    def _probe(self, path: str) -> web.Response:
        """Whether the gateway lives, and, for /readyz, can read what it routes by."""
        if path == "/readyz" and not self.is_ready():
            raise Refused(503, "unavailable", "What the gateway routes by cannot be read; its log says why.")
        return web.json_response({"status": "ok"}, headers=headers.OWN)

    def _admit(self, request: web.BaseRequest, path: str) -> tuple[Endpoint, str]:
        """The endpoint that is called, and the path there. Raises Refused."""
        if request.method not in METHODS:
            raise Refused(405, "wrong_method", "An endpoint takes GET and POST.", close=True)
        parts = path.split("/", 3)
        if len(parts) < 4 or parts[0] or not path.isascii():
            raise Refused(404, "not_found", "An address here is /<project>/<endpoint>/v2/…", close=True)
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token.startswith(ENDPOINT_PREFIX):
            raise Refused(
                401,
                "unauthenticated",
                f"Send a token of the endpoint, Authorization: Bearer {ENDPOINT_PREFIX}…; no other token is taken.",
                close=True,
            )
        endpoint = self.table.endpoints.get(f"{parts[1]}/{parts[2]}")
        if endpoint is None or not endpoint.admits(hashed(token), clock.now().timestamp()):
            raise Refused(
                401,
                "unauthenticated",
                "There is no such endpoint, or this token does not open it.",
                close=True,
            )
        return endpoint, "/" + parts[3]

    async def _serve(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        table, (endpoint, rest) = self.table.endpoints, self._admit(request, path)
        body = _Body(request, self.limits)
        await body.begin()
        while True:
            if table is not self.table.endpoints:
                # While the body came, or servers were tried, others took over, or the token may have ended.
                table, (endpoint, rest) = self.table.endpoints, self._admit(request, path)
            if not endpoint.revisions:
                raise Refused(503, "unavailable", endpoint.message, close=not body.is_read)
            for revision in endpoint.choose():
                if revision.running >= MOST_RUNNING:
                    continue
                try:
                    return await self._exchange(request, body, revision, rest)
                except Unreachable as error:
                    log.warning("Revision %d of %s: %s", revision.number, endpoint.id, error)
            if table is self.table.endpoints:
                raise self._nobody(endpoint, close=not body.is_read)

    def _nobody(self, endpoint: Endpoint, close: bool) -> Refused:
        """What a caller is told whom none of the revisions could answer; it counts as a failure of the first."""
        revision = endpoint.revisions[0]
        self.metrics.add(endpoint.id, revision.id, revision.number, 503, 0.0, clock.now().timestamp())
        busy = all(one.running >= MOST_RUNNING for one in endpoint.revisions)
        words = (
            "The endpoint has more requests than it can answer now."
            if busy
            else "The endpoint's model server does not answer now; it is being started again."
        )
        return Refused(503, "unavailable", f"{words} Try again in a moment.", close=close)

    async def _exchange(
        self, request: web.BaseRequest, body: _Body, revision: Revision, path: str
    ) -> web.StreamResponse:
        """Ask one revision. Raises Unreachable when nothing was sent, else Refused."""
        began, status = perf_counter(), 499
        revision.running += 1
        try:
            connection = await revision.pool.take()
            try:
                head = headers.request_head(request.method, path, request.raw_headers, body.length)
                deadline = asyncio.get_running_loop().time() + self.limits.answer_s
                await body.send(connection, head, deadline)
                await connection.head()
                status = connection.status
                return await self._answer(request, connection)
            except Broken as error:
                late = isinstance(error, Overdue)
                status = 504 if late else 502
                raise _broken(late, error) from error
            except Refused as refusal:
                status = refusal.status
                raise
            finally:
                revision.pool.give_back(connection)
        except Unreachable:
            status = 0
            raise
        finally:
            revision.running -= 1
            if status:
                self.metrics.add(
                    revision.endpoint,
                    revision.id,
                    revision.number,
                    status,
                    perf_counter() - began,
                    clock.now().timestamp(),
                )

    async def _answer(self, request: web.BaseRequest, connection: Connection) -> web.StreamResponse:
        """Pass the answer on: in one piece when it says that it is small, else as it comes. Raises Broken."""
        passed = headers.answer_headers(connection.headers)
        length = connection.length
        if connection.complete or (length is not None and length <= SMALL_ANSWER):
            body = await connection.piece()
            while not connection.complete:
                body += await connection.piece()
            return web.Response(
                body=body + await connection.piece(), status=connection.status, headers=passed
            )
        response = web.StreamResponse(status=connection.status, headers=passed)
        response.content_length = length
        await response.prepare(request)
        try:
            while piece := await connection.piece():
                connection.deadline = asyncio.get_running_loop().time() + self.limits.answer_s
                await response.write(piece)
        except Broken as error:
            # The status is out already: a connection that ends in the middle is how HTTP says that this failed.
            log.warning("An answer broke off: %s", error)
            if request.transport is not None:
                request.transport.abort()
        except ConnectionError:
            return response  # the caller has gone
        else:
            await response.write_eof()
        return response


def _broken(late: bool, error: Broken) -> Refused:
    if late:
        return Refused(504, "too_slow", "The model did not answer in time.", close=True)
    return Refused(
        502,
        "model_failed",
        f"The endpoint's model server failed while it answered this request ({error}). "
        "It is started again by itself; its log says more.",
        close=True,
    )


class _Body:
    """The body of a request: read in whole when it is small, else passed on as it comes."""

    def __init__(self, request: web.BaseRequest, limits: Limits) -> None:
        self._request = request
        self._limits = limits
        self._data = b""
        self.length: int | None = request.content_length
        self.is_read = False

    async def begin(self) -> None:
        """Refuse what is too large before any of it is read, and read what is small. Raises Refused."""
        request = self._request
        if not request.body_exists:
            self.length, self.is_read = 0, True
            return
        if self.length is not None and self.length > self._limits.body_bytes:
            raise self._too_large()
        if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self.length is not None and self.length <= SMALL_BODY:
            self._data = await self._read(-1)
            self.is_read = True

    async def _read(self, size: int) -> bytes:
        content = self._request.content
        if size < 0 and content.is_eof() and (data := content.read_nowait()):
            return data
        try:
            async with asyncio.timeout(self._limits.body_pause_s):
                return await (content.read() if size < 0 else content.readany())
        except TimeoutError:
            raise Refused(408, "too_slow", "The body of the request came too slowly.", close=True) from None
        except (OSError, ClientError, web.RequestPayloadError) as error:
            raise Refused(400, "bad_request", "The body of the request broke off.", close=True) from error

    def _too_large(self) -> Refused:
        limit = self._limits.body_bytes // 2**20
        return Refused(413, "too_large", f"The body of a request may have {limit} MiB.", close=True)

    async def send(self, connection: Connection, head: bytes, deadline: float) -> None:
        """Send the whole request; stops early where the server answers before the end. Raises Refused, Broken."""
        connection.send(head + self._data, deadline)
        if self.is_read:
            return
        sent = 0
        while (piece := await self._read(1)) and not connection.has_answered:
            sent += len(piece)
            if sent > self._limits.body_bytes:
                raise self._too_large()
            connection.write(piece if self.length is not None else b"%x\r\n%b\r\n" % (len(piece), piece))
            await connection.drain()
            connection.deadline = asyncio.get_running_loop().time() + self._limits.answer_s
        if piece:
            connection.is_spoiled = True  # the rest of this request was not sent, so no other may follow
        elif self.length is None:
            connection.write(b"0\r\n\r\n")
