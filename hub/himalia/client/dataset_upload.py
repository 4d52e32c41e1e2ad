"""Sending files to a draft: small ones many at a time, large ones each in requests that can be resumed, or as an open
file where the service is on the same machine.
"""

from __future__ import annotations

import contextlib
import io
import json
from base64 import b64encode
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO, cast

from blake3 import blake3

from himalia.client.api import Answer, Api
from himalia.client.dataset_files import LocalFile, check, opened, read
from himalia.client.digest_cache import DigestCache
from himalia.client.errors import Invalid, Unreachable, WrongState
from himalia.client.handing import handed_over
from himalia.client.transport import Request, Source

SMALL_BYTES = 1 << 20
BUNDLE_BYTES = 8 << 20
BUNDLE_FILES = 2000
PIECE_BYTES = 64 << 20
"""Most bytes of a large file in one request: the service reads as much to its end where it refuses."""
AT_ONCE = 3
UPLOAD_S = 600.0
PAUSES_S = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Before each new try, as long as nothing more arrives."""
TUS = {"Tus-Resumable": "1.0.0"}

Progress = Callable[["Sent"], None]


@dataclass
class Sent:
    """How far an upload or a download is; bytes and files that need not be sent count as sent."""

    files: int
    size: int
    files_done: int = 0
    size_done: int = 0
    _lock: Lock = field(default_factory=Lock, repr=False)

    def add(self, files: int, size: int) -> None:
        """Count what has arrived."""
        with self._lock:
            self.files_done += files
            self.size_done += size


class Sender:
    """Sends files to the draft at the path `draft`, and remembers their digests in `cache`."""

    def __init__(self, api: Api, draft: str, cache: DigestCache, sent: Sent, progress: Progress) -> None:
        self.api = api
        self.draft = draft
        self.cache = cache
        self.sent = sent
        self.progress = progress

    async def send(self, files: Iterable[LocalFile]) -> None:
        """Send them all. Raises FileChanged, HimaliaError."""
        small: list[LocalFile] = []
        calls: list[Callable[[], Coroutine[Any, Any, None]]] = []
        for file in files:
            if file.size > SMALL_BYTES:
                calls.append(_call(self._large, file))
            else:
                small.append(file)
        calls += [_call(self._bundle, some) for some in _bundles(small)]
        await self.api.transport.together(calls, AT_ONCE)

    def _tell(self, files: int, size: int) -> None:
        self.sent.add(files, size)
        self.progress(self.sent)

    async def _bundle(self, files: list[LocalFile]) -> None:
        data = await self.api.transport.aside(lambda: self._packed(files))
        source = Source(lambda: io.BytesIO(data), len(data))
        request = self.api.request("PUT", f"{self.draft}/bundle", source=source, timeout_s=UPLOAD_S)
        await self._patiently(request)
        self._tell(len(files), sum(file.size for file in files))

    def _packed(self, files: list[LocalFile]) -> bytes:
        contents = [read(file) for file in files]
        listed = []
        for file, content in zip(files, contents):  # noqa: B905 - not before Python 3.10
            digest = blake3(content).hexdigest()
            self.cache.remember(file.source, file.fingerprint, digest)
            listed.append(
                {"path": file.path, "size": file.size, "digest": digest, "executable": file.executable}
            )
        header = json.dumps({"files": listed}).encode()
        return b"".join([len(header).to_bytes(4, "big"), header, *contents])

    async def _large(self, file: LocalFile) -> None:
        described = [
            f"path {_base64(file.path)}",
            f"executable {_base64('true' if file.executable else 'false')}",
        ]
        headers = {**TUS, "Upload-Length": str(file.size), "Upload-Metadata": ",".join(described)}
        made = await self._patiently(self.api.request("POST", f"{self.draft}/files", headers=headers))
        upload = f"{self.draft}/files/{made.headers['location'].rpartition('/')[2]}"
        with contextlib.ExitStack() as stack:
            handing = handed_over(file, self.api.place.files)
            descriptor = await self.api.transport.aside(lambda: stack.enter_context(handing))
            answer = await self._all_of(file, upload, descriptor)
        await self._unchanged(file)
        digest = answer.headers.get("himalia-digest")
        if digest is not None:
            self.cache.remember(file.source, file.fingerprint, digest)
        self._tell(1, 0)

    async def _unchanged(self, file: LocalFile) -> None:
        await self.api.transport.aside(lambda: check(file, Path(file.source).stat()))

    async def _all_of(self, file: LocalFile, upload: str, descriptor: str | None) -> Answer:
        """Bring all bytes of a file to the service, which takes them from `descriptor` as long as it can."""
        offset, failed = 0, 0
        while True:
            try:
                answer = await self._rest(file, upload, offset, descriptor)
            except (Unreachable, WrongState):
                if failed == len(PAUSES_S):
                    raise
                await self.api.transport.pause(PAUSES_S[failed])
                answer = await self._patiently(self.api.request("HEAD", upload, headers=TUS))
            except Invalid:
                if descriptor is None:
                    raise
                await self._unchanged(file)
                descriptor = None
                continue
            there = int(answer.headers["upload-offset"])
            failed = 0 if there > offset else failed + 1
            self._tell(0, there - offset)
            offset = there
            if offset >= file.size:
                return answer

    async def _patiently(self, request: Request) -> Answer:
        """Send a request that does no harm when it arrives twice, for as long as a service takes to come back."""
        for pause in PAUSES_S:
            try:
                return await self.api.send(request)
            except Unreachable:
                await self.api.transport.pause(pause)
        return await self.api.send(request)

    async def _rest(self, file: LocalFile, upload: str, offset: int, descriptor: str | None) -> Answer:
        headers = {**TUS, "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
        if descriptor is not None:
            headers["Himalia-Descriptor"] = descriptor
            return await self.api.send(self.api.request("PATCH", upload, headers=headers, timeout_s=UPLOAD_S))

        def rest() -> BinaryIO:
            reader = io.FileIO(opened(file))
            reader.seek(offset)
            return cast(BinaryIO, _Bounded(reader, size))

        size = min(PIECE_BYTES, file.size - offset)
        source = Source(rest, size)
        request = self.api.request("PATCH", upload, headers=headers, source=source, timeout_s=UPLOAD_S)
        return await self.api.send(request)


class _Bounded(io.RawIOBase):
    """The first bytes of a file, which may grow meanwhile."""

    def __init__(self, reader: io.FileIO, left: int) -> None:
        self._reader = reader
        self._left = left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._reader.read(min(len(buffer), self._left)) or b""
        self._left -= len(data)
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._reader.close()
        super().close()


def _call(
    work: Callable[[Any], Coroutine[Any, Any, None]], what: Any
) -> Callable[[], Coroutine[Any, Any, None]]:
    return lambda: work(what)


def _bundles(files: Iterable[LocalFile]) -> Iterator[list[LocalFile]]:
    some: list[LocalFile] = []
    size = 0
    for file in files:
        if some and (size + file.size > BUNDLE_BYTES or len(some) == BUNDLE_FILES):
            yield some
            some, size = [], 0
        some.append(file)
        size += file.size
    if some:
        yield some


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()
