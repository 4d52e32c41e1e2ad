"""HTTP, blocking and not: the only modules here that touch the network."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import (
    TYPE_CHECKING,
    Any,
    BinaryIO,
    TypeVar,
)

# httpx brings its own command along, and with it click, rich and pygments, a quarter of the time that `himalia` takes
# to start; it does without where that cannot be imported.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
import httpx  # noqa: E402

from himalia.client.bridge import run  # noqa: E402
from himalia.client.errors import Invalid, Unreachable  # noqa: E402

if TYPE_CHECKING:
    from himalia.client.config import Place

T = TypeVar("T")
PIECE = 256 * 1024
CONNECT_S = 5.0
ANSWER_S = 30.0
TAKEN_S = 30.0
"""How long nothing of a request may be taken: a proxy whose server died meanwhile reads no further, for a minute."""


@dataclass(frozen=True)
class Source:
    """Bytes to send: opened anew for each try. `size` is in bytes."""

    open: Callable[[], BinaryIO]
    size: int


@dataclass(frozen=True)
class Request:
    """One call; `path` is absolute and already escaped. `timeout_s` is how long a silence may last."""

    method: str
    path: str
    params: Sequence[tuple[str, str]] = ()
    json: Any = None
    form: Mapping[str, str] | None = None
    source: Source | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = ANSWER_S

    @property
    def again(self) -> bool:
        """Whether it does no harm when it arrives twice."""
        return self.method in ("GET", "PUT") or "Idempotency-Key" in self.headers


class Stream(ABC):
    """An answer whose body is read as it comes."""

    status: int
    headers: Mapping[str, str]

    @abstractmethod
    def pieces(self) -> AsyncGenerator[bytes, None]:
        """The body, piece by piece. Raises Unreachable."""

    @abstractmethod
    async def close(self) -> None:
        """Give the connection back."""

    async def read(self) -> bytes:
        """The whole body."""
        return b"".join([piece async for piece in self.pieces()])


class Transport(ABC):
    """Sends requests to one place, and does what else a caller may have to wait for."""

    @abstractmethod
    async def open(self, request: Request) -> Stream:
        """Send a request, with its answer's body still to come. Raises Unreachable."""

    @abstractmethod
    async def pause(self, seconds: float) -> None:
        """Let time pass."""

    @abstractmethod
    async def aside(self, work: Callable[[], T]) -> T:
        """The result of work on files, without holding up other calls."""

    @abstractmethod
    async def together(self, calls: Sequence[Callable[[], Coroutine[Any, Any, None]]], at_once: int) -> None:
        """Make many calls, a few at the same time; the first failure is raised."""

    @abstractmethod
    async def close(self) -> None:
        """Close the connections."""


def _done(call: Callable[[], Coroutine[Any, Any, None]]) -> None:
    run(call())


@contextlib.contextmanager
def in_words(address: str, timeout_s: float) -> Iterator[None]:
    """Raise what httpx raises as Unreachable, in words."""
    try:
        yield
    except httpx.ConnectTimeout as error:
        raise Unreachable(f"{address} cannot be reached: no answer within {CONNECT_S:g} s.", False) from error
    except httpx.ConnectError as error:
        if "CERTIFICATE" in str(error).upper():
            raise Unreachable(f"The certificate of {address} is not trusted: {error}", False) from error
        raise Unreachable(
            f"Nothing answers at {address}. Is the platform running, and is the address right?", False
        ) from error
    except httpx.WriteTimeout as error:
        raise Unreachable(f"{address} took nothing more for {TAKEN_S:g} s.", True) from error
    except httpx.TimeoutException as error:
        raise Unreachable(f"{address} was silent for {timeout_s:g} s.", True) from error
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise Unreachable(f"The connection to {address} was lost. Try again.", True) from error


def _arguments(place: Place) -> dict[str, Any]:
    headers = {"User-Agent": f"himalia/{place.version}", "Accept": "application/json, */*"}
    if place.token:
        headers["Authorization"] = f"Bearer {place.token}"
    return {
        "base_url": place.origin,
        "headers": headers,
        "follow_redirects": False,
        # A proxy between would read the token of a plain connection; with TLS it sees only a tunnel.
        "trust_env": place.origin.startswith("https:"),
        "limits": httpx.Limits(max_connections=32, keepalive_expiry=20),
    }


def _built(client: httpx.Client | httpx.AsyncClient, request: Request, content: Any) -> httpx.Request:
    headers = dict(request.headers)
    if request.source is not None:
        headers["Content-Length"] = str(request.source.size)
        headers.setdefault("Content-Type", "application/octet-stream")
    try:
        return client.build_request(
            request.method,
            request.path,
            params=list(request.params) or None,
            json=request.json,
            data=request.form,
            content=content,
            headers=headers,
            timeout=httpx.Timeout(request.timeout_s, connect=CONNECT_S, write=TAKEN_S),
        )
    except ValueError as error:  # JSON has no words for these
        raise Invalid("NaN and infinite numbers cannot be sent. Give finite ones.") from error


class _BlockingStream(Stream):
    def __init__(self, answer: httpx.Response, address: str, timeout_s: float) -> None:
        self.status, self.headers = answer.status_code, answer.headers
        self._answer, self._address, self._timeout_s = answer, address, timeout_s

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        with in_words(self._address, self._timeout_s):
            for piece in self._answer.iter_bytes():
                yield piece

    async def close(self) -> None:
        self._answer.close()


class BlockingTransport(Transport):
    """Each call is done when its coroutine has taken its one step."""

    def __init__(self, place: Place) -> None:
        self.place = place
        uds = httpx.HTTPTransport(uds=place.socket) if place.socket else None
        self._http = httpx.Client(transport=uds, **_arguments(place))

    async def open(self, request: Request) -> Stream:
        with contextlib.ExitStack() as stack:
            stack.enter_context(in_words(self.place.shown, request.timeout_s))
            file = stack.enter_context(request.source.open()) if request.source else None
            content = iter(lambda: file.read(PIECE), b"") if file else None
            answer = self._http.send(_built(self._http, request, content), stream=True)
            return _BlockingStream(answer, self.place.shown, request.timeout_s)

    async def pause(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: ASYNC251 - blocking is what this one is for

    async def aside(self, work: Callable[[], T]) -> T:
        return work()

    async def together(self, calls: Sequence[Callable[[], Coroutine[Any, Any, None]]], at_once: int) -> None:
        if len(calls) < 2:
            for call in calls:
                await call()
            return
        with ThreadPoolExecutor(min(at_once, len(calls)), "himalia") as pool:
            tasks = [pool.submit(_done, call) for call in calls]
            try:
                for task in tasks:
                    task.result()
            finally:
                for task in tasks:
                    task.cancel()

    async def close(self) -> None:
        self._http.close()


class _AsyncStream(Stream):
    def __init__(self, answer: httpx.Response, address: str, timeout_s: float) -> None:
        self.status, self.headers = answer.status_code, answer.headers
        self._answer, self._address, self._timeout_s = answer, address, timeout_s

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        with in_words(self._address, self._timeout_s):
            async for piece in self._answer.aiter_bytes():
                yield piece

    async def close(self) -> None:
        await self._answer.aclose()


class AsyncTransport(Transport):
    """Calls wait on the running event loop."""

    def __init__(self, place: Place) -> None:
        self.place = place
        uds = httpx.AsyncHTTPTransport(uds=place.socket) if place.socket else None
        self._http = httpx.AsyncClient(transport=uds, **_arguments(place))

    async def open(self, request: Request) -> Stream:
        with contextlib.ExitStack() as stack:
            stack.enter_context(in_words(self.place.shown, request.timeout_s))
            file = stack.enter_context(await self.aside(request.source.open)) if request.source else None
            content = self._pieces_of(file) if file else None
            answer = await self._http.send(_built(self._http, request, content), stream=True)
            return _AsyncStream(answer, self.place.shown, request.timeout_s)

    async def _pieces_of(self, file: BinaryIO) -> AsyncIterator[bytes]:
        while True:
            piece = await self.aside(lambda: file.read(PIECE))
            if not piece:
                return
            yield piece

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def aside(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(None, work)

    async def together(self, calls: Sequence[Callable[[], Coroutine[Any, Any, None]]], at_once: int) -> None:
        turns = asyncio.Semaphore(at_once)

        async def one(call: Callable[[], Coroutine[Any, Any, None]]) -> None:
            async with turns:
                await call()

        tasks = [asyncio.ensure_future(one(call)) for call in calls]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        await self._http.aclose()
