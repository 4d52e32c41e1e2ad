"""`client.datasets` against the real service."""

from __future__ import annotations

import io
import os
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from platforms import Person

from himalia.client import AsyncClient, Client, dataset_adding, dataset_upload
from himalia.client.dataset_files import FileChanged
from himalia.client.digest_cache import DigestCache
from himalia.client.errors import Conflict, Forbidden, HimaliaError, InUse, Invalid, NotFound


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Digests are remembered for one test only."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Many small files in folders, one that takes several pieces, and things that are left out."""
    root = tmp_path / "data"
    for number in range(300):
        place = root / f"class-{number % 3}" / f"{number:03}.txt"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"number {number}")
    (root / "large.bin").write_bytes(os.urandom(5_000_000))
    (root / "empty").touch()
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    (root / "link").symlink_to("empty")
    (root / ".ipynb_checkpoints").mkdir()
    (root / ".ipynb_checkpoints" / "old").write_text("old")
    return root


def settled(root: Path) -> None:
    """Wait until files are old enough that their digests are remembered."""
    newest = max(one.stat().st_ctime for one in root.rglob("*"))
    time.sleep(max(0.0, newest + 2.1 - time.time()))


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(one.relative_to(root)): one.read_bytes()
        for one in root.rglob("*")
        if one.is_file() and not one.is_symlink() and ".ipynb_checkpoints" not in one.parts
    }


def test_a_folder_goes_in_and_comes_out_as_it_was(client: Client, folder: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    version = client.datasets.add(
        "round",
        folder,
        note="All of it",
        progress=lambda sent: seen.append((sent.files_done, sent.size_done)),
    )
    assert (version.name, version.status.files, version.spec.note) == ("round@1", 303, "All of it")
    assert seen[-1] == (303, version.status.size)
    came: list[tuple[int, int]] = []
    saved = client.datasets.download(
        "round@1", tmp_path / "out", progress=lambda sent: came.append((sent.files_done, sent.size_done))
    )
    assert len(saved) == 303
    assert max(came) == (303, version.status.size)
    assert contents(tmp_path / "out") == contents(folder)
    shown = {file.path: file for file in client.datasets.files("round", prefix="run")}
    assert shown["run.sh"].executable
    assert client.datasets.get("round").status.latest.number == 1  # type: ignore[union-attr]


def test_what_did_not_change_is_neither_read_nor_sent(client: Client, folder: Path) -> None:
    settled(folder)
    first = client.datasets.add("again", folder)
    for file in folder.rglob("*"):
        if file.is_file():
            file.chmod(0o000)  # root reads them all the same: so the cache is looked at
    assert client.datasets.add("again", folder).id != first.id  # the executable bit is gone
    (folder / "run.sh").chmod(0o755)
    assert client.datasets.add("again", folder).status.digest == first.status.digest


def test_nothing_new_is_no_version(client: Client, folder: Path) -> None:
    first = client.datasets.add("same", folder)
    again = client.datasets.add("same", folder, aliases=["stable"])
    assert (again.id, again.status.aliases) == (first.id, ["stable"])
    same = client.datasets.add("same", folder)
    assert same.id == first.id
    assert (first.is_new, again.is_new, same.is_new) == (True, False, False)
    assert [one.number for one in client.datasets.versions("same")] == [1]


def test_nothing_new_is_refused_to_who_may_only_read(
    client: Client, project: str, bob: Person, folder: Path
) -> None:
    client.datasets.add("same", folder)
    client.projects.set_member("bob", "viewer")
    with (
        Client(bob.platform.url, bob.token, project) as viewer,
        pytest.raises(Forbidden, match="and you are viewer"),
    ):
        viewer.datasets.add("same", folder)


def test_only_what_changed_is_sent_and_the_difference_is_shown(client: Client, folder: Path) -> None:
    client.datasets.add("changing", folder)
    (folder / "class-0" / "000.txt").write_text("changed")
    (folder / "class-1" / "001.txt").unlink()
    (folder / "new.txt").write_text("new")
    sent: list[int] = []
    second = client.datasets.add("changing", folder, progress=lambda s: sent.append(s.files_done))
    assert sent[0] == 303 - 2
    assert second.number == 2
    assert [(one.change, one.path) for one in client.datasets.diff(second)] == [
        ("changed", "class-0/000.txt"),
        ("removed", "class-1/001.txt"),
        ("added", "new.txt"),
    ]
    assert [one.path for one in client.datasets.diff("changing@1", 2) if one.change == "removed"] == [
        "new.txt"
    ]


def test_adding_again_after_a_failure_sends_only_the_rest(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remembered = DigestCache(tmp_path / "digests.json", settled_s=0)
    monkeypatch.setattr(dataset_adding, "cache_of", lambda root: remembered)
    (tmp_path / "files").mkdir()
    for name in "abcde":
        (tmp_path / "files" / name).write_bytes(os.urandom(dataset_upload.SMALL_BYTES + 1))

    def fails(sent: dataset_upload.Sent) -> None:
        if sent.files_done == 1:
            raise OSError("the connection is lost")

    with pytest.raises(OSError, match="is lost"):
        client.datasets.add("broken-off", tmp_path / "files", progress=fails)
    assert list(client.datasets.list()) == []
    seen: list[int] = []
    made = client.datasets.add(
        "broken-off", tmp_path / "files", progress=lambda sent: seen.append(sent.files_done)
    )
    assert (made.number, made.status.files) == (1, 5)
    assert seen[0] >= 1


def test_keeping_what_is_there(client: Client, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")
    (tmp_path / "b.csv").write_text("b\n2\n")
    client.datasets.add("tables", tmp_path / "a.csv")
    version = client.datasets.add("tables", tmp_path / "b.csv", keep=True)
    assert [file.path for file in client.datasets.files(version)] == ["a.csv", "b.csv"]


def test_a_file_that_changes_while_it_is_added_is_said(
    client: Client, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from himalia.client import dataset_upload

    def slow(file: object) -> bytes:
        (folder / "class-2" / "002.txt").write_text("changed")
        return original(file)  # type: ignore[arg-type]

    original = dataset_upload.read
    monkeypatch.setattr(dataset_upload, "read", slow)
    with pytest.raises(FileChanged, match=r"class-2/002\.txt"):
        client.datasets.add("moving", folder)
    with pytest.raises(NotFound):
        client.datasets.version("moving")


def test_somebody_elses_version_is_not_overwritten_unseen(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text(name)
    client.datasets.add("both", tmp_path / "a")
    from himalia.client import dataset_upload

    original = dataset_upload.Sender.send

    async def late(self: dataset_upload.Sender, files: object) -> None:
        monkeypatch.setattr(dataset_upload.Sender, "send", original)
        client.datasets.add("both", tmp_path / "b", keep=True)
        await original(self, files)  # type: ignore[arg-type]

    monkeypatch.setattr(dataset_upload.Sender, "send", late)
    with pytest.raises(Conflict, match="Version 2"):
        client.datasets.add("both", tmp_path / "c", keep=True)
    third = client.datasets.add("both", tmp_path / "c", keep=True)
    assert [file.path for file in client.datasets.files(third)] == ["a", "b", "c"]


@pytest.fixture
def beside(ada: Person, environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A client on the service's machine, as in a notebook server."""
    place = ada.platform.home / "s" / "service" / "files.sock"
    monkeypatch.setenv("HIMALIA_FILES_SOCKET", str(place))
    with Client() as made:
        yield made


def test_a_large_file_is_handed_over_where_the_service_is_near(
    beside: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from himalia.client import dataset_upload

    monkeypatch.delattr(dataset_upload, "Source")  # so that no bytes can be sent
    content = os.urandom(5_000_000)
    (tmp_path / "large.bin").write_bytes(content)
    seen: list[int] = []
    version = beside.datasets.add(
        "near", tmp_path / "large.bin", progress=lambda sent: seen.append(sent.size_done)
    )
    beside.datasets.download(version, tmp_path / "out")
    assert (tmp_path / "out" / "large.bin").read_bytes() == content
    assert seen[-1] == len(content)


@pytest.mark.parametrize("name", [None, "0" * 32])
def test_a_file_that_is_not_taken_is_sent(
    beside: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str | None
) -> None:
    from himalia.client import handing

    monkeypatch.setattr(handing, "_hand_over", lambda *_: name)
    (tmp_path / "large.bin").write_bytes(content := os.urandom(2_000_000))
    version = beside.datasets.add("sent", tmp_path / "large.bin")
    beside.datasets.download(version, tmp_path / "out")
    assert (tmp_path / "out" / "large.bin").read_bytes() == content


def test_a_file_that_is_cut_off_while_it_is_handed_over_is_said(
    beside: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from himalia.client import handing

    original = handing._hand_over

    def cut(*arguments: Any) -> str | None:
        (tmp_path / "large.bin").write_bytes(b"short")
        return original(*arguments)

    monkeypatch.setattr(handing, "_hand_over", cut)
    (tmp_path / "large.bin").write_bytes(os.urandom(2_000_000))
    with pytest.raises(FileChanged):
        beside.datasets.add("cut", tmp_path / "large.bin")


def test_aliases_deletion_and_restoring(client: Client, tmp_path: Path) -> None:
    for content in ("1", "2"):
        (tmp_path / "a").write_text(content)
        client.datasets.add("named", tmp_path / "a")
    client.datasets.set_alias("named@1", "gold")
    assert client.datasets.version("named@gold").number == 1
    client.datasets.delete("named@2")
    assert client.datasets.version("named").number == 1
    assert client.datasets.restore("named@2").status.versions == 2
    updated = client.datasets.update("named", title="Numbers", labels={"kind": "demo"})
    assert updated.spec.title == "Numbers"
    assert [one.name for one in client.datasets.list(label={"kind": "demo"})] == ["named"]
    client.datasets.delete("named")
    with pytest.raises(NotFound):
        client.datasets.get("named")
    assert client.datasets.restore("named", name="named-again").status.aliases == {"gold": 1}


@pytest.mark.parametrize("source", ["not-there", "empty-folder"])
def test_what_cannot_be_added_is_said(client: Client, tmp_path: Path, source: str) -> None:
    (tmp_path / "empty-folder").mkdir()
    with pytest.raises(Invalid):
        client.datasets.add("nothing", tmp_path / source)


def test_a_job_hands_its_files_over(client: Client) -> None:
    program = """
import os
from himalia.client.dataset_files import collect
from himalia.client.handing import handed_over
open("made", "wb").write(b"made")
(file,) = collect("made").files
with handed_over(file, os.environ["HIMALIA_FILES_SOCKET"]) as name:
    print(len(name))
"""
    job = client.jobs.submit(command=["python", "-c", program], profile="base")
    job.wait(timeout=60)
    assert "".join(job.log()).strip() == "32"


def test_a_job_reads_a_dataset(client: Client, tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("forty-two")
    version = client.datasets.add("readable", tmp_path / "x.txt")
    job = client.jobs.submit(
        command=["cat", "inputs/numbers/x.txt"], inputs={"numbers": version}, profile="base"
    )
    job.wait(timeout=60)
    assert "".join(job.log()) == "forty-two"
    assert job.status.inputs["numbers"]["version"] == 1
    with pytest.raises(InUse):
        client.datasets.delete(version)


async def test_the_awaited_client_does_the_same(ada: Person, project: str, folder: Path) -> None:
    async with AsyncClient(ada.platform.url, ada.token, project) as client:
        version = await client.datasets.add("awaited", folder)
        assert [one.path async for one in client.datasets.files(version, prefix="class-0/00")] == [
            "class-0/000.txt",
            "class-0/003.txt",
            "class-0/006.txt",
            "class-0/009.txt",
        ]


def test_an_archive_is_unpacked_by_the_platform(client: Client, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "set.tgz", "w:gz") as tar:
        for name, text in (("t.csv", b"a,b\n1,x\n"), ("note.txt", b"note")):
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
    said: list[str] = []
    first = client.datasets.add_archive(
        "packed", tmp_path / "set.tgz", told=lambda words, _: said.append(words)
    )
    assert [file.path for file in client.datasets.files(first)] == ["note.txt", "t.csv"]
    assert "Sending the archive" in said
    second = client.datasets.add_archive("packed", tmp_path / "set.tgz", into="in", keep=True, note="twice")
    assert (second.number, second.spec.note, second.status.files) == (2, "twice", 4)


def test_an_archive_that_cannot_be_unpacked_leaves_nothing(client: Client, tmp_path: Path) -> None:
    (tmp_path / "bad.zip").write_bytes(b"no archive")
    with pytest.raises(HimaliaError, match="This is no archive"):
        client.datasets.add_archive("packed", tmp_path / "bad.zip")
    with pytest.raises(Invalid, match="is not in a folder that is open for imports"):
        client.datasets.add_from_server("packed", "/etc")
    assert list(client.datasets.list()) == []
    client.datasets.create("there-before")
    with pytest.raises(HimaliaError, match="This is no archive"):
        client.datasets.add_archive("there-before", tmp_path / "bad.zip")
    assert client.datasets.get("there-before").status.versions == 0


def test_what_a_failure_leaves_hides_no_deleted_dataset(client: Client, tmp_path: Path) -> None:
    (tmp_path / "bad.zip").write_bytes(b"no archive")
    client.datasets.add("held", tmp_path / "bad.zip")
    client.datasets.delete("held")
    with pytest.raises(Invalid, match="is not in a folder"):
        client.datasets.add_from_server("held", "/etc")
    assert client.datasets.restore("held").status.versions == 1


async def test_a_version_shows_itself(client: Client, ada: Person, project: str, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "t.csv").write_text("a,b\n1,x\n2,y\n")
    client.datasets.add("shown", tmp_path / "set")
    seen = client.datasets.preview("shown", timeout=60)
    assert seen["tables"][0]["head"] == [[1, "x"], [2, "y"]]
    described = client.datasets.croissant("shown@1")
    assert described["conformsTo"] == "http://mlcommons.org/croissant/1.1"
    async with AsyncClient(ada.platform.url, ada.token, project) as other:
        assert await other.datasets.preview("shown") == seen
