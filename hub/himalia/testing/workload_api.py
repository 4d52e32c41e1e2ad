"""The part of the service's HTTP interface that workloads call: snapshots and outputs, and what runners in pods call
besides, reports and orders. On a Unix socket, or at an address of TCP."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import socket
import socketserver
import tarfile
import threading
import urllib.parse
from collections.abc import Coroutine, Mapping
from concurrent.futures import CancelledError
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from himalia.core.errors import HimaliaError
from himalia.engine.reception import Reception


class WorkloadApi:
    """Answers `GET …/workloads/{workload}/snapshot`, `PUT …/workloads/{workload}/outputs/{path}`, and
    `POST …/workloads/{workload}/outputs`, which `bundles` counts; while a reception is attached, also
    `POST …/workloads/{workload}/reports` and `GET …/workloads/{workload}/orders`.

    `at` is the path of a Unix socket, or a host, which gets a port. `outputs` maps (workload, path) to what was
    stored; `authorizations` are the header's values as they came; the next calls that store something are refused
    with the statuses in `failures`.
    """

    def __init__(self, at: Path | str) -> None:
        self.at: Path | tuple[str, int] = at if isinstance(at, Path) else (at, 0)
        self.snapshots: dict[str, bytes] = {}
        self.outputs: dict[tuple[str, str], bytes] = {}
        self.failures: list[int] = []
        self.bundles = 0
        self.authorizations: list[str | None] = []
        self.desk: tuple[Reception, asyncio.AbstractEventLoop] | None = None
        self.up()

    @property
    def url(self) -> str:
        """Where it listens, as runners name it: a path or a URL."""
        return str(self.at) if isinstance(self.at, Path) else f"http://{self.at[0]}:{self.at[1]}"

    def up(self) -> None:
        """Listen; anybody may connect, as to the service itself."""
        if isinstance(self.at, Path):
            self._server: _Server = _UnixServer(self, self.at)
            self.at.chmod(0o666)
        else:
            self._server = _Server(self, self.at)
            self.at = (self.at[0], self._server.server_address[1])  # the same again after `down`
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def down(self) -> None:
        """Go away as a service that ends does; `up` brings it back."""
        self._server.shutdown()
        self._server.server_close()
        if isinstance(self.at, Path):
            self.at.unlink()

    def attach(self, reception: Reception | None) -> None:
        """Pass reports on to a backend's reception, which lives in the loop that runs now; to nobody with None."""
        self.desk = (reception, asyncio.get_running_loop()) if reception is not None else None

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


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, api: WorkloadApi, address: Any) -> None:
        self.api = api
        super().__init__(address, _Handler)

    def handle_error(self, *_: Any) -> None:
        """A caller that is gone is what a test asked for."""


class _UnixServer(_Server):
    address_family = socket.AF_UNIX

    def __init__(self, api: WorkloadApi, path: Path) -> None:
        super().__init__(api, str(path))


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        place, _, query = self.path.partition("?")
        *_, workload, what = place.split("/")
        if what == "orders":
            self._orders(workload, dict(urllib.parse.parse_qsl(query)))
            return
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
        *_, workload, what = self.path.split("/")
        if what == "reports":
            self._report(workload, json.loads(body))
            return
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

    def _report(self, workload: str, body: Mapping[str, Any]) -> None:
        if (desk := self.server.api.desk) is None:
            self._away()
            return
        name = f"{workload}-{body['attempt']}"
        took = self._ask(desk[0].take(name, body["rank"], body["runner"], body["reports"]), desk[1])
        if took is not None:
            told = {"acknowledged": took.acknowledged, "pause_s": took.pause_s}
            self._answer(200, {**told, **asdict(took.orders)})

    def _orders(self, workload: str, query: Mapping[str, str]) -> None:
        if (desk := self._api().desk) is None:
            self._away()
            return
        name = f"{workload}-{query['attempt']}"
        knows = query.get("should_stop") == "true"
        asked = desk[0].orders(name, int(query["rank"]), float(query["wait_s"]), knows)
        orders = self._ask(asked, desk[1])
        if orders is not None:
            self._answer(200, asdict(orders))

    def _ask(self, asked: Coroutine[Any, Any, Any], loop: asyncio.AbstractEventLoop) -> Any:
        """What a reception answers; None where this has been answered already."""
        try:
            return asyncio.run_coroutine_threadsafe(asked, loop).result()
        except HimaliaError as error:
            self._answer(error.status, error.body())
        except (RuntimeError, CancelledError):  # its loop has ended
            asked.close()
            self._away()
        return None

    def _away(self) -> None:
        self._answer(503, {"error": {"code": "unavailable", "message": "Nobody is there."}})

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
