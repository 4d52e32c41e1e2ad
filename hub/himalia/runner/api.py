"""The service's HTTP interface, as a workload may use it: its own snapshot and outputs, with its own token."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import socket
import struct
import time
import urllib.parse
from typing import IO, Any, Callable, Dict, List, Optional, Tuple, TypeVar

PREFIX = "/services/himalia"
BASE = f"{PREFIX}/api/v1"
_TIMEOUT_S = 180.0
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_LONGEST_ERROR = 65536

T = TypeVar("T")


class Refused(Exception):
    """The service answered that it will not do this; the text is its own message."""


class _Away(Exception):
    """The service cannot be reached or is not well: worth another try."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Api:
    """Calls for the workload ``workload`` with ``token``; waits, without end, while the service is away.

    ``address`` is the path of a Unix socket, or an ``http://`` or ``https://`` URL.
    """

    def __init__(self, address: str, workload: str, token: str) -> None:
        self._address = address
        self._headers = {"Authorization": f"Bearer {token}"}
        self._workload = urllib.parse.quote(workload, safe="")

    def snapshot(self, unpack: Callable[[IO[bytes]], T]) -> T:
        """What ``unpack`` answers when given the tar stream of the code snapshot.

        Raises Refused, and whatever ``unpack`` raises. ``unpack`` is called again if the stream breaks off.
        """
        return self._persist(lambda: self._get("snapshot", unpack))

    def put_output(self, path: str, body: IO[bytes], size: int) -> Dict[str, Any]:
        """Store ``size`` bytes of ``body`` as the output ``path``; answers ``{"path", "size", "digest"}``.

        Raises Refused.
        """

        def attempt() -> Dict[str, Any]:
            body.seek(0)
            headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
            answer = self._request(
                "PUT", f"outputs/{urllib.parse.quote(path)}", _Limited(body, size), headers
            )
            result = json.loads(answer.read())
            return {"path": path, "size": result["size"], "digest": result["digest"]}

        return self._persist(attempt)

    def put_outputs(self, files: List[Tuple[str, bytes]]) -> List[Dict[str, Any]]:
        """Store many small outputs, given as (path, content), with one call; answers as :meth:`put_output`, in order.

        Raises Refused, when none was stored.
        """
        listed = json.dumps(
            {"files": [{"path": path, "size": len(content)} for path, content in files]}
        ).encode()
        body = b"".join([struct.pack(">L", len(listed)), listed, *(content for _, content in files)])

        def attempt() -> List[Dict[str, Any]]:
            headers = {"Content-Length": str(len(body)), "Content-Type": "application/octet-stream"}
            answer = self._request("POST", "outputs", _Limited(io.BytesIO(body), len(body)), headers)
            items = json.loads(answer.read())["items"]
            return [{"path": one["path"], "size": one["size"], "digest": one["digest"]} for one in items]

        return self._persist(attempt)

    def _get(self, path: str, use: Callable[[IO[bytes]], T]) -> T:
        return use(self._request("GET", path))

    def _request(
        self,
        method: str,
        path: str,
        body: Optional[_Limited] = None,
        headers: Optional[Dict[str, str]] = None,
    ) -> http.client.HTTPResponse:
        connection, prefix = connect(self._address)
        target = f"{prefix}{BASE}/workloads/{self._workload}/{path}"
        try:
            # It may answer, with a refusal, before it has read all.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, target, body, {**self._headers, **(headers or {})})
            response = connection.getresponse()
        except OSError as error:
            raise _Away(str(error)) from error
        if response.status >= 500 or response.status == 429:
            raise _Away(f"HTTP {response.status}")
        if response.status >= 300:
            raise Refused(error_message(response))
        return response

    def _persist(self, attempt: Callable[[], T]) -> T:
        pause = _FIRST_PAUSE_S
        while True:
            try:
                return attempt()
            except (_Away, ConnectionError, socket.timeout, http.client.HTTPException, EOFError):
                # The service will be back: nothing can be reported without it either.
                time.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_S)


class _Limited:
    """The next ``size`` bytes of a file, for http.client."""

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream = stream
        self._left = size

    def read(self, count: int = -1) -> bytes:
        data = self._stream.read(self._left if count < 0 else min(count, self._left))
        self._left -= len(data)
        return data


def connect(address: str, timeout_s: float = _TIMEOUT_S) -> Tuple[http.client.HTTPConnection, str]:
    """A connection to a Unix socket or URL, opened by its first request, and what paths begin with there."""
    if address.startswith("/"):
        return _UnixConnection(address), ""
    url = urllib.parse.urlsplit(address)
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    return kind(url.hostname or "", url.port, timeout=timeout_s), url.path.rstrip("/")


def error_message(response: http.client.HTTPResponse) -> str:
    """What the service says of its refusal."""
    text = response.read(_LONGEST_ERROR)
    try:
        return str(json.loads(text)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"the service answered with HTTP status {response.status}"
