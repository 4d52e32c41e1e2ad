"""Uploads that can be resumed: tus 1.0.0 as its clients speak it."""

from __future__ import annotations

import os
import socket
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from blake3 import blake3
from platforms import Person, Running

TUS = {"Tus-Resumable": "1.0.0"}


@pytest.fixture(scope="module")
def uma(people: Callable[..., Person]) -> Person:
    person = people("uma")
    person.http.post(f"/projects/{person.project}/datasets", json={"name": "big"}).raise_for_status()
    return person


@pytest.fixture
def draft(uma: Person) -> Iterator[str]:
    """The address of a draft."""
    base = f"/projects/{uma.project}/datasets/big/drafts"
    made = uma.http.post(base, json={}).raise_for_status().json()["id"]
    yield f"{base}/{made}"
    uma.http.delete(f"{base}/{made}")


def described(path: str, **more: str) -> str:
    values = {"path": path, **more}
    return ",".join(f"{key} {b64encode(value.encode()).decode()}".strip() for key, value in values.items())


def begin(person: Person, draft: str, path: str, size: int) -> str:
    headers = {**TUS, "Upload-Length": str(size), "Upload-Metadata": described(path, filetype="text/csv")}
    answer = person.http.post(f"{draft}/files", headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.headers["tus-resumable"] == "1.0.0"
    return str(answer.headers["location"]).removeprefix("/services/himalia/api/v1")


def send(person: Person, upload: str, offset: int, content: bytes) -> httpx.Response:
    headers = {**TUS, "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
    return person.http.patch(upload, content=content, headers=headers)


def offset(person: Person, upload: str) -> int:
    answer = person.http.head(upload, headers=TUS)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    return int(answer.headers["upload-offset"])


def broken_off(person: Person, upload: str, content: bytes, sent: int) -> None:
    """A request whose connection ends in the middle of its body."""
    host, port = person.platform.address.split(":")
    with socket.create_connection((host, int(port))) as connection:
        head = [
            f"PATCH /services/himalia/api/v1{upload} HTTP/1.1",
            f"Host: {person.platform.address}",
            f"Authorization: Bearer {person.token}",
            "Tus-Resumable: 1.0.0",
            "Upload-Offset: 0",
            f"Content-Length: {len(content)}",
        ]
        connection.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + content[:sent])


def test_a_file_in_pieces_is_the_file(uma: Person, draft: str) -> None:
    content = os.urandom(3_000_000)
    upload = begin(uma, draft, "a/large.bin", len(content))
    assert send(uma, upload, 0, content[:1_000_001]).headers["upload-offset"] == "1000001"
    assert offset(uma, upload) == 1_000_001
    shown = uma.http.get(draft).json()["status"]
    assert [(one["path"], one["offset"]) for one in shown["uploads"]] == [("a/large.bin", 1_000_001)]
    early = uma.http.post(f"{draft}/commit", json={})
    assert (early.status_code, early.json()["error"]["code"]) == (409, "wrong_state")
    assert send(uma, upload, 1_000_001, content[1_000_001:]).status_code == 204
    assert offset(uma, upload) == len(content)
    assert uma.http.post(f"{draft}/commit", json={}).status_code == 201
    address = f"/projects/{uma.project}/datasets/big/versions/latest/files/a/large.bin"
    assert uma.http.get(address).content == content


def test_what_came_before_the_connection_broke_is_kept(uma: Person, draft: str) -> None:
    content = os.urandom(4_000_000)
    upload = begin(uma, draft, "broken.bin", len(content))
    broken_off(uma, upload, content, 2_500_000)
    there = 0
    while not there:  # until the service has noticed
        there = offset(uma, upload)
        if there and (again := send(uma, upload, there, content[there:])).status_code == 409:
            there = 0
    assert again.status_code == 204, again.text
    file = uma.http.get(f"{draft}/files").json()["items"][0]
    assert (file["path"], file["size"]) == ("broken.bin", len(content))


def handed_over(person: Person, file: Path) -> tuple[socket.socket, str]:
    """The connection and the service's name for an open file."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(10)
    connection.connect(str(person.platform.home / "s" / "service" / "files.sock"))
    with file.open("rb") as opened:
        socket.send_fds(connection, [b"\0"], [opened.fileno()])
    return connection, connection.recv(64).decode()


def take(person: Person, upload: str, offset: int, name: str) -> httpx.Response:
    headers = {**TUS, "Upload-Offset": str(offset), "Himalia-Descriptor": name}
    return person.http.patch(upload, headers=headers)


def test_a_file_that_is_handed_over_goes_on_where_the_upload_is(
    himalia: Running, uma: Person, draft: str
) -> None:
    content = os.urandom(2_000_000)
    file = himalia.home / "projects" / "handed"  # on the platform's own file system
    file.write_bytes(content)
    upload = begin(uma, draft, "handed.bin", len(content))
    connection, name = handed_over(uma, file)
    file.unlink()
    assert send(uma, upload, 0, content[:700_001]).headers["upload-offset"] == "700001"
    assert (answer := take(uma, upload, 0, name)).status_code == 409, answer.text
    answer = take(uma, upload, 700_001, name)
    assert answer.headers["upload-offset"] == str(len(content)), answer.text
    assert answer.headers["himalia-digest"] == blake3(content).hexdigest()
    assert not (himalia.home / "uploads" / upload.rpartition("/")[2]).exists()
    assert uma.http.post(f"{draft}/commit", json={}).status_code == 201
    address = f"/projects/{uma.project}/datasets/big/versions/latest/files/handed.bin"
    assert uma.http.get(address).content == content
    connection.close()


def test_a_descriptor_is_for_who_may_write_and_must_hold_what_was_said(
    himalia: Running, uma: Person, bob: Person, draft: str
) -> None:
    file = himalia.home / "projects" / "short"
    file.write_bytes(b"short")
    upload = begin(uma, draft, "short.bin", 10)
    connection, name = handed_over(uma, file)
    file.unlink()
    assert take(bob, upload, 0, name).status_code == 404
    assert take(uma, upload, 0, "0" * 32).status_code == 422
    assert take(uma, upload, 0, name).headers["upload-offset"] == "5"
    assert take(uma, upload, 5, name).status_code == 422
    assert send(uma, upload, 5, b"12345").status_code == 204
    connection.close()


def test_a_file_that_was_whole_when_the_service_ended_is_made_an_object(
    himalia: Running, uma: Person, draft: str
) -> None:
    upload = begin(uma, draft, "whole.bin", 3)
    (himalia.home / "uploads" / upload.rpartition("/")[2]).write_bytes(b"abc")
    assert offset(uma, upload) == 3
    assert [one["path"] for one in uma.http.get(f"{draft}/files").json()["items"]] == ["whole.bin"]


def test_an_offset_that_is_not_the_uploads_is_refused(uma: Person, draft: str) -> None:
    upload = begin(uma, draft, "a", 10)
    for wrong in (1, 11):
        answer = send(uma, upload, wrong, b"x")
        assert (answer.status_code, answer.json()["error"]["details"]) == (409, {"offset": 0})
    assert send(uma, upload, 0, b"x" * 11).status_code == 413
    assert offset(uma, upload) == 0


def test_an_empty_file_is_there_at_once(uma: Person, draft: str) -> None:
    upload = begin(uma, draft, "empty", 0)
    assert offset(uma, upload) == 0
    assert [one["path"] for one in uma.http.get(f"{draft}/files").json()["items"]] == ["empty"]


def test_what_is_sent_again_after_the_end_is_refused_and_harmless(uma: Person, draft: str) -> None:
    upload = begin(uma, draft, "a", 3)
    assert send(uma, upload, 0, b"abc").status_code == 204
    assert send(uma, upload, 0, b"abc").status_code == 409
    assert offset(uma, upload) == 3


def test_a_removed_upload_leaves_nothing(himalia: Running, uma: Person, draft: str) -> None:
    upload = begin(uma, draft, "a", 100)
    send(uma, upload, 0, b"x" * 50)
    assert (himalia.home / "uploads" / upload.rpartition("/")[2]).stat().st_size == 50
    assert uma.http.delete(upload, headers=TUS).status_code == 204
    assert not (himalia.home / "uploads" / upload.rpartition("/")[2]).exists()
    assert uma.http.head(upload, headers=TUS).status_code == 404


@pytest.mark.parametrize("path", ["../up", "/etc/passwd", "a//b", "a\0b", "", "."])
def test_a_path_that_leads_elsewhere_is_refused(uma: Person, draft: str, path: str) -> None:
    headers = {**TUS, "Upload-Length": "1", "Upload-Metadata": described(path)}
    assert uma.http.post(f"{draft}/files", headers=headers).status_code == 422


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Upload-Metadata": described("a")}, 422),
        ({"Upload-Length": "-1", "Upload-Metadata": described("a")}, 422),
        ({"Upload-Length": "1"}, 422),
        ({"Upload-Length": "1", "Upload-Metadata": "path !!!"}, 422),
        ({"Upload-Length": str(2**50), "Upload-Metadata": described("a")}, 413),
        ({"Upload-Length": str(2**39), "Upload-Metadata": described("a")}, 507),
        ({"Upload-Length": "1", "Upload-Metadata": described("a"), "Tus-Resumable": "0.2.2"}, 412),
    ],
)
def test_what_cannot_be_uploaded_is_refused_at_once(
    uma: Person, draft: str, headers: dict[str, str], status: int
) -> None:
    answer = uma.http.post(f"{draft}/files", headers={**TUS, **headers})
    assert answer.status_code == status, answer.text


def test_another_person_sees_no_upload(uma: Person, bob: Person, draft: str) -> None:
    upload = begin(uma, draft, "a", 10)
    assert bob.http.head(upload, headers=TUS).status_code == 404
    assert send(bob, upload, 0, b"x" * 10).status_code == 404
    assert offset(uma, upload) == 0
