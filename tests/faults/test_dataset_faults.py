"""Datasets on bad days: the service killed and the disk full while files arrive, and what nothing needs collected."""

from __future__ import annotations

import os
import subprocess
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from platforms import Person, Running
from test_killed import kill_service

from himalia.client import Client, transport, watching
from himalia.client.dataset_upload import Sent

SMALL = "12m"


@pytest.fixture(scope="module")
def own(environments: Path) -> Iterator[Running]:
    """A platform that may be killed, collects all the time, and whose uploads are on a disk of their own."""
    settings = {
        "HIMALIA_COLLECT_EVERY_S": "0.2",
        "HIMALIA_OBJECT_GRACE_S": "3",
        "HIMALIA_RETENTION_DAYS": "0",
        "HIMALIA_DRAFT_DAYS": "1",
    }
    running = Running(("base",), **settings)
    uploads = running.home / "uploads"
    mounted = False
    try:
        running.up()
        mounted = os.geteuid() == 0 and mount(uploads, SMALL)
        yield running
    finally:
        running.down()
        if mounted:
            subprocess.run(["umount", str(uploads)], check=True)
        running.remove()


def mount(folder: Path, size: str, *more: str) -> bool:
    """A file system of this size, or one that is there in another size."""
    options = ",".join([f"size={size}", "mode=0700", *more])
    line = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return subprocess.run(line, check=False).returncode == 0


@pytest.fixture(scope="module")
def ada(own: Running) -> Iterator[Person]:
    own.add_user("ada")
    person = Person(own, "ada")
    yield person
    person.close()


@pytest.fixture(scope="module")
def client(ada: Person) -> Iterator[Client]:
    with Client(ada.platform.url, ada.token) as client:
        yield client


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def stored(own: Running) -> set[str]:
    return {one.parent.name + one.name for one in (own.home / "objects").glob("[0-9a-f][0-9a-f]/*")}


def until(check: object, what: str, timeout_s: float = 40) -> None:
    deadline = time.monotonic() + timeout_s
    while not check():  # type: ignore[operator]
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def test_an_upload_goes_on_where_a_full_disk_stopped_it(own: Running, ada: Person, client: Client) -> None:
    if not os.path.ismount(own.home / "uploads"):
        pytest.skip("only the machine's root can mount a small disk")
    client.datasets.create("full")
    draft = ada.http.post(f"/projects/{ada.project}/datasets/full/drafts", json={}).json()["id"]
    place = f"/projects/{ada.project}/datasets/full/drafts/{draft}"
    content = os.urandom(20 << 20)
    tus = {"Tus-Resumable": "1.0.0"}
    described = {"Upload-Length": str(len(content)), "Upload-Metadata": "path YQ=="}
    made = ada.http.post(f"{place}/files", headers={**tus, **described})
    upload = made.headers["location"].removeprefix("/services/himalia/api/v1")
    first = ada.http.patch(upload, content=content, headers={**tus, "Upload-Offset": "0"})
    assert (first.status_code, first.json()["error"]["code"]) == (507, "disk_full"), first.text
    there = int(ada.http.head(upload, headers=tus).headers["upload-offset"])
    assert 0 < there < len(content)
    assert mount(own.home / "uploads", "64m", "remount")
    rest = ada.http.patch(upload, content=content[there:], headers={**tus, "Upload-Offset": str(there)})
    assert rest.status_code == 204, rest.text
    assert ada.http.post(f"{place}/commit", json={}).status_code == 201
    got = ada.http.get(f"/projects/{ada.project}/datasets/full/versions/1/files/a")
    assert got.content == content
    assert list((own.home / "uploads").iterdir()) == []


def test_adding_goes_on_when_the_service_is_killed(
    own: Running, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "TAKEN_S", 2.0)
    if os.path.ismount(own.home / "uploads"):
        assert mount(own.home / "uploads", "64m", "remount")
    folder = tmp_path / "data"
    for number in range(300):
        place = folder / str(number % 7) / f"{number}.bin"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(os.urandom(40_000))
    (folder / "large.bin").write_bytes(os.urandom(30 << 20))
    moving, killed = threading.Event(), threading.Event()

    def seen(sent: Sent) -> None:
        if sent.size_done:
            moving.set()
            killed.wait(60)

    def kill() -> None:
        moving.wait(60)
        kill_service(own)
        killed.set()

    killer = threading.Thread(target=kill)
    killer.start()
    version = client.datasets.add("killed", folder, progress=seen)
    killer.join()
    assert killed.is_set()
    assert version.status.files == 301
    client.datasets.download(version, tmp_path / "out")
    for file in folder.rglob("*.bin"):
        assert (tmp_path / "out" / file.relative_to(folder)).read_bytes() == file.read_bytes()


def test_an_import_outlives_the_service(
    own: Running, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "SILENCE_S", 3.0)  # the proxy does not tell that the service is gone
    contents = {f"{number % 5}/{number}.bin": os.urandom(5000) for number in range(300)}
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    kills: list[str] = []

    def told(words: str, fraction: float | None) -> None:
        if words.startswith("Unpacked") and not kills:
            kills.append(words)
            kill_service(own)

    version = client.datasets.add_archive("outlived", tmp_path / "set.zip", told=told)
    assert len(kills) == 1
    client.datasets.download(version, tmp_path / "out")
    there = {
        str(one.relative_to(tmp_path / "out")): one.read_bytes() for one in (tmp_path / "out").rglob("*.bin")
    }
    assert there == contents
    assert client.datasets.preview(version, timeout=60)["files"]["count"] == 300


def test_what_versions_and_drafts_hold_stays_and_the_rest_is_collected(
    own: Running, ada: Person, client: Client, tmp_path: Path
) -> None:
    (tmp_path / "kept").write_text("in a version that is kept")
    (tmp_path / "gone").write_text("in a version that is deleted")
    kept = client.datasets.add("collected", tmp_path / "kept")
    gone = client.datasets.add("collected", tmp_path / "gone")
    files = {one.path: one.digest for version in (kept, gone) for one in client.datasets.files(version)}
    draft = ada.http.post(f"/projects/{ada.project}/datasets/collected/drafts", json={}).json()["id"]
    place = f"/projects/{ada.project}/datasets/collected/drafts/{draft}"
    drafted = b"in a draft"
    header = b'{"files": [{"path": "drafted", "size": %d}]}' % len(drafted)
    body = len(header).to_bytes(4, "big") + header + drafted
    ada.http.put(f"{place}/bundle", content=body).raise_for_status()
    held = ada.http.get(f"{place}/files").json()["items"][0]["digest"]
    for version in (kept, gone):
        client.datasets.checkout(version)
    client.datasets.delete(gone)
    until(lambda: files["gone"] not in stored(own), "what was deleted stays")
    (laid_out,) = own.home.glob("projects/*/checkouts/collected@1")
    until(lambda: not (laid_out.parent / gone.status.digest).exists(), "what was laid out of it stays")
    until(lambda: not laid_out.with_name("collected@2").is_symlink(), "a name leads nowhere")
    assert (laid_out / "kept").read_text() == "in a version that is kept"
    assert {files["kept"], held} <= stored(own)
    ada.http.delete(place).raise_for_status()
    until(lambda: held not in stored(own), "what was in a draft stays")
    assert files["kept"] in stored(own)
    assert (tmp_path / "kept").read_bytes() == ada.http.get(
        f"/projects/{ada.project}/datasets/collected/versions/1/files/kept"
    ).content


def test_damaged_files_are_found(own: Running, client: Client, tmp_path: Path) -> None:
    folder = tmp_path / "checked"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / name).write_text(f"{name} as it was")
    (folder / "b").chmod(0o755)  # laid out for those who read the version, it is a copy
    version = client.datasets.add("checked", folder)
    check = client.datasets.verify(version, timeout=60)
    assert (check.state, check.intact, check.damaged) == ("SUCCEEDED", True, []), check.to_dict()
    digest = next(client.datasets.files(version, prefix="b")).digest
    place = own.home / "objects" / digest[:2] / digest[2:]
    place.chmod(0o644)
    place.write_text("b as it is!")  # in place, as a failing disk does
    check = client.datasets.verify(version, timeout=60)
    assert (check.intact, [one.path for one in check.damaged]) == (False, ["b"])
    place.unlink()
    check = client.datasets.verify(version, timeout=60)
    assert check.state == "FAILED"
    assert "not stored any more" in str(check.message)
