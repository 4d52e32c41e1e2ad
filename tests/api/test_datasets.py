"""Datasets over HTTP: versions that never change, drafts that survive, two people at one dataset."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import httpx
import pytest
from blake3 import blake3
from platforms import Person

NUMBERS = count()


@pytest.fixture(scope="module")
def dora(people: Callable[..., Person]) -> Person:
    return people("dora")


@pytest.fixture
def name(dora: Person) -> str:
    """A dataset of the test's own."""
    made = dora.http.post(path(dora), json={"name": f"set-{next(NUMBERS)}"})
    assert made.status_code == 201, made.text
    return str(made.json()["name"])


def path(person: Person, *parts: object) -> str:
    return "/".join([f"/projects/{person.project}/datasets", *map(str, parts)])


def digest(content: bytes) -> str:
    return blake3(content).hexdigest()


def bundle(files: Mapping[str, bytes], **more: object) -> bytes:
    header = {"files": [{"path": p, "size": len(c), **more} for p, c in files.items()]}
    listed = json.dumps(header).encode()
    return len(listed).to_bytes(4, "big") + listed + b"".join(files.values())


def begin(person: Person, name: str, base: str | None = None) -> str:
    answer = person.http.post(path(person, name, "drafts"), json={"base": base})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def send(person: Person, name: str, draft: str, files: Mapping[str, bytes]) -> None:
    answer = person.http.put(path(person, name, "drafts", draft, "bundle"), content=bundle(files))
    assert answer.status_code == 200, answer.text


def commit(person: Person, name: str, draft: str, **body: Any) -> httpx.Response:
    return person.http.post(path(person, name, "drafts", draft, "commit"), json=body)


def add(person: Person, name: str, files: Mapping[str, bytes], base: str | None = None) -> dict[str, Any]:
    draft = begin(person, name, base)
    send(person, name, draft, files)
    answer = commit(person, name, draft)
    assert answer.status_code == 201, answer.text
    version: dict[str, Any] = answer.json()
    return version


def files_of(person: Person, name: str, version: object, **params: Any) -> dict[str, Any]:
    answer = person.http.get(path(person, name, "versions", version, "files"), params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def paths_of(person: Person, name: str, version: object) -> list[str]:
    return [one["path"] for one in files_of(person, name, version)["items"]]


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_version_is_what_was_put_into_its_draft(dora: Person, name: str) -> None:
    version = add(dora, name, {"a/1.txt": b"one", "a/2.txt": b"two", "b.txt": b"three"})
    assert (version["number"], version["name"]) == (1, f"{name}@1")
    assert (version["status"]["files"], version["status"]["size"]) == (3, 11)
    assert paths_of(dora, name, "latest") == ["a/1.txt", "a/2.txt", "b.txt"]
    shown = dora.http.get(path(dora, name)).json()
    assert shown["status"]["latest"]["number"] == 1
    answer = dora.http.get(path(dora, name, "versions", 1, "files", "a/2.txt"))
    assert answer.content == b"two"
    assert answer.headers["content-security-policy"].startswith("sandbox")
    part = dora.http.get(path(dora, name, "versions", 1, "files", "b.txt"), headers={"Range": "bytes=1-2"})
    assert (part.status_code, part.content) == (206, b"hr")
    endless = {"Range": f"bytes=0-{'9' * 5000}"}
    part = dora.http.get(path(dora, name, "versions", 1, "files", "b.txt"), headers=endless)
    assert (part.status_code, part.content) == (200, b"three"), "what is no range is answered with all"


def test_only_bytes_that_the_project_lacks_are_sent(dora: Person, name: str) -> None:
    add(dora, name, {"old.txt": b"is here"})
    draft = begin(dora, name)
    listed = [
        {"path": "same.txt", "size": 7, "digest": digest(b"is here")},
        {"path": "new.txt", "size": 6, "digest": digest(b"is new")},
    ]
    answer = dora.http.post(path(dora, name, "drafts", draft, "manifest"), json={"files": listed})
    assert answer.json() == {"missing": [digest(b"is new")]}
    early = commit(dora, name, draft)
    assert code(early) == (422, "invalid")
    assert early.json()["error"]["details"]["missing"] == [digest(b"is new")]
    send(dora, name, draft, {"new.txt": b"is new"})
    assert commit(dora, name, draft).status_code == 201
    assert paths_of(dora, name, 2) == ["new.txt", "same.txt"]


def test_a_size_that_is_not_the_objects_counts_as_missing(dora: Person, name: str) -> None:
    add(dora, name, {"old.txt": b"is here"})
    draft = begin(dora, name)
    listed = [{"path": "lie.txt", "size": 8, "digest": digest(b"is here")}]
    answer = dora.http.post(path(dora, name, "drafts", draft, "manifest"), json={"files": listed})
    assert answer.json() == {"missing": [digest(b"is here")]}


def test_another_projects_bytes_are_missing_here(dora: Person, bob: Person, name: str) -> None:
    content = b"what only dora has"
    add(dora, name, {"secret.txt": content})
    bob.http.post(path(bob), json={"name": "guess"}).raise_for_status()
    draft = begin(bob, "guess")
    listed = [{"path": "x", "size": len(content), "digest": digest(content)}]
    answer = bob.http.post(path(bob, "guess", "drafts", draft, "manifest"), json={"files": listed})
    assert answer.json()["missing"] == [digest(content)]
    assert bob.http.get(path(dora, name)).status_code == 404


def test_a_version_from_a_version_keeps_what_was_not_changed(dora: Person, name: str) -> None:
    add(dora, name, {"a/1": b"1", "a/2": b"2", "b": b"3", "a0": b"4"})
    draft = begin(dora, name, "latest")
    answer = dora.http.patch(path(dora, name, "drafts", draft), json={"remove": ["a", "not-there"]})
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"]["removed"] == 2
    send(dora, name, draft, {"b": b"changed", "c": b"new"})
    listed = dora.http.get(path(dora, name, "drafts", draft, "files")).json()["items"]
    assert [one["path"] for one in listed] == ["a0", "b", "c"]
    assert commit(dora, name, draft, note="Less and more").status_code == 201
    difference = dora.http.get(path(dora, name, "versions", 2, "diff")).json()
    assert [(one["change"], one["path"]) for one in difference["items"]] == [
        ("removed", "a/1"),
        ("removed", "a/2"),
        ("changed", "b"),
        ("added", "c"),
    ]
    assert difference["unchanged"]["files"] == 1
    assert (difference["from_number"], difference["to_number"]) == (1, 2)


def test_what_changes_nothing_makes_no_version(dora: Person, name: str) -> None:
    first = add(dora, name, {"a": b"1"})
    draft = begin(dora, name)
    send(dora, name, draft, {"a": b"1"})
    again = commit(dora, name, draft, aliases=["stable"])
    assert (again.status_code, again.json()["id"]) == (200, first["id"])
    assert again.json()["status"]["aliases"] == ["stable"]
    assert dora.http.get(path(dora, name, "drafts")).json()["items"] == []


def test_two_people_at_one_dataset(dora: Person, bob: Person) -> None:
    shared = "two-at-once"
    dora.http.post("/projects", json={"name": shared}).raise_for_status()
    dora.http.put(f"/projects/{shared}/members/person/bob", json={"role": "editor"}).raise_for_status()
    base = f"/projects/{shared}/datasets"
    dora.http.post(base, json={"name": "it"}).raise_for_status()

    def made(person: Person, files: Mapping[str, bytes], base_version: str | None) -> str:
        draft = person.http.post(f"{base}/it/drafts", json={"base": base_version}).json()["id"]
        person.http.put(f"{base}/it/drafts/{draft}/bundle", content=bundle(files)).raise_for_status()
        return str(draft)

    first = made(dora, {"a": b"1", "b": b"2"}, None)
    dora.http.post(f"{base}/it/drafts/{first}/commit", json={}).raise_for_status()
    hers, his = made(dora, {"a": b"hers"}, "latest"), made(bob, {"b": b"his"}, "latest")
    dora.http.post(f"{base}/it/drafts/{hers}/commit", json={}).raise_for_status()
    refused = bob.http.post(f"{base}/it/drafts/{his}/commit", json={})
    assert code(refused) == (409, "conflict")
    assert refused.json()["error"]["details"] == {"latest": 2, "seen": 1}
    assert "onto the latest" in refused.json()["error"]["message"]
    laid = bob.http.post(f"{base}/it/drafts/{his}/commit", json={"onto": "latest"})
    assert laid.status_code == 201, laid.text
    contents = [bob.http.get(f"{base}/it/versions/3/files/{file}").content for file in ("a", "b")]
    assert contents == [b"hers", b"his"]


def test_a_commit_sent_twice_makes_one_version(dora: Person, name: str) -> None:
    draft = begin(dora, name)
    send(dora, name, draft, {"a": b"1"})
    where, headers = path(dora, name, "drafts", draft, "commit"), {"Idempotency-Key": f"{name}-{draft}"}
    first = dora.http.post(where, json={}, headers=headers)
    again = dora.http.post(where, json={}, headers=headers)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    assert len(dora.http.get(path(dora, name, "versions")).json()["items"]) == 1


def test_aliases_move_and_name_versions(dora: Person, name: str) -> None:
    for content in (b"1", b"2"):
        add(dora, name, {"a": content})
    for number in (1, 2):
        put = dora.http.put(path(dora, name, "aliases", "gold"), json={"version": number})
        assert put.json()["number"] == number
        assert dora.http.get(path(dora, name, "versions", "gold")).json()["number"] == number
    assert dora.http.get(path(dora, name)).json()["status"]["aliases"] == {"gold": 2}
    for bad in ("latest", "7"):
        assert dora.http.put(path(dora, name, "aliases", bad), json={"version": 1}).status_code == 422
    dora.http.delete(path(dora, name, "aliases", "gold")).raise_for_status()
    assert dora.http.get(path(dora, name, "versions", "gold")).status_code == 404


def test_a_deleted_version_comes_back_and_its_number_is_not_used_again(dora: Person, name: str) -> None:
    for content in (b"1", b"2"):
        add(dora, name, {"a": content})
    assert dora.http.delete(path(dora, name, "versions", 2)).status_code == 204
    assert dora.http.get(path(dora, name, "versions", "latest")).json()["number"] == 1
    third = add(dora, name, {"a": b"3"})
    assert third["number"] == 3
    back = dora.http.post(path(dora, name, "versions", 2, "restore"))
    assert (back.status_code, back.json()["number"]) == (200, 2)


def test_a_deleted_dataset_frees_its_name_and_comes_back_under_another(dora: Person, name: str) -> None:
    add(dora, name, {"a": b"1"})
    dora.http.delete(path(dora, name)).raise_for_status()
    assert dora.http.get(path(dora, name)).status_code == 404
    dora.http.post(path(dora), json={"name": name}).raise_for_status()
    assert code(dora.http.post(path(dora, name, "restore"), json={})) == (409, "name_in_use")
    back = dora.http.post(path(dora, name, "restore"), json={"name": f"{name}-old"})
    assert back.json()["status"]["latest"]["number"] == 1


def test_changing_a_dataset_that_was_changed_is_refused(dora: Person, name: str) -> None:
    etag = dora.http.get(path(dora, name)).json()["etag"]
    said = {"spec": {"title": "Digits", "description": "*Real* ones", "license": "CC-BY-4.0"}}
    changed = dora.http.patch(path(dora, name), json=said, headers={"If-Match": f'"{etag}"'})
    assert changed.json()["spec"]["license"] == "CC-BY-4.0"
    stale = dora.http.patch(path(dora, name), json={"labels": {"a": "b"}}, headers={"If-Match": etag})
    assert code(stale) == (412, "stale")


@pytest.mark.parametrize(
    "wrong",
    [
        {"../up": b"1"},
        {"/absolute": b"1"},
        {"a//b": b"1"},
        {"a\nb": b"1"},
        {"x" * 300: b"1"},
        {"a/./b": b"1"},
    ],
)
def test_paths_that_could_lead_elsewhere_are_refused(
    dora: Person, name: str, wrong: dict[str, bytes]
) -> None:
    draft = begin(dora, name)
    answer = dora.http.put(path(dora, name, "drafts", draft, "bundle"), content=bundle(wrong))
    assert code(answer) == (422, "invalid")
    listed = [{"path": p, "size": 1, "digest": digest(c)} for p, c in wrong.items()]
    answer = dora.http.post(path(dora, name, "drafts", draft, "manifest"), json={"files": listed})
    assert code(answer) == (422, "invalid")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0\0",
        b"\xff\xff\xff\xff{}",
        b"\0\0\0\x02{}",
        b"\0\0\0\x04nope",
        bundle({"a": b"123"})[:-1],
        bundle({"a": b"123"}) + b"more",
        bundle({"a": b"123"}, digest="0" * 64),
        bundle({"a": b"123"}, size=-1),
    ],
)
def test_what_is_no_bundle_is_refused_and_leaves_nothing(dora: Person, name: str, body: bytes) -> None:
    draft = begin(dora, name)
    answer = dora.http.put(path(dora, name, "drafts", draft, "bundle"), content=body)
    assert code(answer) == (422, "invalid"), answer.text
    assert dora.http.get(path(dora, name, "drafts", draft)).json()["status"]["changed"]["files"] == 0


def test_a_file_and_a_folder_of_one_name_cannot_both_be_committed(dora: Person, name: str) -> None:
    draft = begin(dora, name)
    send(dora, name, draft, {"a": b"1"})
    send(dora, name, draft, {"a/b": b"2"})
    refused = commit(dora, name, draft)
    assert code(refused) == (422, "invalid")
    assert "also a folder" in refused.json()["error"]["message"]
    dora.http.patch(path(dora, name, "drafts", draft), json={"remove": ["a/b"]}).raise_for_status()
    assert commit(dora, name, draft).status_code == 201


def test_an_empty_draft_is_not_committed(dora: Person, name: str) -> None:
    assert code(commit(dora, name, begin(dora, name))) == (422, "invalid")


def test_files_are_listed_by_folder_and_page(dora: Person, name: str) -> None:
    add(dora, name, {f"{folder}/{n:02}": b"x" * n for folder in "abc" for n in range(10)} | {"top": b""})
    top = files_of(dora, name, 1, by_folder=True)
    assert [(one["path"], one["files"], one["size"]) for one in top["folders"]] == [
        ("a", 10, 45),
        ("b", 10, 45),
        ("c", 10, 45),
    ]
    assert [one["path"] for one in top["items"]] == ["top"]
    seen: list[str] = []
    token = None
    while True:
        page = files_of(dora, name, 1, prefix="b/", limit=4, **({"page_token": token} if token else {}))
        seen += [one["path"] for one in page["items"]]
        token = page["next_page_token"]
        if token is None:
            break
    assert seen == [f"b/{n:02}" for n in range(10)]


def test_a_viewer_reads_and_does_not_write(dora: Person, bob: Person) -> None:
    shared = "read-only"
    dora.http.post("/projects", json={"name": shared}).raise_for_status()
    dora.http.put(f"/projects/{shared}/members/person/bob", json={"role": "viewer"}).raise_for_status()
    base = f"/projects/{shared}/datasets"
    dora.http.post(base, json={"name": "it"}).raise_for_status()
    assert bob.http.get(f"{base}/it").status_code == 200
    for answer in (
        bob.http.post(base, json={"name": "other"}),
        bob.http.post(f"{base}/it/drafts", json={}),
        bob.http.delete(f"{base}/it"),
    ):
        assert code(answer) == (403, "forbidden")
