"""Calls to the service: addresses, tries, errors and pages. What the nouns' verbs are built on."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import (
    TYPE_CHECKING,
    Any,
    TypeVar,
)
from urllib.parse import quote

from himalia.client.errors import HimaliaError, Invalid, Unreachable, WrongAddress, from_answer
from himalia.client.transport import ANSWER_S, Request, Source, Stream, Transport

if TYPE_CHECKING:
    from himalia.client.config import Place

    Params = Mapping[str, Any]

T = TypeVar("T")
TRIES_S = (0.1, 0.3, 0.6, 1.0, 2.0, 3.0, 4.0, 4.0)
"""Pauses between tries of a call that may be repeated: a busy machine takes seconds to restart the service."""
AWAY = (502, 503, 504)


def escaped(*segments: str) -> str:
    """A path of these segments. Raises Invalid for what could name another path."""
    for segment in segments:
        if segment in ("", ".", ".."):
            raise Invalid(f"{segment!r} is not a name.")
    return "".join("/" + quote(segment, safe="") for segment in segments)


def query(params: Params) -> list[tuple[str, str]]:
    """Parameters as they are sent: nothing for None, `true` for True, one pair for each item of a list."""
    pairs = []
    for key, value in params.items():
        items = value if isinstance(value, (list, tuple)) else [value]
        pairs += [(key, _text(item)) for item in items if item is not None]
    return pairs


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class Answer:
    """A whole answer."""

    def __init__(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.status, self.headers, self.content = status, headers, content

    def json(self) -> Any:
        """The body, parsed. Raises WrongAddress when it is not JSON: then this is not the service."""
        if not self.content:
            return None
        try:
            return json.loads(self.content)
        except ValueError as error:
            raise WrongAddress("What answers is not Himalia. Is the address right?") from error


class Api:
    """The service at one place, through one transport. `project` is the project for calls that name none."""

    def __init__(self, place: Place, transport: Transport, project: str | None = None) -> None:
        self.place = place
        self.transport = transport
        self._project = project
        self._reached = False

    async def call(
        self,
        method: str,
        path: str,
        params: Params | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = ANSWER_S,
    ) -> Any:
        """The JSON that a call answers with, None for an empty answer. Raises HimaliaError."""
        request = self.request(method, path, params, body, headers, timeout_s)
        return (await self.send(request)).json()

    def request(
        self,
        method: str,
        path: str,
        params: Params | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = ANSWER_S,
        source: Source | None = None,
    ) -> Request:
        """A request to a path below the API's base."""
        return Request(
            method,
            f"{self.place.path}/api/v1{path}",
            query(params or {}),
            json=body,
            source=source,
            headers=headers or {},
            timeout_s=timeout_s,
        )

    async def send(self, request: Request) -> Answer:
        """Send a request and read its whole answer. Raises HimaliaError for any but a 2xx."""
        return await self._tries(request, self._whole)

    async def open(self, request: Request) -> Stream:
        """Send a request whose answer is read as it comes. Raises HimaliaError for any but a 2xx."""
        return await self._tries(request, self._checked)

    async def _tries(self, request: Request, finish: Callable[[Stream], Awaitable[T]]) -> T:
        """What `finish` makes of the answer; tried again while the service is away, where that does no harm."""
        for pause in TRIES_S:
            try:
                stream = await self.transport.open(request)
                self._reached = True
                if not request.again or not (stream.status in AWAY or 300 <= stream.status < 400):
                    return await finish(stream)
                await stream.close()
            except Unreachable as lost:
                # Where nothing ever answered, the address is likely wrong: say so at once.
                patient = self._reached or "Idempotency-Key" in request.headers
                if not patient or (lost.sent and not request.again):
                    raise
            await self.transport.pause(pause)
        return await finish(await self.transport.open(request))

    async def _whole(self, stream: Stream) -> Answer:
        stream = await self._checked(stream)
        try:
            return Answer(stream.status, stream.headers, await stream.read())
        finally:
            await stream.close()

    async def _checked(self, stream: Stream) -> Stream:
        if 200 <= stream.status < 300:
            return stream
        try:
            raise self._error(stream.status, await stream.read())
        finally:
            await stream.close()

    def _error(self, status: int, content: bytes) -> HimaliaError:
        if 300 <= status < 400:
            return WrongAddress(
                f"The platform at {self.place.shown} is starting, or its address is wrong: it answered with a "
                "redirect."
            )
        try:
            error = from_answer(status, json.loads(content))
        except ValueError:
            error = None
        if error is not None:
            return error
        if status in AWAY:
            return Unreachable(f"The service at {self.place.shown} does not answer now. Try again.", True)
        return WrongAddress(f"What answers at {self.place.shown} is not Himalia (it said {status}).")

    async def project(self, named: str | None = None) -> str:
        """`named`, else the current project, else the caller's personal one."""
        if named:
            return named
        if self._project is None:
            self._project = (await self.call("GET", "/whoami"))["personal_project"]
        if self._project is None:
            raise Invalid("This token has no personal project. Name the project.")
        return self._project

    async def pages(self, path: str, params: Params) -> AsyncGenerator[dict[str, Any], None]:
        """The items of all pages, each fetched when it is needed."""
        token: str | None = None
        while True:
            page = await self.call("GET", path, {**params, "page_token": token})
            for item in page["items"]:
                yield item
            token = page.get("next_page_token")
            if token is None:
                return


async def pieces_of(stream: Stream) -> AsyncIterator[bytes]:
    """The pieces of a stream, which is closed at the end."""
    try:
        async for piece in stream.pieces():
            yield piece
    finally:
        await stream.close()


def items(page: Any) -> Sequence[dict[str, Any]]:
    """The items of a list that has one page."""
    found: Sequence[dict[str, Any]] = page["items"]
    return found
