"""The part of the service's HTTP interface that workloads call, on a Unix socket: snapshots and outputs."""

from __future__ import annotations

import hashlib
import io
import json
import socketserver
import tarfile
import threading
import urllib.parse
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any


class WorkloadApi:
    """Answers `GET …/workloads/{workload}/snapshot`, `PUT …/workloads/{workload}/outputs/{path}`, and
    `POST …/workloads/{workload}/outputs`, which `bundles` counts.

    `outputs` maps (workload, path) to what was stored; `authorizations` are the header's values as they came;
    the next calls that store something are refused with the statuses in `failures`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.snapshots: dict[str, bytes] = {}
        self.outputs: dict[tuple[str, str], bytes] = {}
        self.failures: list[int] = []
        self.bundles = 0
        self.authorizations: list[str | None] = []
        self.up()

    def up(self) -> None:
        """Listen; anybody may connect, as to the service itself."""
        self._server = _Server(self)
        self.path.chmod(0o666)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def down(self) -> None:
        """Go away as a service that ends does; `up` brings it back."""
        self._server.shutdown()
        self._server.server_close()
        self.path.unlink()

    def add_snapshot(self, workload: str, files: Mapping[str, str | bytes]) -> None:
        """Have `files` (path → content) be the code snapshot of `workload`."""
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as archive:
            for name, content in files.items():
                data = content.encode() if isinstance(content, str) else content
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        self.snapshots[workload] = stream.getvalue()


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, api: WorkloadApi) -> None:
        self.api = api
        super().__init__(str(api.path), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        workload = self.path.split("/")[-2]
        tar = self._api().snapshots.get(workload)
        if tar is None:
            self._answer(404, {"error": {"code": "not_found", "message": "There is no such snapshot."}})
            return
        self._send(200, tar)

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        api = self._api()
        if api.failures:
            self._answer(api.failures.pop(0), {"error": {"code": "x", "message": "Not now."}})
            return
        workload, quoted = self.path.split("/workloads/")[1].split("/outputs/")
        path = urllib.parse.unquote(quoted)
        api.outputs[workload, path] = body
        self._answer(200, {"path": path, "size": len(body), "digest": hashlib.sha256(body).hexdigest()})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        api = self._api()
        if api.failures:
            self._answer(api.failures.pop(0), {"error": {"code": "x", "message": "Not now."}})
            return
        workload = self.path.split("/")[-2]
        length = int.from_bytes(body[:4], "big")
        at, items = 4 + length, []
        for file in json.loads(body[4:at])["files"]:
            content = body[at : at + file["size"]]
            at += len(content)
            api.outputs[workload, file["path"]] = content
            digest = hashlib.sha256(content).hexdigest()
            items.append({"path": file["path"], "size": len(content), "digest": digest})
        api.bundles += 1
        self._answer(200, {"items": items})

    def _api(self) -> WorkloadApi:
        self.server.api.authorizations.append(self.headers["Authorization"])
        return self.server.api

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        self._send(status, json.dumps(content).encode())

    def _send(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def address_string(self) -> str:
        """Who calls; a Unix socket has no address to tell."""
        return "unix"

    def log_message(self, *_: Any) -> None:
        """Stay quiet: a refusal is what a test asked for."""
