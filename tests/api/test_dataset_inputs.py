"""Datasets and jobs: what a job reads, what it leaves as a version, and how one comes from the other."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from platforms import Person, Running

COUNT = """
import pathlib, himalia.run as run
folder = run.input("digits")
print(sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()))
print((folder / "a/1.txt").read_text())
try:
    (folder / "a/1.txt").write_text("mine")
except OSError as error:
    print("read-only", error.errno)
out = pathlib.Path("outputs/clean")
out.mkdir(parents=True)
(out / "kept.txt").write_text("kept")
(out.parent / "other.txt").write_text("other")
"""


@pytest.fixture(scope="module")
def ivo(people: Callable[..., Person]) -> Person:
    person = people("ivo")
    person.http.post(where(person), json={"name": "digits"}).raise_for_status()
    add(person, "digits", {"a/1.txt": "one"})
    return person


def where(person: Person, *parts: object) -> str:
    return "/".join([f"/projects/{person.project}/datasets", *map(str, parts)])


def add(person: Person, name: str, files: dict[str, str]) -> dict[str, Any]:
    draft = person.http.post(where(person, name, "drafts"), json={}).raise_for_status().json()["id"]
    listed = json.dumps({"files": [{"path": p, "size": len(c)} for p, c in files.items()]}).encode()
    body = len(listed).to_bytes(4, "big") + listed + "".join(files.values()).encode()
    person.http.put(where(person, name, "drafts", draft, "bundle"), content=body).raise_for_status()
    version: dict[str, Any] = person.http.post(where(person, name, "drafts", draft, "commit"), json={}).json()
    return version


@pytest.fixture(scope="module")
def job(ivo: Person) -> dict[str, Any]:
    """A job that read version 1 and left two files."""
    submitted = ivo.submit("python", "-c", COUNT, inputs={"digits": "digits@latest"})
    assert submitted["spec"]["inputs"] == {"digits": "digits@1"}
    assert submitted["status"]["inputs"]["digits"]["version"] == 1
    ended = ivo.ended(submitted["name"])
    assert ended["status"]["state"] == "SUCCEEDED", ivo.text(ended["name"])
    return ended


def test_a_job_reads_the_version_that_was_there_when_it_was_submitted(
    ivo: Person, job: dict[str, Any]
) -> None:
    assert ivo.text(job["name"]).splitlines() == ["['a/1.txt']", "one", "read-only 30"]
    add(ivo, "digits", {"a/1.txt": "two"})
    again = ivo.http.post(f"/projects/{ivo.project}/jobs/{job['name']}/rerun", json={}).json()
    assert again["status"]["inputs"] == job["status"]["inputs"]
    assert ivo.ended(again["name"])["status"]["state"] == "SUCCEEDED"
    assert ivo.text(again["name"]).splitlines()[1] == "one"


@pytest.mark.parametrize("reference", ["nothing", "digits@99", "digits@gold"])
def test_what_is_not_there_is_said_before_a_job_is_queued(ivo: Person, reference: str) -> None:
    spec = {"kind": "command", "command": ["true"], "profile": "base", "inputs": {"x": reference}}
    answer = ivo.http.post(f"/projects/{ivo.project}/jobs", json={"spec": spec})
    assert answer.status_code == 422
    assert answer.json()["error"]["details"]["fields"][0]["field"] == "spec.inputs.x"


def test_what_a_job_left_becomes_a_version(ivo: Person, job: dict[str, Any]) -> None:
    ivo.http.post(where(ivo), json={"name": "clean"}).raise_for_status()
    body = {"from_job": job["name"], "path": "outputs/clean", "note": "Counted"}
    answer = ivo.http.post(where(ivo, "clean", "versions"), json=body)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    files = ivo.http.get(where(ivo, "clean", "versions", 1, "files")).json()["items"]
    assert [one["path"] for one in files] == ["kept.txt"]
    assert ivo.http.get(where(ivo, "clean", "versions", 1, "files", "kept.txt")).text == "kept"
    assert made["status"]["source_job"] == job["id"]
    graph = ivo.http.get(f"/projects/{ivo.project}/lineage", params={"of": f"dataset:{made['id']}"}).json()
    names = {node["id"]: node["name"] for node in graph["nodes"]}
    links = [(names[edge["from_id"]], names[edge["to_id"]], edge["kind"]) for edge in graph["edges"]]
    assert sorted(links) == sorted([("clean@1", job["name"], "output"), (job["name"], "digits@1", "input")])
    none = ivo.http.post(where(ivo, "clean", "versions"), json={**body, "path": "nowhere"})
    assert none.status_code == 422


def test_what_a_job_read_is_not_deleted_by_accident(ivo: Person, job: dict[str, Any]) -> None:
    refused = ivo.http.delete(where(ivo, "digits", "versions", 1))
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "in_use")
    told = refused.json()["error"]
    assert told["message"].startswith("digits@1 is used by the jobs ")
    used_by = told["details"]["used_by"]
    assert [(one["noun"], job["name"] in one["names"]) for one in used_by] == [("job", True)], used_by
    assert ivo.http.delete(where(ivo, "digits")).status_code == 409
    assert ivo.http.delete(where(ivo, "digits"), params={"cascade": True}).status_code == 204
    ivo.http.post(where(ivo, "digits", "restore"), json={}).raise_for_status()


def test_a_deleted_job_keeps_nothing_that_it_read(ivo: Person) -> None:
    ivo.http.post(where(ivo), json={"name": "short"}).raise_for_status()
    add(ivo, "short", {"1.txt": "one"})
    read = ivo.submit("true", inputs={"x": "short"})
    job = f"/projects/{ivo.project}/jobs/{ivo.ended(read['name'])['name']}"
    assert ivo.http.delete(where(ivo, "short")).status_code == 409
    assert ivo.http.delete(job).status_code == 204
    assert ivo.http.delete(where(ivo, "short")).status_code == 204
    refused = ivo.http.post(f"{job}/restore", json={})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "wrong_state")
    assert "short@1, which was deleted" in refused.json()["error"]["message"]
    ivo.http.post(where(ivo, "short", "restore"), json={"name": "renamed"}).raise_for_status()
    ivo.http.post(f"{job}/restore", json={}).raise_for_status()
    assert ivo.http.delete(where(ivo, "renamed")).status_code == 409
    again = ivo.http.post(f"{job}/rerun", json={}).raise_for_status().json()
    assert again["spec"]["inputs"] == {"x": "renamed@1"}


def test_a_version_is_laid_out_for_notebooks_under_a_name(himalia: Running, ivo: Person) -> None:
    answer = ivo.http.post(where(ivo, "digits", "checkout"), json={"version": "1"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["path"] == f"/checkouts/{ivo.project}/digits@1"
    (link,) = himalia.home.glob("projects/*/checkouts/digits@1")
    assert (link / "a/1.txt").read_text() == "one"
    assert (link / "a/1.txt").stat().st_mode & 0o222 == 0
    read = ivo.submit("cat", f"{answer.json()['job_path']}/a/1.txt")
    assert ivo.ended(read["name"])["status"]["state"] == "SUCCEEDED"
    assert ivo.text(read["name"]) == "one"
