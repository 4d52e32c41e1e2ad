"""The live channel over WebSocket and as server-sent events: topics, catching up, and who may listen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from platforms import Person, Running
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

WAIT_S = 20


def address(himalia: Running) -> str:
    return f"ws://{himalia.address}/services/himalia/live"


@contextmanager
def channel(himalia: Running, token: str) -> Iterator[ClientConnection]:
    """A connection that has said who it is."""
    with connect(address(himalia), origin=himalia.url) as socket:  # type: ignore[arg-type]
        socket.send(json.dumps({"type": "auth", "token": token}))
        assert said(socket) == {"type": "ready"}
        yield socket


def said(socket: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(socket.recv(WAIT_S))
    return message


def closed(socket: ClientConnection) -> int:
    """The code with which the other side ends the connection."""
    try:
        while True:
            socket.recv(WAIT_S)
    except ConnectionClosed as ended:
        return ended.rcvd.code if ended.rcvd else 1006


def subscribe(socket: ClientConnection, topic: str, **more: Any) -> None:
    socket.send(json.dumps({"type": "subscribe", "topic": topic, **more}))


def project_id(person: Person) -> str:
    identifier: str = person.http.get(f"/projects/{person.project}").json()["id"]
    return identifier


def test_a_job_is_heard_from_beginning_to_end(himalia: Running, ada: Person) -> None:
    with channel(himalia, ada.token) as socket:
        last = ada.events()[-1]["id"]
        subscribe(socket, f"project:{project_id(ada)}", after=last)
        subscribe(socket, "me", after=last)
        job = ada.submit("sh", "-c", "printf 'häll'; echo 'o 🙂'")
        states, mine = [], None
        while mine is None:
            message = said(socket)
            if message["type"] == "event" and message["event"]["subject"]["id"] == job["id"]:
                if message["topic"] == "me":
                    mine = message["event"]["data"]["state"]
                else:
                    states.append(message["event"]["data"]["state"])
        assert mine == "SUCCEEDED"
        assert states[0] == "QUEUED"
        subscribe(socket, f"log:{job['id']}:1", after=0)
        text = ""
        while not text.endswith("\n"):
            message = said(socket)
            if message["type"] == "log":
                assert message["offset"] == len(text.encode())
                text += message["text"]
        assert text == "hällo 🙂\n"


def test_who_comes_back_hears_what_was_missed_once_and_in_order(himalia: Running, ada: Person) -> None:
    topic = f"project:{project_id(ada)}"
    job = ada.ended(ada.submit("true")["name"])
    first = ada.http.get(f"/projects/{ada.project}/jobs/{job['name']}/events").json()["items"][0]["id"]
    with channel(himalia, ada.token) as socket:
        subscribe(socket, topic, after=first)
        later = ada.submit("true")
        ids = []
        while True:
            message = said(socket)
            if message["type"] == "event":
                ids.append(message["event"]["id"])
                data = message["event"]["data"]
                if message["event"]["subject"]["id"] == later["id"] and data.get("state") == "SUCCEEDED":
                    break
    expected = [
        one["id"]
        for one in ada.events(first)
        if one["project"] == topic.removeprefix("project:") and one["id"] <= ids[-1]
    ]
    assert ids == expected


@pytest.mark.parametrize(
    "message",
    [
        {"type": "subscribe"},
        {"type": "subscribe", "topic": 5},
        {"type": "subscribe", "topic": "everything"},
        {"type": "subscribe", "topic": "log:aaaaaaaaaaaaaaaa:../../x"},
        {"type": "subscribe", "topic": "project:\0"},
        {"type": "subscribe", "topic": "project:\ud800"},
        {"type": "subscribe", "topic": "me", "after": 10**30},
        {"type": "subscribe", "topic": "me", "after": -1},
        {"type": "subscribe", "topic": "me", "after": "1"},
        {"type": "dance", "topic": "me"},
        [],
        None,
    ],
)
def test_what_makes_no_sense_is_answered_and_not_fatal(himalia: Running, ada: Person, message: Any) -> None:
    with channel(himalia, ada.token) as socket:
        socket.send(json.dumps(message))
        answer = said(socket)
        assert (answer["type"], answer["error"]["code"]) == ("error", "invalid")
        project = project_id(ada)
        last = [event["id"] for event in ada.events() if event["project"] == project][-1]
        subscribe(socket, f"project:{project}", after=last - 1)
        assert said(socket)["event"]["id"] == last


def test_what_others_do_is_not_heard(himalia: Running, ada: Person, bob: Person) -> None:
    job = ada.submit("true")
    with channel(himalia, bob.token) as socket:
        for topic in (f"project:{project_id(ada)}", f"job:{job['id']}", f"log:{job['id']}:1", "job:nothing"):
            subscribe(socket, topic)
            answer = said(socket)
            assert (answer["topic"], answer["error"]["code"]) == (topic, "not_found")


@pytest.mark.parametrize(
    "first", ["no json", "{}", '{"type": "auth"}', '{"type": "auth", "token": "a\\nb"}', "[]"]
)
def test_without_a_token_nobody_comes_in(himalia: Running, first: str) -> None:
    with connect(address(himalia), origin=himalia.url) as socket:  # type: ignore[arg-type]
        socket.send(first)
        assert closed(socket) == 4401


def test_who_says_nothing_is_sent_away(himalia: Running) -> None:
    with connect(address(himalia), origin=himalia.url) as socket:  # type: ignore[arg-type]
        assert closed(socket) == 4408


@pytest.mark.parametrize("origin", [None, "http://evil.example", "http://[", "null"])
def test_other_origins_are_refused(himalia: Running, origin: Any) -> None:
    with pytest.raises(InvalidStatus) as refused, connect(address(himalia), origin=origin):
        pass
    assert refused.value.response.status_code == 403


def test_a_revoked_token_ends_what_it_opened(himalia: Running, ada: Person) -> None:
    made = ada.session("POST", "/tokens", json={"scopes": ["read"]}).json()
    topic = f"project:{project_id(ada)}"
    headers = {"Authorization": f"Bearer {made['token']}"}
    stream = ada.http.stream("GET", f"/events/stream?topic={topic}", headers=headers, timeout=WAIT_S)
    with channel(himalia, made["token"]) as socket, stream as events:
        lines = events.iter_lines()
        assert next(lines) == ": ready"
        subscribe(socket, topic)
        assert ada.http.delete(f"/tokens/{made['id']}").status_code == 204
        assert closed(socket) == 4401
        assert not any("data:" in line for line in lines)


def test_who_is_removed_from_a_project_hears_no_more(himalia: Running, ada: Person, bob: Person) -> None:
    made = ada.http.post("/projects", json={"name": "heard"}).json()
    member = "/projects/heard/members/person/bob"
    assert ada.http.put(member, json={"role": "viewer"}).status_code == 200
    with channel(himalia, bob.token) as socket:
        subscribe(socket, f"project:{made['id']}", after=1)
        assert said(socket)["event"]["kind"] == "project.created"
        assert ada.http.delete(member).status_code == 204
        while (message := said(socket))["type"] == "event":
            pass
        assert (message["type"], message["error"]["code"]) == ("error", "not_found")
        ada.http.put("/projects/heard/secrets/UNHEARD", json={"value": "x"})
        subscribe(socket, "nonsense")
        assert said(socket)["topic"] == "nonsense"


def test_who_joins_or_leaves_a_project_hears_of_it(himalia: Running, ada: Person, bob: Person) -> None:
    with channel(himalia, ada.token) as maker, channel(himalia, bob.token) as member:
        for socket in (maker, member):
            subscribe(socket, "me")
            subscribe(socket, "nonsense")
            while said(socket)["type"] != "error":
                pass
        made = ada.http.post("/projects", json={"name": "to-hear-of"}).json()
        path = f"/projects/to-hear-of/members/person/{bob.name}"
        ada.http.put(path, json={"role": "viewer"}).raise_for_status()
        ada.http.delete(path).raise_for_status()
        events = [one["event"] for one in (said(maker), said(member), said(member))]
        assert {one["subject"]["id"] for one in events} == {made["id"]}
        assert [one["kind"] for one in events] == ["project.created", "project.changed", "project.changed"]
        assert events[2]["data"]["removed"]["name"] == bob.name


def test_a_token_for_one_project_hears_only_that(himalia: Running, ada: Person) -> None:
    body = {"scopes": ["read"], "project": ada.project}
    token = ada.session("POST", "/tokens", json=body).json()["token"]
    other = ada.http.post("/projects", json={"name": "unheard"}).json()
    with channel(himalia, token) as socket:
        for topic, code in (("me", "forbidden"), (f"project:{other['id']}", "not_found")):
            subscribe(socket, topic)
            assert said(socket)["error"]["code"] == code
        # What happens before the subscription has come is told, too: it is behind the last event that is known.
        subscribe(socket, f"project:{project_id(ada)}", after=ada.events()[-1]["id"])
        ada.http.put(f"/projects/{ada.project}/secrets/HEARD", json={"value": "x"})
        assert said(socket)["event"]["kind"] == "secret.changed"


def test_server_sent_events_go_on_behind_the_last_one(ada: Person) -> None:
    topic = f"/events/stream?topic=project:{project_id(ada)}&after=1"

    def first(**headers: bytes) -> int:
        with ada.http.stream("GET", topic, headers=headers, timeout=WAIT_S) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            return next(int(line[4:]) for line in stream.iter_lines() if line.startswith("id: "))

    begin = first()
    assert first(**{"Last-Event-ID": str(begin).encode()}) > begin
    assert first(**{"Last-Event-ID": b"\xb2"}) == begin
