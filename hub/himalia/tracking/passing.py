"""Passing calls on to MLflow and answers back, without what tells who called."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from urllib.parse import quote

import httpx
from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from himalia.core.disk import CHECK_BYTES, CheckDisk
from himalia.core.errors import TooLarge, Unavailable
from himalia.tracking.client import MlflowClient
from himalia.tracking.service import Tracking

PASSED_ON = ("accept", "content-type", "content-length", "range", "if-none-match", "if-modified-since")
PASSED_BACK = (
    *("content-type", "content-length", "content-disposition", "content-range", "accept-ranges"),
    *("etag", "last-modified"),
)
SAFE = {
    "Content-Security-Policy": "sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
"""What was logged is never a page of the origin that shows it."""


SMALL_BYTES = 4 << 20
"""Largest call that is no file; MLflow's own limit for a batch is 1 MB."""


async def forward(
    request: Request,
    tracking: Tracking,
    client: MlflowClient,
    path: str,
    headers_back: Mapping[str, str] = SAFE,
) -> Response:
    """Pass a call on, in the client's workspace and without what tells who called, and its answer back.

    Files are passed on as they come, both ways. Raises TooLarge, DiskFull, Unavailable.
    """
    limit_bytes = tracking.artifact_limit_bytes
    headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
    size = int(headers.get("content-length") or 0)
    if size > limit_bytes:
        raise TooLarge(f"A file in MLflow may have {limit_bytes} bytes.")
    url = httpx.URL("http://mlflow/" + quote(path, safe="/"), query=request.scope["query_string"] or None)
    # A file goes on as it comes; anything else is small, and read whole before MLflow hears of it.
    content: AsyncIterator[bytes] | bytes | None = None
    if request.method == "PUT":
        tracking.check_disk(size)
        content = checked(_limited(request, limit_bytes), tracking.check_disk)
    elif request.method != "GET":
        content = b"".join([piece async for piece in _limited(request, SMALL_BYTES)])
    outgoing = client.http.build_request(
        request.method,
        url,
        headers={**headers, **client.headers},
        content=content,
    )
    try:
        answer = await client.http.send(outgoing, stream=True)
    except httpx.TransportError as error:
        raise Unavailable("MLflow ended while it was asked. Try again in a moment.") from error
    kept = {name: answer.headers[name] for name in PASSED_BACK if name in answer.headers}
    small = int(answer.headers.get("content-length") or 2**62) <= 2**16
    if small or not answer.is_success:
        # The client may be gone from MLflow before a stream is read to its end.
        content = await answer.aread()
        await answer.aclose()
        kept.pop("content-length", None)
        return Response(content, answer.status_code, {**kept, **headers_back})
    return StreamingResponse(_stream(tracking, answer), answer.status_code, {**kept, **headers_back})


async def _limited(request: Request, limit_bytes: int) -> AsyncIterator[bytes]:
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > limit_bytes:
            raise TooLarge(f"This may have {limit_bytes} bytes.")
        yield piece


async def checked(pieces: AsyncIterator[bytes], check_disk: CheckDisk) -> AsyncIterator[bytes]:
    """The pieces, as long as there is room for more. Raises DiskFull."""
    unchecked = 0
    async for piece in pieces:
        unchecked += len(piece)
        if unchecked > CHECK_BYTES:
            check_disk()
            unchecked = 0
        yield piece


async def _stream(tracking: Tracking, answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async with tracking.process.use():
            async for piece in answer.aiter_raw():
                yield piece
    finally:
        await answer.aclose()
