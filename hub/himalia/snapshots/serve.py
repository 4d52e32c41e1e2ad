"""Answering with an object's bytes: what users made is never rendered with the rights of the hub's origin."""

from __future__ import annotations

import asyncio
import io
import mimetypes
import re
import threading
from collections.abc import AsyncIterator, Iterator
from urllib.parse import quote

from fastapi.responses import Response, StreamingResponse

from himalia.storage.base import ObjectStore
from himalia.storage.trees import Tree, write_tar

PIECE_BYTES = 2**18
SANDBOXED = {
    "Content-Security-Policy": (
        "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}
TYPES = {
    ".csv": "text/csv",
    ".ipynb": "application/x-ipynb+json",
    ".jsonl": "application/jsonl",
    ".md": "text/markdown",
    ".parquet": "application/vnd.apache.parquet",
    ".tsv": "text/tab-separated-values",
}
"""Beside, and before, what the machine's own table says."""
_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})\Z")


def media_type(path: str) -> str:
    """The type that a file's name stands for."""
    ending = path[path.rfind(".") :]
    return TYPES.get(ending) or mimetypes.guess_type(path)[0] or "application/octet-stream"


def file_response(
    store: ObjectStore,
    path: str,
    digest: str,
    size: int,
    *,
    download: bool = False,
    wanted: str | None = None,
) -> Response:
    """An object as the file `path`; of its bytes only those that `wanted`, a Range header, asks for (RFC 9110)."""
    name = quote(path.rsplit("/")[-1])
    headers = {
        **SANDBOXED,
        "Accept-Ranges": "bytes",
        "ETag": f'"{digest}"',
        "Content-Disposition": f"{'attachment' if download else 'inline'}; filename*=UTF-8''{name}",
    }
    part = _part(wanted, size)
    if part is None:
        headers["Content-Range"] = f"bytes */{size}"
        return Response(status_code=416, headers=headers)
    start, end = part
    headers["Content-Length"] = str(end - start)
    status = 200
    if (start, end) != (0, size):
        status = 206
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return StreamingResponse(
        _pieces(store, digest, start, end), status, media_type=media_type(path), headers=headers
    )


def _part(wanted: str | None, size: int) -> tuple[int, int] | None:
    """Where to begin and end; None for what lies outside. What is no single range is answered with all."""
    match = _RANGE.match(wanted) if wanted else None
    if match is None or not any(match.groups()):
        return 0, size
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
    return (start, end) if start < end else None


def _pieces(store: ObjectStore, digest: str, start: int, end: int) -> Iterator[bytes]:
    with store.open(digest) as reader:
        reader.seek(start)
        while start < end and (piece := reader.read(min(PIECE_BYTES, end - start))):
            start += len(piece)
            yield piece


async def tar_pieces(tree: Tree, store: ObjectStore) -> AsyncIterator[bytes]:
    """A tree as a tar, in pieces; each file is read in a thread when its turn comes."""
    if tree.size < 2**20:
        buffer = io.BytesIO()
        await asyncio.to_thread(write_tar, tree, store, buffer)
        yield buffer.getvalue()
        return
    pipe: asyncio.Queue[bytes | None] = asyncio.Queue(16)
    loop, left = asyncio.get_running_loop(), threading.Event()

    class Out:
        def write(self, data: bytes) -> int:
            if left.is_set():
                raise BrokenPipeError
            asyncio.run_coroutine_threadsafe(pipe.put(bytes(data)), loop).result()
            return len(data)

    def work() -> None:
        try:
            write_tar(tree, store, Out())
        except BrokenPipeError:
            return  # nobody reads any more
        finally:
            asyncio.run_coroutine_threadsafe(pipe.put(None), loop).result()

    writing = asyncio.create_task(asyncio.to_thread(work))
    try:
        while (piece := await pipe.get()) is not None:
            yield piece
        await writing
    finally:
        left.set()
        while not pipe.empty():
            pipe.get_nowait()
