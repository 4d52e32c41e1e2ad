"""The service's HTTP interface over a URL, as on a cluster; the Unix socket is tried with a real runner."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from himalia.runner.api import Api, Refused


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer(b"the tar", int(self.server.statuses.pop(0)))  # type: ignore[attr-defined]

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, self.headers["Authorization"], body))  # type: ignore[attr-defined]
        self._answer(json.dumps({"path": "x", "size": len(body), "digest": "d"}).encode())

    def _answer(self, content: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: Any) -> None:
        """Stay quiet."""


@pytest.fixture
def server() -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.statuses, server.seen = [], []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def _api(server: Any) -> Api:
    return Api(f"http://127.0.0.1:{server.server_port}/prefix", "abc", "him_work_secret")


def test_outputs_go_below_the_urls_path_with_the_token(server: Any) -> None:
    stored = _api(server).put_output("outputs/a b.txt", io.BytesIO(b"12345"), 5)
    assert stored == {"path": "outputs/a b.txt", "size": 5, "digest": "d"}
    path = "/prefix/services/himalia/api/v1/workloads/abc/outputs/outputs/a%20b.txt"
    assert server.seen == [(path, "Bearer him_work_secret", b"12345")]


def test_what_passes_is_tried_again_and_what_does_not_is_told(server: Any) -> None:
    server.statuses = [503, 500, 200]
    assert _api(server).snapshot(lambda stream: stream.read()) == b"the tar"
    server.statuses = [403]
    with pytest.raises(Refused, match="HTTP status 403"):
        _api(server).snapshot(lambda stream: stream.read())


def test_redirects_are_not_followed(server: Any) -> None:
    server.statuses = [302]
    with pytest.raises(Refused):
        _api(server).snapshot(lambda stream: stream.read())
