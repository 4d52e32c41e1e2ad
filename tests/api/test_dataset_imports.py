"""Imports over HTTP: archives and folders of the machine become a draft's files, all at once or not at all."""

from __future__ import annotations

import io
import json
import tarfile
import time
import zipfile
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from platforms import Person

ENDED = ("SUCCEEDED", "FAILED", "STOPPED")
NUMBERS = count()


@pytest.fixture(scope="module")
def ivo(people: Callable[..., Person]) -> Person:
    return people("ivo")


class Filling:
    """A draft of a dataset of its own."""

    def __init__(self, person: Person) -> None:
        self.person = person
        name = f"imported-{next(NUMBERS)}"
        base = f"/projects/{person.project}/datasets"
        person.http.post(base, json={"name": name}).raise_for_status()
        self.id = person.http.post(f"{base}/{name}/drafts", json={}).raise_for_status().json()["id"]
        self.dataset = f"{base}/{name}"
        self.url = f"{self.dataset}/drafts/{self.id}"

    def send(self, files: Mapping[str, bytes]) -> None:
        listed = json.dumps({"files": [{"path": p, "size": len(c)} for p, c in files.items()]}).encode()
        bundle = len(listed).to_bytes(4, "big") + listed + b"".join(files.values())
        self.person.http.put(f"{self.url}/bundle", content=bundle).raise_for_status()

    def bring(self, **body: str) -> httpx.Response:
        return self.person.http.post(f"{self.url}/import", json=body)

    def brought(self, **body: str) -> dict[str, Any]:
        """An import, once it has ended: the live topic tells."""
        topic = f"/events/stream?topic=draft:{self.id}"
        with self.person.http.stream("GET", topic, timeout=60) as told:
            lines = told.iter_lines()
            assert next(lines) is not None  # subscribed before it begins
            begun = self.bring(**body)
            assert begun.status_code == 202, begun.text
            for line in lines:
                if any(f'"state": "{state}"' in line for state in ENDED):
                    break
        (found,) = [one for one in self.status()["imports"] if one["id"] == begun.json()["id"]]
        return dict(found)

    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = self.person.http.get(self.url).json()["status"]
        return status

    def paths(self) -> list[str]:
        return [one["path"] for one in self.person.http.get(f"{self.url}/files").json()["items"]]

    def commit(self) -> httpx.Response:
        return self.person.http.post(f"{self.url}/commit", json={})


def zipped(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def test_an_archive_becomes_the_files_in_it(ivo: Person) -> None:
    filling = Filling(ivo)
    filling.send({"up/data.zip": zipped({"a/1.txt": b"one", "a/2.txt": b"two"}), "own.txt": b"own"})
    done = filling.brought(archive="up/data.zip", into="in/side")
    assert (done["state"], done["message"]) == ("SUCCEEDED", "2 files came.")
    assert filling.paths() == ["in/side/a/1.txt", "in/side/a/2.txt", "own.txt"]
    assert filling.status()["removed"] == 0
    assert filling.commit().status_code == 201
    answer = ivo.http.get(f"{filling.dataset}/versions/1/files/in/side/a/2.txt")
    assert answer.content == b"two"


def test_a_hostile_archive_changes_nothing_and_says_why(ivo: Person) -> None:
    filling = Filling(ivo)
    link = io.BytesIO()
    with tarfile.open(fileobj=link, mode="w:gz") as tar:
        member = tarfile.TarInfo("passwd")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(member)
    filling.send({"up.zip": zipped({"../../x": b"out"}), "link.tgz": link.getvalue(), "no.zip": b"no"})
    words = {name: filling.brought(archive=name) for name in ("up.zip", "link.tgz", "no.zip")}
    assert {one["state"] for one in words.values()} == {"FAILED"}
    assert "must not lead upwards" in words["up.zip"]["message"]
    assert "'passwd' in the archive is a link" in words["link.tgz"]["message"]
    assert words["no.zip"]["message"].startswith("This is no archive")
    assert filling.paths() == ["link.tgz", "no.zip", "up.zip"]
    assert filling.status()["changed"]["files"] == 3


def test_what_was_in_the_base_and_is_unpacked_goes(ivo: Person) -> None:
    filling = Filling(ivo)
    filling.send({"data.zip": zipped({"1.txt": b"one"})})
    assert filling.commit().status_code == 201
    filling.id = ivo.http.post(f"{filling.dataset}/drafts", json={"base": "1"}).json()["id"]
    filling.url = f"{filling.dataset}/drafts/{filling.id}"
    assert filling.brought(archive="data.zip")["state"] == "SUCCEEDED"
    assert filling.paths() == ["1.txt"]


@pytest.fixture
def opened(ivo: Person) -> Path:
    """The folder that the platform of these tests has opened for imports."""
    return ivo.platform.folder / "imports"


def test_a_folder_of_the_machine_is_copied(ivo: Person, opened: Path, tmp_path: Path) -> None:
    (opened / "team/raw").mkdir(parents=True, exist_ok=True)
    (opened / "team/raw/1.csv").write_text("a\n1\n")
    (opened / "team/raw/link.csv").symlink_to("/etc/passwd")
    for path in (opened / "team", opened / "team/raw"):
        path.chmod(0o755)
    (opened / "team/raw/1.csv").chmod(0o644)
    filling = Filling(ivo)
    done = filling.brought(server_path=f"{opened}/team/raw/", into="raw")
    assert done["state"] == "SUCCEEDED", done
    assert filling.paths() == ["raw/1.csv"]
    (opened / "secret").mkdir(mode=0o700, exist_ok=True)
    (opened / "secret/key").write_text("key")
    if ivo.platform.home.stat().st_uid == 0:  # otherwise the sandbox's person is who made it
        assert "may not be read by you" in filling.brought(server_path=f"{opened}/secret")["message"]
    assert "There is no 'none' in it" in filling.brought(server_path=f"{opened}/none")["message"]


def test_nothing_else_of_the_machine_is_open(ivo: Person, opened: Path) -> None:
    (opened / "out").unlink(missing_ok=True)
    (opened / "out").symlink_to("/etc")
    filling = Filling(ivo)
    for path in ("/etc", f"{opened}x", f"{opened}/../home", "/", f"{opened}/a/../../home"):
        answer = filling.bring(server_path=path)
        assert answer.status_code == 422, path
        assert "is not in a folder that is open for imports" in answer.text
    assert "a link, which is not followed" in filling.brought(server_path=f"{opened}/out")["message"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"archive": "a.zip", "server_path": "/x"},
        {"archive": "none.zip"},
        {"server_path": "relative"},
        {"archive": "a.zip", "into": "../up"},
        {"archive": "a.zip", "into": "/abs"},
    ],
)
def test_what_cannot_be_is_refused(ivo: Person, body: dict[str, str]) -> None:
    assert Filling(ivo).bring(**body).status_code == 422


def test_an_import_can_be_stopped(ivo: Person) -> None:
    filling = Filling(ivo)
    filling.send({"data.zip": zipped({f"{n}.bin": bytes(1 << 20) for n in range(60)})})
    begun = filling.bring(archive="data.zip").json()
    assert filling.commit().status_code == 409  # files are on their way
    stopped = ivo.http.post(f"{filling.url}/imports/{begun['id']}/stop")
    assert stopped.status_code == 200, stopped.text
    with ivo.http.stream("GET", f"/events/stream?topic=draft:{filling.id}", timeout=30) as told:
        if filling.status()["imports"][0]["state"] not in ENDED:
            next(line for line in told.iter_lines() if '"state": "STOPPED"' in line)
    assert filling.paths() == ["data.zip"]
    assert filling.commit().status_code == 201


def test_a_deleted_draft_takes_its_import_with_it(ivo: Person, bob: Person, admin: Person) -> None:
    filling = Filling(ivo)
    filling.send({"data.zip": zipped({"1.txt": b"one"})})
    assert bob.http.post(f"{filling.url}/import", json={"archive": "data.zip"}).status_code == 404
    assert filling.bring(archive="data.zip").status_code == 202
    assert ivo.http.delete(filling.url).status_code == 204
    assert ivo.http.get(filling.url).status_code == 404
    deadline = time.monotonic() + 8  # less than what it takes to be given up for lost
    while any(filling.id in one["name"] for one in admin.http.get("/workloads").json()["items"]):
        assert time.monotonic() < deadline, "the import still is at work"
        time.sleep(0.05)
