"""Calls over connections that fail, against a real server that misbehaves on demand; blocking and not."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

import himalia
from himalia.client import api, errors, transport

TOKEN = "him_user_secret"
Answer = tuple[int, dict[str, str], bytes]


class Misbehaving(ThreadingHTTPServer):
    """Answers with the next of `answers`; a None breaks the connection off."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[Answer | None] = []
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def json(self, value: Any, status: int = 200) -> None:
        self.answers.append((status, {"Content-Type": "application/json"}, json.dumps(value).encode()))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Misbehaving

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append((self.command, self.path, dict(self.headers), body))
        answer = self.server.answers.pop(0)
        if answer is None:
            # Closing with unread time to linger resets the connection, as a killed server does.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return
        status, headers, content = answer
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):  # whatever the method
            return self._answer
        raise AttributeError(name)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Misbehaving]:
    with Misbehaving() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "TRIES_S", (0.01, 0.01, 0.01))
    for name in ("HIMALIA_URL", "HIMALIA_TOKEN", "HIMALIA_PROJECT", "JUPYTERHUB_API_TOKEN", "http_proxy"):
        monkeypatch.delenv(name, raising=False)


Call = Callable[[str, Callable[[Any], Any]], Any]


def _blocking(url: str, call: Callable[[Any], Any]) -> Any:
    with himalia.Client(url, TOKEN, "lab") as client:
        return call(client)


def _awaited(url: str, call: Callable[[Any], Any]) -> Any:
    async def main() -> Any:
        async with himalia.AsyncClient(url, TOKEN, "lab") as client:
            return await call(client)

    return asyncio.run(main())


def _blocking_in_a_notebook(url: str, call: Callable[[Any], Any]) -> Any:
    """A notebook's cells run while an event loop does."""

    async def cell() -> Any:
        return _blocking(url, call)

    return asyncio.run(cell())


@pytest.fixture(params=[_blocking, _blocking_in_a_notebook, _awaited])
def do(request: pytest.FixtureRequest) -> Call:
    made: Call = request.param
    return made


PROFILES = {"items": [{"name": "small", "available": True, "sizes": []}]}
JOB = {"id": "j", "name": "true", "project": "lab", "labels": {}, "etag": "1"}
JOB = {**JOB, "spec": {"kind": "command"}, "status": {"state": "QUEUED", "reason": None}}


def test_a_submission_survives_lost_connections_with_one_key(server: Misbehaving, do: Call) -> None:
    server.json(PROFILES)
    server.answers += [None, (503, {}, b"the proxy's own words")]
    server.json(JOB, 201)
    job = do(server.url, lambda client: client.jobs.submit(command=["true"]))
    assert (job.name, job.state) == ("true", "QUEUED")
    tries = [
        (headers["Idempotency-Key"], body) for method, _, headers, body in server.seen if method == "POST"
    ]
    assert len(tries) == 3
    assert len(set(tries)) == 1
    assert json.loads(tries[0][1])["spec"]["profile"] == "small"


def test_what_could_happen_twice_is_not_tried_again(server: Misbehaving, do: Call) -> None:
    server.json(PROFILES)
    server.answers.append(None)

    def stop(client: Any) -> Any:
        return client.jobs.stop("a")

    server.answers = [None]
    with pytest.raises(errors.Unreachable, match="lost"):
        do(server.url, stop)
    assert len(server.seen) == 1


def test_a_redirect_is_not_followed_and_the_token_stays(server: Misbehaving, do: Call) -> None:
    with Misbehaving() as other:
        server.answers += [(302, {"Location": f"{other.url}/hub/login"}, b"")] * 4
        with pytest.raises(errors.WrongAddress, match="starting, or its address is wrong"):
            do(server.url, lambda client: client.whoami())
        assert other.seen == []
    assert len(server.seen) == 4


def test_routes_that_come_back_are_waited_for(server: Misbehaving, do: Call) -> None:
    server.answers.append((302, {"Location": "/hub/"}, b""))
    server.json({"items": []})
    assert do(server.url, lambda client: client.profiles()) == []


@pytest.mark.parametrize("answer", [(200, {}, b"<html>"), (404, {}, b"<html>"), (405, {}, b"[1]")])
def test_what_is_not_himalia_is_told(server: Misbehaving, do: Call, answer: Answer) -> None:
    server.answers.append(answer)
    with pytest.raises(errors.WrongAddress, match="not Himalia"):
        do(server.url, lambda client: client.whoami())


def test_nothing_there(do: Call) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(errors.Unreachable, match="Is the platform running"):
        do(f"http://127.0.0.1:{port}", lambda client: client.whoami())


def test_what_is_sent_and_never_taken(do: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "TAKEN_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        with pytest.raises(errors.Unreachable, match="took nothing more"):
            do(url, lambda client: client.jobs.submit(command=["x" * (8 << 20)], profile="base"))


@pytest.mark.parametrize("kind", [k for k in errors.BY_CODE.values() if k is not errors.Unavailable])
def test_each_code_has_its_exception(server: Misbehaving, do: Call, kind: type[errors.HimaliaError]) -> None:
    body = {"code": kind.code, "message": "Do this.", "details": {"fields": [{"field": "a", "message": "b"}]}}
    server.json({"error": body}, 418)
    with pytest.raises(kind) as caught:
        do(server.url, lambda client: client.jobs.stop("a"))
    assert type(caught.value) is kind
    assert (caught.value.message, caught.value.status) == ("Do this.", 418)
    if isinstance(caught.value, errors.Invalid):
        assert str(caught.value) == "Do this.\n  a: b"


def test_nothing_is_said_twice() -> None:
    fields = [{"field": "a", "message": "is wrong"}, {"field": "b", "message": "is wrong too"}]
    assert str(errors.Invalid("a: is wrong", {"fields": fields})) == "a: is wrong\n  b: is wrong too"
    assert str(errors.Invalid("is wrong", {"fields": fields[:1]})) == "is wrong"


def test_an_unknown_code_is_kept(server: Misbehaving, do: Call) -> None:
    server.json({"error": {"code": "quota", "message": "Too much."}}, 402)
    with pytest.raises(errors.HimaliaError) as caught:
        do(server.url, lambda client: client.jobs.stop("a"))
    assert (caught.value.code, caught.value.status) == ("quota", 402)


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_cannot_lead_to_another_path(server: Misbehaving, do: Call, name: str) -> None:
    with pytest.raises(errors.Invalid):
        do(server.url, lambda client: client.jobs.get(name))
    assert server.seen == []


def test_names_are_escaped(server: Misbehaving, do: Call) -> None:
    server.json({"error": {"code": "not_found", "message": "No."}}, 404)
    with pytest.raises(errors.NotFound):
        do(server.url, lambda client: client.jobs.get("a/../../b?c#d ü"))
    assert server.seen[0][1].endswith("/jobs/a%2F..%2F..%2Fb%3Fc%23d%20%C3%BC")


def test_the_token_is_sent_and_never_shown(server: Misbehaving) -> None:
    server.json({"items": []})
    client = himalia.Client(server.url, TOKEN)
    client.profiles()
    assert server.seen[0][2]["Authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in repr(client) + repr(client.place)
    client.close()


def test_fields_of_later_versions_are_kept(server: Misbehaving, do: Call) -> None:
    server.json({**JOB, "later": [1], "status": {**JOB["status"], "newer": "x"}})  # type: ignore[dict-item]
    job = do(server.url, lambda client: client.jobs.get("true"))
    assert (job.later, job.status.newer, job["later"]) == ([1], "x", [1])
    with pytest.raises(AttributeError, match="no field 'missing'"):
        _ = job.missing


def test_a_number_that_json_has_no_word_for_is_refused(server: Misbehaving, do: Call) -> None:
    with pytest.raises(errors.Invalid, match="NaN and infinite numbers"):
        do(server.url, lambda c: c.endpoints.create_token("iris", "late", expires_in_s=float("nan")))
