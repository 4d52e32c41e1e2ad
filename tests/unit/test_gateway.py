"""The gateway as a process of its own, in front of small real servers on Unix sockets."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from platforms import free_port

from himalia.gateway import state
from himalia.gateway.client import GatewayClient
from himalia.gateway.metrics import Metrics, merged
from himalia.gateway.traffic import Gateway as Traffic
from himalia.gateway.traffic import Limits

T = TypeVar("T")
TOKEN = "him_end_of-the-tests"
PATH = "/ada/iris/v2/models/iris/infer"


class Model(BaseHTTPRequestHandler):
    """Answers with what it was sent; some paths do other things."""

    protocol_version = "HTTP/1.1"
    number = 0

    def address_string(self) -> str:
        return "gateway"

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        served: Server = self.server  # type: ignore[assignment]
        if self.path.endswith("/refuse-early"):
            self.answer(400, b"no")
            self.close_connection = True
            with suppress(OSError):  # a close with something unread would take the answer back
                while self.rfile.read(2**16):
                    pass
            return
        body = self.body()
        if self.path.endswith("/slow"):
            served.entered.set()
            served.proceed.wait(10)
        elif self.path.endswith("/die"):
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        elif self.path.endswith("/nonsense"):
            self.wfile.write(b"this is no HTTP\r\n\r\n")
            self.close_connection = True
            return
        elif self.path.endswith("/stream"):
            self.stream(served)
            return
        elif self.path.endswith("/status"):
            self.wfile.write(b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n")
            return
        elif self.path.endswith("/endless"):
            self.close_connection = True
            with suppress(OSError):  # the gateway has heard enough
                self.wfile.write(b"HTTP/1.1 200 OK\r\n")
                while True:
                    self.wfile.write(b"X-More: and more\r\n" * 100)
            return
        shown = {
            "server": served.number,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "length": len(body),
            "sum": sum(body),
        }
        self.answer(200, json.dumps(shown).encode())

    do_GET = do_POST  # noqa: N815  (the base class's name)

    def body(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", "0")))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Set-Cookie": "jupyterhub-session-id=stolen; Path=/",
            "X-Accel-Redirect": "/etc/passwd",
            "Service-Worker-Allowed": "/",
            "X-Request-Id": "of-the-model",
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def stream(self, served: Server) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"6\r\nfirst \r\n")
        served.entered.set()
        served.proceed.wait(10)
        self.wfile.write(b"4\r\nlast\r\n0\r\n\r\n")


class Server(socketserver.ThreadingUnixStreamServer):
    """A model server of its own number."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, path: Path, number: int) -> None:
        super().__init__(str(path), Model)
        self.number = number
        self.entered, self.proceed = threading.Event(), threading.Event()
        self.connections: list[socket.socket] = []
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.append(request)
        super().process_request(request, client_address)

    def end(self) -> None:
        """Listen no more, and end every connection, as a process does that is killed."""
        self.shutdown()
        self.server_close()
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Gateway:
    """`python -m himalia.gateway` on a home of its own."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="hgw", dir="/tmp"))
        self.folder = self.home / "gateway"
        self.folder.mkdir(mode=0o700)
        self.url = f"http://127.0.0.1:{free_port()}"
        self.endpoints: list[dict[str, Any]] = []
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        variables = {
            "HIMALIA_GATEWAY_ADDRESS": self.url.removeprefix("http://"),
            "HIMALIA_ENDPOINT_TIMEOUT_S": "3",
            "HIMALIA_ENDPOINT_BODY_LIMIT_BYTES": str(4 * 2**20),
        }
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "himalia.gateway", "--home", str(self.home)],
                env={**os.environ, **variables},
                stdin=subprocess.DEVNULL,
                stderr=log,
            )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                assert httpx.get(f"{self.url}/health").json() == {"status": "ok"}
                return
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError((self.home / "log").read_text())

    def stop(self, number: int = signal.SIGTERM) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(20)

    def serves(self, *revisions: tuple[int, Path, int], **endpoint: Any) -> None:
        """Write a state in which `iris` has these revisions: number, socket, weight."""
        shown = [
            {"id": f"r{number}", "number": number, "attempt": 1, "address": f"unix:{path}", "weight": weight}
            for number, path, weight in revisions
        ]
        known = {
            "id": "e1",
            "project": "ada",
            "name": "iris",
            "message": "The endpoint is stopped. Start it first.",
            "tokens": {hashlib.sha256(TOKEN.encode()).hexdigest(): None},
            "revisions": shown,
        }
        state.write(self.folder, {"endpoints": [{**known, **endpoint}]})

    def ask(self, call: Callable[[GatewayClient], Coroutine[Any, Any, T]]) -> T:
        """What the service's side of the control socket answers."""

        async def asked() -> T:
            client = GatewayClient.over_unix(self.folder)
            try:
                return await call(client)
            finally:
                await client.close()

        return asyncio.run(asked())

    def reload(self) -> None:
        self.ask(lambda client: client.reload())

    def post(self, path: str = PATH, content: Any = b"{}", **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {TOKEN}", **options.pop("headers", {})}
        return httpx.post(f"{self.url}{path}", content=content, headers=headers, timeout=20, **options)


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    made = Gateway()
    made.start()
    yield made
    made.stop()
    subprocess.run(["rm", "-rf", str(made.home)], check=True)


@pytest.fixture
def servers(gateway: Gateway) -> Iterator[list[Server]]:
    """Two servers, numbered 1 and 2."""
    folder = Path(tempfile.mkdtemp(prefix="hgs", dir="/tmp"))
    made = [Server(folder / f"{number}.sock", number) for number in (1, 2)]
    yield made
    for one in made:
        one.proceed.set()
        one.end()
    subprocess.run(["rm", "-rf", str(folder)], check=True)


def path_of(server: Server) -> Path:
    return Path(str(server.server_address))


def test_a_model_sees_no_credential_and_sets_none(gateway: Gateway, servers: list[Server]) -> None:
    gateway.serves((1, path_of(servers[0]), 100))
    gateway.reload()
    sent = {
        "Cookie": "jupyterhub-session-id=secret",
        "X-Forwarded-For": "10.0.0.1",
        "Forwarded": "for=10.0.0.1",
        "X-Real-Ip": "10.0.0.1",
        "X-Xsrftoken": "secret",
        "Proxy-Authorization": "Basic secret",
        "Inference-Header-Content-Length": "2",
        "Content-Type": "application/json",
    }
    answer = gateway.post(headers=sent)
    assert answer.status_code == 200
    seen = answer.json()
    assert seen["path"] == "/v2/models/iris/infer"
    assert set(seen["headers"]) <= {
        *("host", "accept", "accept-encoding", "content-type", "content-length", "user-agent"),
        "inference-header-content-length",
    }
    assert "secret" not in answer.text
    assert TOKEN not in answer.text
    assert {"set-cookie", "x-accel-redirect", "service-worker-allowed"}.isdisjoint(answer.headers)
    assert answer.headers["x-request-id"] == "of-the-model"
    assert answer.headers["content-security-policy"].startswith("sandbox")
    assert int(answer.headers["content-length"]) == len(answer.content)
    through_the_hub = gateway.post(f"/services/himalia-gateway{PATH}")
    assert through_the_hub.json()["path"] == "/v2/models/iris/infer"


@pytest.mark.parametrize(
    "authorization",
    [
        *(None, "Bearer him_end_of-another-endpoint", "Bearer 0123456789abcdef", f"Basic {TOKEN}"),
        *("Bearer him_user_x", "Bearer him_work_x.1.y", f"token {TOKEN}", "Bearer"),
    ],
)
def test_only_the_endpoints_tokens_open_it(
    gateway: Gateway, servers: list[Server], authorization: str | None
) -> None:
    gateway.serves((1, path_of(servers[0]), 100))
    gateway.reload()
    headers = {} if authorization is None else {"Authorization": authorization}
    for path in (PATH, PATH.replace("iris", "other"), f"{PATH}?token={TOKEN}"):
        answer = httpx.post(f"{gateway.url}{path}", headers=headers, content=b"{}")
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["error"]["code"] == "unauthenticated"


def test_a_token_expires_by_itself(gateway: Gateway, servers: list[Server]) -> None:
    hashed = hashlib.sha256(TOKEN.encode()).hexdigest()
    ends = time.time() + 0.5
    gateway.serves((1, path_of(servers[0]), 100), tokens={hashed: ends})
    gateway.reload()
    while (answer := gateway.post()).status_code == 200:
        assert time.time() < ends + 30
        time.sleep(0.02)
    assert answer.status_code == 401
    assert time.time() > ends


def test_large_bodies_pass_and_larger_ones_do_not(gateway: Gateway, servers: list[Server]) -> None:
    gateway.serves((1, path_of(servers[0]), 100))
    gateway.reload()
    body = os.urandom(3 * 2**20)
    assert gateway.post(content=body).json()["sum"] == sum(body)

    def pieces(count: int) -> Iterator[bytes]:
        for _ in range(count):
            yield body[: 2**20]

    streamed = gateway.post(content=pieces(3))
    assert (streamed.status_code, streamed.json()["length"]) == (200, 3 * 2**20)
    for content in (bytes(5 * 2**20), pieces(6)):
        refused = gateway.post(content=content)
        assert (refused.status_code, refused.json()["error"]["code"]) == (413, "too_large")
    assert gateway.post().status_code == 200


def test_a_body_that_is_too_large_is_not_waited_for(gateway: Gateway) -> None:
    host, port = gateway.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as raw:
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
        raw.sendall(f"{head}Content-Length: {100 * 2**30}\r\n\r\n".encode())
        assert raw.recv(20).startswith(b"HTTP/1.1 413")


def test_an_answer_before_the_end_of_the_body(gateway: Gateway, servers: list[Server]) -> None:
    gateway.serves((1, path_of(servers[0]), 100))
    gateway.reload()
    answer = gateway.post("/ada/iris/v2/refuse-early", content=bytes(3 * 2**20))
    assert (answer.status_code, answer.text) == (400, "no")
    assert gateway.post().status_code == 200


def test_what_breaks_says_so_and_the_rest_goes_on(gateway: Gateway, servers: list[Server]) -> None:
    gateway.serves((1, path_of(servers[0]), 100))
    gateway.reload()
    for path, status, code in (
        ("/ada/iris/v2/die", 502, "model_failed"),
        ("/ada/iris/v2/nonsense", 502, "model_failed"),
        ("/ada/iris/v2/endless", 502, "model_failed"),
        ("/ada/iris/v2/status", 502, "model_failed"),
        ("/ada/iris/v2/slow", 504, "too_slow"),
    ):
        answer = gateway.post(path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert gateway.post().status_code == 200
    assert gateway.post("/ada").status_code == 404
    assert httpx.put(f"{gateway.url}{PATH}").status_code == 405
    gateway.serves()
    gateway.reload()
    stopped = gateway.post()
    assert stopped.status_code == 503
    assert stopped.json()["error"]["message"] == "The endpoint is stopped. Start it first."
    assert stopped.headers["retry-after"]


def test_a_request_that_was_not_sent_goes_to_another_revision(
    gateway: Gateway, servers: list[Server]
) -> None:
    gateway.serves((1, path_of(servers[0]), 50), (2, path_of(servers[1]), 50))
    gateway.reload()
    assert {gateway.post().json()["server"] for _ in range(40)} == {1, 2}
    path = path_of(servers[0])
    servers[0].end()
    path.unlink()
    answers = [gateway.post() for _ in range(20)]
    assert {(one.status_code, one.json()["server"]) for one in answers} == {(200, 2)}
    servers[0].__init__(path, 1)  # type: ignore[misc]


def test_a_link_in_place_of_a_socket_is_not_followed(gateway: Gateway, servers: list[Server]) -> None:
    link = path_of(servers[0]).with_name("serve.sock")
    link.symlink_to(path_of(servers[1]))
    gateway.serves((1, link, 100))
    gateway.reload()
    assert gateway.post().status_code == 503


def test_weights_share_the_requests(gateway: Gateway, servers: list[Server]) -> None:
    gateway.serves((1, path_of(servers[0]), 90), (2, path_of(servers[1]), 10))
    gateway.reload()
    with httpx.Client(headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        seen = [client.post(f"{gateway.url}{PATH}").json()["server"] for _ in range(600)]
    assert 20 < seen.count(2) < 120  # 60 expected, with a deviation of 7


def test_a_retired_revision_finishes_its_requests(gateway: Gateway, servers: list[Server]) -> None:
    gateway.serves((1, path_of(servers[0]), 100))
    gateway.reload()
    answers: list[httpx.Response] = []
    waiting = threading.Thread(target=lambda: answers.append(gateway.post("/ada/iris/v2/slow")))
    waiting.start()
    assert servers[0].entered.wait(5)
    gateway.serves((2, path_of(servers[1]), 100))
    gateway.reload()
    assert gateway.post().json()["server"] == 2
    assert gateway.ask(lambda client: client.drained("r1", 0.1)) == 1
    servers[0].proceed.set()
    assert gateway.ask(lambda client: client.drained("r1", 5)) == 0
    waiting.join()
    assert (answers[0].status_code, answers[0].json()["server"]) == (200, 1)


def answered(connection: socket.socket) -> bytes:
    """An answer whose body is a JSON object."""
    data = b""
    while not data.endswith(b"}"):
        piece = connection.recv(2**16)
        assert piece, data
        data += piece
    return data


def test_a_body_that_comes_slowly_finds_who_took_over_meanwhile(
    gateway: Gateway, servers: list[Server]
) -> None:
    gateway.serves((1, path_of(servers[0]), 100))
    gateway.reload()
    host, port = gateway.url.removeprefix("http://").split(":")
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 2\r\n\r\n"
    with ExitStack() as opened:
        first, second = (opened.enter_context(socket.create_connection((host, int(port)))) for _ in range(2))
        for one in (first, second):
            one.settimeout(10)
            one.sendall(f"{head}{{".encode())
        assert gateway.post().json()["server"] == 1  # so both heads were read before
        gateway.serves((2, path_of(servers[1]), 100))
        gateway.reload()
        path_of(servers[0]).unlink()
        first.sendall(b"}")
        answer = answered(first)
        assert answer.startswith(b"HTTP/1.1 200")
        assert b'"server": 2' in answer
        gateway.serves((2, path_of(servers[1]), 100), tokens={})
        gateway.reload()
        second.sendall(b"}")
        assert answered(second).startswith(b"HTTP/1.1 401")


def test_an_answer_passes_on_as_it_comes(gateway: Gateway, servers: list[Server]) -> None:
    gateway.serves((1, path_of(servers[0]), 100))
    gateway.reload()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.stream("POST", f"{gateway.url}/ada/iris/v2/stream", headers=headers) as answer:
        pieces = answer.iter_raw()
        assert next(pieces) == b"first "
        servers[0].proceed.set()
        assert b"".join(pieces) == b"last"


def test_a_state_that_cannot_be_read_changes_nothing(gateway: Gateway, servers: list[Server]) -> None:
    gateway.serves((1, path_of(servers[0]), 100))
    gateway.reload()
    (gateway.folder / state.FILE).write_text('{"endpoints": [{"id": ')
    gateway.reload()
    assert gateway.post().status_code == 200


def test_a_new_gateway_goes_on_with_state_and_counts(gateway: Gateway, servers: list[Server]) -> None:
    gateway.serves((7, path_of(servers[0]), 100), id="e7")
    gateway.reload()
    for _ in range(5):
        gateway.post()
    assert gateway.post("/ada/iris/v2/die").status_code == 502
    gateway.stop()
    gateway.start()
    assert gateway.post().status_code == 200
    shown = gateway.ask(lambda client: client.series("e7"))["series"]
    assert [(one["revision"], one["requests"], one["failures"]) for one in shown] == [(7, 7, 1)]
    transport = httpx.HTTPTransport(uds=str(gateway.folder / "control.sock"))
    with httpx.Client(transport=transport, base_url="http://gateway") as control:
        exposed = control.get("/metrics").text
    assert 'himalia_endpoint_requests_total{endpoint="e7",revision="7",status="2xx"} 6.0' in exposed
    assert 'himalia_endpoint_seconds_count{endpoint="e7",revision="7"} 7.0' in exposed


def test_a_connection_that_says_nothing_is_closed() -> None:
    closed: list[str] = []

    class Transport:
        def abort(self) -> None:
            closed.append("aborted")

    class Connection:
        transport = Transport()

    gateway = Traffic(state.Table(), Metrics(Path("/nonexistent")), Limits())
    silent, busy = Connection(), Connection()
    gateway.silent |= {silent, busy}  # type: ignore[arg-type]
    gateway.silent.discard(busy)  # type: ignore[arg-type]
    for one in (silent, busy):
        gateway.hang_up(one)  # type: ignore[arg-type]
    assert closed == ["aborted"]
    assert gateway.silent == set()


def test_quantiles_lie_in_their_bucket(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path)
    for millis in range(1, 101):
        metrics.add("e", "r", 1, 200 if millis < 100 else 503, millis / 1000, 1_000_000.0)
    [shown] = merged([metrics.of("e")], 1_000_001.0)["series"]
    [(at, requests, failures, p50, p95, p99)] = shown["points"]
    assert (at, requests, failures) == (1_000_000, 100, 1)
    assert 45 < p50 < 55
    assert 90 < p95 < 100
    assert 95 < p99 <= 100
