"""Hostile input is refused with a 4xx and a sentence, in one shape; never with a 5xx."""

from __future__ import annotations

import base64
import json
import re
import socket
from contextlib import ExitStack, suppress
from typing import Any

import httpx
import pytest
from platforms import Person, Running

from himalia.core.permissions import OPERATIONS

API = "/services/himalia/api/v1"
HUGE = 99_999_999_999_999_999_999


def refused(answer: httpx.Response, status: int | None = None) -> dict[str, Any]:
    """The error of an answer that has to be one, in the one shape."""
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.text)
    assert status is None or answer.status_code == status, (answer.status_code, answer.text)
    error: dict[str, Any] = answer.json()["error"]
    assert set(error) == {"code", "message", "details"}
    assert error["message"].endswith((".", "?")) or error["details"].get("fields"), error
    assert "Traceback" not in answer.text
    return error


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing-here", 404, "not_found"),
        ("GET", "/projects/", 404, "not_found"),
        ("PUT", "/whoami", 405, "wrong_method"),
        ("DELETE", "/projects", 405, "wrong_method"),
        ("TRACE", "/whoami", 405, "wrong_method"),
    ],
)
def test_unknown_addresses_and_methods(ada: Person, method: str, path: str, status: int, code: str) -> None:
    answer = ada.http.request(method, path)
    assert refused(answer, status)["code"] == code
    if status == 405:
        assert "GET" in answer.headers["allow"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe",
        b'{"name": "\xff"}',
        b"[" * 200_000,
        b'{"name": "\\ud800"}',
        b'{"\\ud800": 1}',
        b'{"' + b"n" * 100_000 + b'": 1}',
        b'{"name": NaN}',
        b'{"name": ' + b"9" * 5000 + b"}",
        b'{"name": "a", "name": 5}',
    ],
)
def test_bodies_that_are_no_project(ada: Person, content: bytes) -> None:
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded", ""):
        answer = ada.http.post("/projects", content=content, headers={"Content-Type": kind})
        refused(answer)
        assert len(answer.content) < 5000


@pytest.mark.parametrize(
    "name",
    ["", "A", "a_b", "-a", "a-", "a" * 41, "ä", "a\n", "a/b", "..", "a\u0000", "а", "a b", "𝒶", "a%2fb"],
)
def test_names_are_dns_labels(ada: Person, name: str) -> None:
    assert refused(ada.http.post("/projects", json={"name": name}), 422)["details"]["fields"]
    job = {"name": name, "spec": {"kind": "command", "command": ["true"], "profile": "base"}}
    assert refused(ada.http.post(f"/projects/{ada.project}/jobs", json=job), 422)["details"]["fields"]


@pytest.mark.parametrize(
    ("content", "kind", "words"),
    [
        (b'{"name": "A b"}', "application/json", "name: use lowercase letters, digits and dashes"),
        (b'{"name": "a", "titel": "x"}', "application/json", "titel: is not a field that is known here"),
        (b'{"name": "a"}', "text/plain", "must be a JSON object, sent with Content-Type: application/json"),
        (b'{"name": "a", "spec": {"title": "\\ud800"}}', "application/json", "title: must be valid Unicode"),
        (b'{"name": "a", "spec": {"description": "\\u0000"}}', "application/json", "must not contain a NUL"),
    ],
)
def test_what_is_wrong_is_said_for_people(ada: Person, content: bytes, kind: str, words: str) -> None:
    answer = ada.http.post("/projects", content=content, headers={"Content-Type": kind})
    message = refused(answer, 422)["message"]
    assert words in message
    assert "pattern" not in message
    assert "Extra inputs" not in message


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"retries": 11}, "spec.retries: must be at most 10"),
        ({"retries": -1}, "spec.retries: must be at least 0"),
        ({"retries": 1.5}, "spec.retries: must be a whole number"),
        ({"time_limit_s": 0}, "spec.time_limit_s: must be more than 0"),
        ({"time_limit_s": "soon"}, "spec.time_limit_s: must be a number"),
        ({"profile": None}, "spec.profile: must be a text"),
        ({"size": "s" * 41}, "spec.size: must have at most 40 characters"),
        ({"command": "ls"}, "spec.command: must be a list"),
    ],
)
def test_limits_are_said_for_people(ada: Person, spec: dict[str, Any], words: str) -> None:
    job = {"spec": {"kind": "command", "command": ["true"], "profile": "base", **spec}}
    assert refused(ada.http.post(f"/projects/{ada.project}/jobs", json=job), 422)["message"] == words


TRICKS = (
    "%00", "a%00b", "%2e%2e", "%", "..%2f..%2fetc%2fpasswd", "%ff%fe", "%ed%a0%80", "%c3%a4", "a" * 5000, "'--",
)  # fmt: skip


@pytest.mark.parametrize("part", TRICKS)
def test_tricks_in_addresses(himalia: Running, ada: Person, part: str) -> None:
    # Past the proxy, which refuses some of these itself.
    transport = httpx.HTTPTransport(uds=str(himalia.home / "s" / "service" / "api.sock"))
    with httpx.Client(transport=transport, headers=ada.http.headers, base_url="http://service") as direct:
        for path in (
            f"/projects/{part}",
            f"/projects/{ada.project}/jobs/{part}",
            f"/projects/{ada.project}/jobs/{part}/log",
            f"/projects/{ada.project}/secrets/{part}",
            f"/projects/{ada.project}/objects/{part}",
            f"/tokens/{part}",
        ):
            method = (
                "DELETE" if "tokens" in path or "secrets" in path else "PUT" if "objects" in path else "GET"
            )
            address = httpx.URL("http://service").copy_with(raw_path=f"{API}{path}".encode())
            refused(direct.request(method, address))


@pytest.mark.parametrize(
    "query",
    [
        f"/events?after={HUGE}",
        "/events?after=-1",
        "/events?limit=NaN",
        "/events?after=%00",
        "/people?text=%00",
        f"/people?text={'a' * 101}",
        "/events/stream",
        "/events/stream?topic=nonsense",
        "/events/stream?topic=job:../../x",
        "/events/stream?topic=log:abc:../../../x",
        "/events/stream?topic=project:%00",
        f"/events/stream?topic=me&after={HUGE}",
        "/projects/{p}/jobs?limit=0",
        "/projects/{p}/jobs?label=nothing",
        "/projects/{p}/jobs?state=ASLEEP",
        "/projects/{p}/jobs?" + "&".join(["label=a=b"] * 200),
        f"/projects/{{p}}/jobs/x/log?offset={HUGE}",
        f"/projects/{{p}}/jobs/x/metrics?attempt={HUGE}",
        f"/projects/{{p}}/jobs/x/events?after={HUGE}",
    ],
)
def test_queries_out_of_range(ada: Person, query: str) -> None:
    refused(ada.http.get(query.replace("{p}", ada.project)))


@pytest.mark.parametrize(
    "content",
    [
        b"rubbish",
        b"[]",
        b"[1]",
        b'[1, "a", 2]',
        b'["a", "aaaaaaaaaaaaaaaa"]',
        b'[NaN, "aaaaaaaaaaaaaaaa"]',
        b'[1e300, "aaaaaaaaaaaaaaaa"]',
        b"[" + str(HUGE).encode() + b', "aaaaaaaaaaaaaaaa"]',
        b'[true, "aaaaaaaaaaaaaaaa"]',
        b'[1, "\\ud800aaaaaaaaaaaaaaa"]',
        b'[1, "aaaaaaaaaaaaaaa\\u0000"]',
        b"[" * 100_000,
    ],
)
def test_page_tokens_that_are_not_ours(ada: Person, content: bytes) -> None:
    token = base64.urlsafe_b64encode(content).decode().rstrip("=")[:6000]
    answer = ada.http.get(f"/projects/{ada.project}/jobs", params={"page_token": token})
    assert refused(answer, 422)["details"]["fields"][0]["field"] == "page_token"


@pytest.mark.parametrize(
    "value",
    [
        "NaN",
        "Infinity",
        "-Infinity",
        '"\\ud800"',
        '"\\u0000"',
        "[" * 60 + "]" * 60,
        "9" * 30,
        '{"a\\ud800": 1}',
    ],
)
def test_parameters_that_json_does_not_have(ada: Person, value: str) -> None:
    spec = f'"kind": "notebook", "notebook": "a.ipynb", "profile": "base", "snapshot": "{"0" * 64}"'
    body = f'{{"spec": {{{spec}, "parameters": {{"x": {value}}}}}}}'
    headers = {"Content-Type": "application/json"}
    answer = ada.http.post(f"/projects/{ada.project}/jobs", content=body, headers=headers)
    assert refused(answer, 422)["details"]["fields"][0]["field"].startswith("spec.parameters.x")


@pytest.mark.parametrize(
    "header",
    [
        {"Authorization": "Basic YTpi"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer him_user_wrong"},
        {"Authorization": "Bearer him_end_wrong"},
        {"Authorization": "Bearer him_work_a.1.b"},
        {"Authorization": "Bearer him_work_a.²." + "0" * 64},
        {"Authorization": b"Bearer t\xc3\xb6ken"},
        {"Authorization": "Bearer a b"},
        {"Authorization": "Bearer " + "a" * 5000},
    ],
)
def test_what_is_no_token_is_401(himalia: Running, header: dict[str, Any]) -> None:
    header = {name: value.encode() if isinstance(value, str) else value for name, value in header.items()}
    answer = httpx.get(f"{himalia.url}{API}/whoami", headers=header)
    assert refused(answer, 401)["code"] == "unauthenticated"
    assert answer.headers["www-authenticate"] == "Bearer"


def test_large_bodies_are_refused_whatever_the_address_says(ada: Person, himalia: Running) -> None:
    body = b'{"name": "' + b"a" * (3 * 2**20) + b'"}'
    for path, status in (
        ("/projects", 413),
        (f"/projects/{ada.project}/jobs", 413),
        ("/projects/objects/jobs", 404),  # read as little as an upload's body, which has no limit here
        ("/projects/outputs/x/jobs", 404),
    ):
        refused(ada.http.post(path, content=body, headers={"Content-Type": "application/json"}), status)

    def pieces() -> Any:
        for _ in range(48):
            yield b" " * 2**16

    chunked = ada.http.post("/projects", content=pieces(), headers={"Content-Type": "application/json"})
    assert refused(chunked, 413)["code"] == "too_large"


def test_a_refused_body_leaves_its_connection_usable_or_closed(ada: Person, himalia: Running) -> None:
    host, port = himalia.url.removeprefix("http://").split(":")
    head = f"Host: a\r\nAuthorization: Bearer {ada.token}\r\nContent-Type: application/json\r\n"
    large = b'{"name": "' + b"a" * (3 * 2**20) + b'"}'
    with ExitStack() as stack:
        asked = []
        for path, status in (("projects", 413), ("projects/objects/jobs", 404)):
            connection = stack.enter_context(socket.create_connection((host, int(port)), timeout=10))
            request = f"POST {API}/{path} HTTP/1.1\r\n{head}Content-Length: {len(large)}\r\n\r\n"
            connection.sendall(request.encode() + large[:-1000])
            asked.append((connection, status))
        for connection, status in asked:
            assert f" {status} ".encode() in connection.recv(100_000)
            try:
                connection.sendall(large[-1000:] + f"GET {API}/projects HTTP/1.1\r\n{head}\r\n".encode())
                answer = connection.recv(100_000)
            except (BrokenPipeError, ConnectionResetError):
                answer = b""
            assert not answer or b" 200 " in answer


def operations_with_a_body(himalia: Running) -> list[tuple[str, str]]:
    """(method, address) of every operation that takes a body and is not for everybody."""
    document = httpx.get(f"{himalia.url}/services/himalia/openapi.json").json()
    return [
        (method.upper(), re.sub(r"{\w+}", "x", path))
        for path, methods in document["paths"].items()
        for method, one in methods.items()
        if method in ("post", "put", "patch") and "none" not in OPERATIONS[one["operationId"]].by
    ]


def test_a_stranger_is_sent_away_before_the_body_comes(himalia: Running) -> None:
    found = operations_with_a_body(himalia)
    assert ("POST", f"{API}/projects/x/snapshots") in found
    for method, path in found:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(himalia.home / "s" / "service" / "api.sock"))
            head = f"{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            connection.sendall(f'{head}Content-Length: 40000000\r\n\r\n{{"files": ['.encode())
            assert b" 401 " in connection.recv(100), (method, path)


def test_a_snapshot_that_is_no_snapshot(ada: Person) -> None:
    base, zero = f"/projects/{ada.project}/snapshots", "0" * 64
    for path in (
        "../a",
        "/etc/passwd",
        "a/../b",
        "a//b",
        "./a",
        "a\u0000",
        "a\n",
        "",
        "a" * 2000,
        "a\\..\\b",
        "e\u0301",
    ):
        body = {"files": [{"path": path, "size": 1, "digest": zero}]}
        answer = ada.http.post(base, json=body)
        if path != "a\\..\\b":  # a backslash is an ordinary character of a file's name
            refused(answer, 422)
    for path in (".env", "a/.env.local"):
        body = {"files": [{"path": path, "size": 1, "digest": zero}]}
        assert "as secrets of the project" in refused(ada.http.post(base, json=body), 422)["message"]
    for path in (".env.example", ".envrc", "a.env", ".env/a"):
        body = {"files": [{"path": path, "size": 1, "digest": zero}]}
        assert ada.http.post(base, json=body).status_code == 200
    twice = [{"path": "a", "size": 1, "digest": zero}] * 2
    refused(ada.http.post(base, json={"files": twice}), 422)
    nested = [{"path": "a", "size": 1, "digest": zero}, {"path": "a/b", "size": 1, "digest": zero}]
    refused(ada.http.post(base, json={"files": nested}), 422)
    large = [{"path": f"f{n}", "size": 2**53 - 1, "digest": zero} for n in range(3)]
    error = refused(ada.http.post(base, json={"files": large}), 413)
    assert error["details"]["largest"][0]["path"] == "f0"
    refused(ada.http.put(f"/projects/{ada.project}/objects/{zero}", content=b"other bytes"), 422)


def test_what_is_not_http_ends_the_connection_and_not_the_service(himalia: Running, ada: Person) -> None:
    host, _, port = himalia.address.partition(":")
    for request in (
        b"\x00\x01\x02\r\n\r\n",
        b"GET /services/himalia/api/v1/\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /services/himalia/api/v1/projects HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
        b"GET /services/himalia/api/v1/whoami HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
    ):
        with socket.create_connection((host, int(port)), 10) as connection:
            connection.sendall(request)
            with suppress(OSError):  # it may be closed already
                connection.shutdown(socket.SHUT_WR)
                assert b" 500 " not in connection.recv(200)
    assert ada.http.get("/whoami").status_code == 200


def test_a_failing_navigation_gets_a_page(ada: Person) -> None:
    answer = ada.browser.get("/services/himalia/no-such-page")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "There is nothing at this address." in answer.text
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_every_answer_has_a_request_id_and_is_not_kept(ada: Person) -> None:
    first, second = ada.http.get("/whoami"), ada.http.get("/nothing")
    assert len({first.headers["x-request-id"], second.headers["x-request-id"]}) == 2
    assert first.headers["cache-control"] == "no-store"
    assert json.loads(first.text)["person"]["name"] == "ada"


def test_nothing_of_all_this_broke_the_service(himalia: Running, ada: Person) -> None:
    assert ada.http.get("/whoami").status_code == 200
    assert "A request failed" not in himalia.log("service")
