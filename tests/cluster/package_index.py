"""A package index (PEP 503, with metadata as in PEP 658) where pods reach it: what an image has, and a wheel more."""

from __future__ import annotations

import io
import re
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from machinery.images import CHECKOUT

_LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


class PackageIndex:
    """Serves `name` in version 1.0, whose module has `ANSWER`; `fetched` are the wheels that were.

    A cluster's own index need not have more: of the packages that the image has, versions are chosen by their
    metadata, and none is fetched.
    """

    def __init__(self, host: str, name: str, locked: str = "base") -> None:
        lock = CHECKOUT / "images" / locked / "requirements.lock"
        self.wheel = _wheel(name)
        self.packages: dict[str, list[str]] = {name: ["1.0"]}
        # A lock for several versions of Python names some packages more than once.
        for found, version in _LOCKED.findall(lock.read_text()):
            self.packages.setdefault(_normal(found), []).append(version)
        self.own = name
        self.fetched: list[str] = []
        self._server = ThreadingHTTPServer((host, 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.url = f"http://{host}:{self._server.server_port}/simple"

    def answer(self, path: str) -> tuple[str, bytes] | None:
        """(type, content) of what is at a path."""
        if simple := re.fullmatch(r"/simple/([^/]+)/", path):
            return self._page(simple[1])
        if metadata := re.fullmatch(r"/files/(.+)-([^-]+)-py3-none-any\.whl\.metadata", path):
            return "text/plain", _metadata(metadata[1], metadata[2]).encode()
        if path == f"/files/{_file(self.own, '1.0')}":
            self.fetched.append(self.own)
            return "application/octet-stream", self.wheel
        return None

    def _page(self, name: str) -> tuple[str, bytes] | None:
        if name not in self.packages:
            return None
        files = [_file(name, version) for version in self.packages[name]]
        known = 'data-core-metadata="true" data-dist-info-metadata="true"'
        links = "".join(f'<a href="/files/{file}" {known}>{file}</a>' for file in files)
        return "text/html", f"<!DOCTYPE html><html><body>{links}</body></html>".encode()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(index: PackageIndex) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = index.answer(self.path)
            self.send_response(200 if found else 404)
            kind, content = found or ("text/plain", b"")
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    return Handler


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _file(name: str, version: str) -> str:
    return f"{name.replace('-', '_')}-{version}-py3-none-any.whl"


def _metadata(name: str, version: str) -> str:
    return f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"


def _wheel(name: str) -> bytes:
    """A wheel (PEP 427) with one module."""
    module, about = name.replace("-", "_"), f"{name.replace('-', '_')}-1.0.dist-info"
    files = {
        f"{module}.py": "ANSWER = 42\n",
        f"{about}/METADATA": _metadata(name, "1.0"),
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{about}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{about}/RECORD"])
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return written.getvalue()
