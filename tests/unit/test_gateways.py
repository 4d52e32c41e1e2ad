"""Several gateways, told over TCP with a token, in front of a server at a TCP port."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from platforms import free_port

from himalia.gateway import state
from himalia.gateway.client import GatewayAway, GatewayClient
from himalia.gateway.upstream import Pool, Unreachable

SECRET, TOKEN = "of-the-service", "him_end_of-the-tests"
HOSTS = ("127.0.0.1", "127.0.0.2")


class Model(BaseHTTPRequestHandler):
    """Answers everything with its path."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", "0")))
        if self.path.endswith("/slow"):
            entered.set()
            proceed.wait(10)
        body = self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST  # noqa: N815  (the base class's name)


entered, proceed = threading.Event(), threading.Event()


@pytest.fixture(scope="module")
def model() -> Iterator[str]:
    """The address of a model server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


class Gateways:
    """Two of them on one home, which they only read."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="hgs", dir="/tmp"))
        self.folder = self.home / "gateway"
        self.folder.mkdir(mode=0o700)
        (self.home / "secrets").mkdir()
        (self.home / "secrets/gateway-token").write_text(SECRET)
        self.port, self.control = free_port(), free_port()
        self.processes = [self._start(host) for host in HOSTS]

    def _start(self, host: str) -> subprocess.Popen[bytes]:
        variables = {
            "HIMALIA_GATEWAY_ADDRESS": f"{host}:{self.port}",
            "HIMALIA_GATEWAY_CONTROL": f"http://gateways.test:{self.control}",
        }
        command = [sys.executable, "-m", "himalia.gateway", "--home", str(self.home)]
        return subprocess.Popen(command, env={**os.environ, **variables}, stdin=subprocess.DEVNULL)

    def wait(self) -> None:
        deadline = time.monotonic() + 30
        for host in HOSTS:
            while True:
                try:
                    assert httpx.get(f"http://{host}:{self.port}/readyz").status_code == 200
                    break
                except httpx.TransportError:
                    assert time.monotonic() < deadline, "a gateway did not start"
                    time.sleep(0.05)

    def serves(self, *addresses: str) -> None:
        revisions = [
            {"id": f"r{number}", "number": number, "attempt": 1, "address": address, "weight": 100}
            for number, address in enumerate(addresses, 1)
        ]
        tokens = {hashlib.sha256(TOKEN.encode()).hexdigest(): None}
        endpoint = {"id": "e1", "project": "ada", "name": "iris", "message": "", "tokens": tokens}
        state.write(self.folder, {"endpoints": [{**endpoint, "revisions": revisions}]})

    def client(self) -> GatewayClient:
        """As for a name that has both addresses."""

        async def found() -> list[str]:
            return [f"http://{host}:{self.control}" for host in HOSTS]

        return GatewayClient(httpx.AsyncClient(headers={"Authorization": f"Bearer {SECRET}"}), found)

    def post(self, host: str, path: str = "/ada/iris/v2/infer") -> httpx.Response:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        return httpx.post(f"http://{host}:{self.port}{path}", headers=headers, content=b"{}", timeout=20)


@pytest.fixture(scope="module")
def gateways() -> Iterator[Gateways]:
    made = Gateways()
    made.wait()
    yield made
    for process in made.processes:
        process.terminate()
        process.wait(20)
    written = sorted(path.name for path in made.folder.iterdir())
    shutil.rmtree(made.home)
    assert written == [state.FILE]


@pytest.fixture
async def client(gateways: Gateways) -> AsyncIterator[GatewayClient]:
    made = gateways.client()
    yield made
    await made.close()


async def test_all_are_told_and_their_figures_added(
    gateways: Gateways, client: GatewayClient, model: str
) -> None:
    gateways.serves(model)
    await client.reload()
    for host, times in zip(HOSTS, (3, 2), strict=True):
        for _ in range(times):
            assert gateways.post(host).text == "/v2/infer"
    shown = await client.series("e1")
    assert [(one["revision"], one["requests"]) for one in shown["series"]] == [(1, 5)]
    assert sum(point[1] for point in shown["series"][0]["points"]) == 5
    assert await client.ask("r1", "/v2/health/ready") == (200, "/v2/health/ready")
    assert (await client.ask("gone", "/"))[0] == 0


async def test_what_is_under_way_at_any_of_them_is_waited_for(
    gateways: Gateways, client: GatewayClient, model: str
) -> None:
    gateways.serves(model)
    await client.reload()
    slow = threading.Thread(target=gateways.post, args=(HOSTS[1], "/ada/iris/v2/slow"))
    slow.start()
    assert entered.wait(10)
    gateways.serves()
    await client.reload()
    assert gateways.post(HOSTS[0]).status_code == gateways.post(HOSTS[1]).status_code == 503
    assert await client.drained("r1", 0.1) == 1
    proceed.set()
    assert await client.drained("r1", 5) == 0
    slow.join()


@pytest.mark.parametrize("sent", [{}, {"Authorization": "Bearer another"}, {"Authorization": SECRET}])
def test_nothing_is_told_without_the_token(gateways: Gateways, sent: dict[str, str]) -> None:
    url = f"http://{HOSTS[0]}:{gateways.control}"
    for method, path in (("POST", "/reload"), ("GET", "/metrics"), ("GET", "/series/e1"), ("GET", "/no")):
        assert httpx.request(method, url + path, headers=sent).status_code == 401


def test_a_state_that_cannot_be_read_is_not_ready(gateways: Gateways) -> None:
    (gateways.folder / state.FILE).write_text("{")
    headers = {"Authorization": f"Bearer {SECRET}"}
    answer = httpx.post(f"http://{HOSTS[0]}:{gateways.control}/reload", headers=headers)
    assert "JSONDecodeError" in answer.json()["error"]
    assert httpx.get(f"http://{HOSTS[0]}:{gateways.port}/readyz").status_code == 503
    assert httpx.get(f"http://{HOSTS[0]}:{gateways.port}/healthz").status_code == 200
    gateways.serves()
    httpx.post(f"http://{HOSTS[0]}:{gateways.control}/reload", headers=headers)
    assert httpx.get(f"http://{HOSTS[0]}:{gateways.port}/readyz").status_code == 200


async def test_one_that_is_away_is_left_out_and_none_is_said(gateways: Gateways) -> None:
    gone, here = f"http://127.0.0.3:{gateways.control}", f"http://{HOSTS[0]}:{gateways.control}"
    places = [gone, here]

    async def found() -> list[str]:
        return places

    client = GatewayClient(httpx.AsyncClient(headers={"Authorization": f"Bearer {SECRET}"}), found)
    assert await client.drained("r1", 0) == 0
    places.remove(here)
    with pytest.raises(GatewayAway):
        await client.drained("r1", 0)
    places.clear()
    with pytest.raises(GatewayAway, match="no address"):
        await client.reload()
    await client.close()


async def test_a_name_is_looked_up_at_each_call(gateways: Gateways) -> None:
    client = GatewayClient.over_tcp(f"http://localhost:{gateways.control}", SECRET)
    await client.reload()
    await client.close()
    client = GatewayClient.over_tcp(f"http://no-such-host.invalid:{gateways.control}", SECRET)
    with pytest.raises(GatewayAway):
        await client.reload()
    await client.close()


@pytest.mark.parametrize("address", ["http://127.0.0.1", "http://name:80", "https://127.0.0.1:1", "/a.sock"])
def test_what_is_no_address_of_a_server(address: str) -> None:
    table = state.Table()
    shown = {"id": "r", "number": 1, "attempt": 1, "address": address, "weight": 1}
    endpoint = {"id": "e", "project": "a", "name": "b", "message": "", "tokens": {}, "revisions": [shown]}
    with pytest.raises(ValueError, match=r"address|appear"):
        table.replace(json.loads(json.dumps({"endpoints": [endpoint]})))
    assert table.endpoints == {}


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    with pytest.raises(Unreachable):
        await Pool(f"http://127.0.0.1:{free_port()}").take()
