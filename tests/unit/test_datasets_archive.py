"""Unpacking what somebody sent: everything plain comes out as it went in, and no trick leads anywhere."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import random
import signal
import stat
import struct
import subprocess
import sys
import tarfile
import time
import tracemalloc
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from himalia.datasets.work import archive as module
from himalia.datasets.work.archive import unpack
from himalia.datasets.work.limits import Limits
from himalia.datasets.work.say import CannotGoOn

FILES = {
    "digits/0/a.png": b"png",
    "digits/1/b.png": bytes(range(256)) * 300,
    "train.csv": b"",
    "ünï/日本.txt": b"x",
}


def tar_of(files: dict[str, bytes], mode: str = "w", **options: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, **options) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def zip_of(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def found(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def opened(tmp_path: Path, content: bytes, **limits: int) -> dict[str, bytes]:
    """What comes out of an archive. Everything outside of the folder must stay as it was."""
    place = tmp_path / "work"
    place.mkdir(exist_ok=True)
    (place / "archive").write_bytes(content)
    before = {p for p in tmp_path.rglob("*") if (place / "outputs") not in (p, *p.parents)}
    try:
        unpack(place / "archive", place / "outputs", Limits(**{"free": 0, **limits}))
        return found(place / "outputs")
    except CannotGoOn as error:
        if (place / "outputs").exists() or not str(error).endswith(".") or len(str(error)) > 400:
            raise AssertionError(f"half done, or no sentence: {error}") from error
        raise
    finally:
        after = {p for p in tmp_path.rglob("*") if (place / "outputs") not in (p, *p.parents)}
        assert after == before


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_tars_come_out_as_they_went_in(tmp_path: Path, mode: str, form: int) -> None:
    files = {**FILES, "long/" * 40 + "name.txt": b"long"}
    assert opened(tmp_path, tar_of(files, mode, format=form)) == files


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_zips_come_out_as_they_went_in(tmp_path: Path, method: int) -> None:
    assert opened(tmp_path, zip_of(FILES, method)) == FILES


def test_several_compressed_streams_are_one(tmp_path: Path) -> None:
    whole = tar_of(FILES)
    parts = [whole[:1000], whole[1000:]]
    assert opened(tmp_path, b"".join(lzma.compress(part) for part in parts)) == FILES


def test_dots_and_the_systems_own_files_are_left_out(tmp_path: Path) -> None:
    files = {"./a/./b.txt": b"b", "__MACOSX/a/._b.txt": b"mac", "a/.DS_Store": b"mac", "Thumbs.db": b"win"}
    assert opened(tmp_path, zip_of(files)) == {"a/b.txt": b"b"}


def test_windows_separators_of_a_windows_zip_are_understood(tmp_path: Path) -> None:
    entry = zipfile.ZipInfo("x")
    entry.create_system, entry.filename, entry.orig_filename = 0, "a\\b.txt", "a\\b.txt"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(entry, b"b")
    assert opened(tmp_path, out.getvalue()) == {"a/b.txt": b"b"}


def test_an_archive_in_an_archive_stays_one(tmp_path: Path) -> None:
    inner = zip_of({"x": b"x" * 1000})
    for _ in range(5):  # a quine would go on for ever
        inner = zip_of({"inner.zip": inner})
    assert list(opened(tmp_path, inner)) == ["inner.zip"]


BAD_NAMES = {
    "/etc/passwd": "begins with",
    "../up.txt": "upwards",
    "a/../../up.txt": "upwards",
    "a/b/..": "upwards",
    "a\nb": "control",
    "x" * 300: "longer",
}


@pytest.mark.parametrize("pack", [tar_of, zip_of])
@pytest.mark.parametrize("name", BAD_NAMES)
def test_paths_that_lead_elsewhere_are_refused(tmp_path: Path, pack: object, name: str) -> None:
    with pytest.raises(CannotGoOn, match=BAD_NAMES[name]):
        opened(tmp_path, pack({"good.txt": b"", name: b"bad"}))  # type: ignore[operator]


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (["a.txt", "a.txt"], "twice"),
        (["a.txt", "./a.txt"], "twice"),
        (["a.txt", "A.TXT"], "upper and lower"),
        (["straße", "STRASSE"], "upper and lower"),
        (["a/x", "A/y"], "upper and lower"),
        (["é", "e\u0301"], "twice"),
        (["a", "a/b"], "file|twice"),
        (["a/b", "a"], "folder"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_that_meet_are_refused(tmp_path: Path, names: list[str], why: str) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name in names:
            tar.addfile(tarfile.TarInfo(name))
    with pytest.raises(CannotGoOn, match=why):
        opened(tmp_path, out.getvalue())
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, b"")
    with pytest.raises(CannotGoOn, match=why):
        opened(tmp_path, out.getvalue())


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, b"Z"]
)
def test_whatever_is_neither_file_nor_folder_is_refused(tmp_path: Path, kind: bytes) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        member = tarfile.TarInfo("way")
        member.type, member.linkname = kind, "/etc"
        tar.addfile(member)
        inside = tarfile.TarInfo("way/passwd")
        inside.size = 4
        tar.addfile(inside, io.BytesIO(b"root"))
    with pytest.raises(CannotGoOn, match=r"neither|link|twice|as a file"):
        opened(tmp_path, out.getvalue())


@pytest.mark.parametrize("form", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_links_and_devices_in_a_zip_are_refused(tmp_path: Path, form: int) -> None:
    entry = zipfile.ZipInfo("way")
    entry.create_system, entry.external_attr = 3, (form | 0o777) << 16
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(entry, b"/etc/passwd")
    with pytest.raises(CannotGoOn, match=r"link|neither"):
        opened(tmp_path, out.getvalue())


@pytest.mark.parametrize("pack", [lambda f: tar_of(f, "w:gz"), lambda f: tar_of(f, "w:bz2"), zip_of])
def test_bombs_are_stopped_early(tmp_path: Path, pack: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GRACE", 1 << 20)
    bomb = pack({"zeros": bytes(64 << 20)})  # type: ignore[operator]
    with pytest.raises(CannotGoOn, match="bomb"):
        opened(tmp_path, bomb)
    with pytest.raises(CannotGoOn, match=r"'zeros' is larger than 1\.0 MiB"):
        opened(tmp_path, bomb, file=1 << 20, ratio=10**9)
    with pytest.raises(CannotGoOn, match=r"more than 2\.0 MiB"):
        opened(tmp_path, bomb, total=2 << 20, ratio=10**9)


def test_counts_are_limited(tmp_path: Path) -> None:
    many = {f"{number}.txt": b"" for number in range(101)}
    for archive in (tar_of(many), zip_of(many)):
        assert len(opened(tmp_path, archive, files=101)) == 101
        unpacked = tmp_path / "work/outputs"
        unpacked.rename(tmp_path / os.urandom(4).hex())
        with pytest.raises(CannotGoOn, match="more than 100 files"):
            opened(tmp_path, archive, files=100)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for number in range(101):
            folder = tarfile.TarInfo(f"folder{number}")
            folder.type = tarfile.DIRTYPE
            tar.addfile(folder)
    with pytest.raises(CannotGoOn, match="more than 100"):
        opened(tmp_path, out.getvalue(), files=100)


def test_a_full_disk_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(CannotGoOn, match="disk is nearly full"):
        opened(tmp_path, zip_of({"a": b"a"}), free=1 << 60)


def overlapping() -> bytes:
    """Two entries of the directory that both read the one file there is."""
    plain = zip_of({"a": b"a" * 1000})
    end = plain.rindex(b"PK\5\6")
    at = plain.rindex(b"PK\1\2")
    second = bytearray(plain[at:end])
    fields = list(struct.unpack("<4s4H2LH", plain[end:]))
    fields[3] = fields[4] = 2
    fields[5] *= 2
    return plain[:end] + bytes(second) + struct.pack("<4s4H2LH", *fields)


def test_entries_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotGoOn, match="share their bytes"):
        opened(tmp_path, overlapping())


def test_sizes_that_are_lies_are_found_out(tmp_path: Path) -> None:
    plain = bytearray(zip_of({"a": b"a" * 5000}, zipfile.ZIP_STORED))
    at = plain.rindex(b"PK\1\2")
    for size in (10, 6000, 0xFFFFFFFE):
        lie = bytearray(plain)
        lie[at + 24 : at + 28] = struct.pack("<L", size)
        with pytest.raises(CannotGoOn, match=r"damaged|promised"):
            opened(tmp_path, bytes(lie))
    zip64 = bytearray(plain)
    zip64[at + 24 : at + 28] = b"\xff" * 4  # and no extra field that has the size
    with pytest.raises(CannotGoOn, match="damaged"):
        opened(tmp_path, bytes(zip64))


def test_a_long_directory_is_not_even_read(tmp_path: Path) -> None:
    plain = zip_of({str(n): b"" for n in range(2000)}, zipfile.ZIP_STORED)
    with pytest.raises(CannotGoOn, match="lists more than 10 files"):
        opened(tmp_path, plain, files=10)


def test_a_huge_header_takes_no_memory(tmp_path: Path) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 1 << 32
    content = gzip.compress(header.tobuf(tarfile.USTAR_FORMAT) + bytes(1 << 20))
    tracemalloc.start()
    with pytest.raises(CannotGoOn, match=r"too long|damaged"):
        opened(tmp_path, content)
    assert tracemalloc.get_traced_memory()[1] < 32 << 20
    tracemalloc.stop()


def test_an_encrypted_zip_is_named_so(tmp_path: Path) -> None:
    plain = bytearray(zip_of({"a": b"a"}))
    for magic, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        plain[plain.rindex(magic) + offset] |= 1
    with pytest.raises(CannotGoOn, match="encrypted"):
        opened(tmp_path, bytes(plain))


@pytest.mark.parametrize(
    "content", [b"", b"id,name\n1,a\n", os.urandom(5000), gzip.compress(b"one file", mtime=0)]
)
def test_what_is_no_archive_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(CannotGoOn, match="no archive"):
        opened(tmp_path, content)


def test_an_empty_archive_brings_nothing(tmp_path: Path) -> None:
    for empty in (zip_of({}), tar_of({})):
        with pytest.raises(CannotGoOn, match="no files"):
            opened(tmp_path, empty)


@pytest.mark.parametrize("pack", [tar_of, lambda f: tar_of(f, "w:gz"), lambda f: tar_of(f, "w:xz"), zip_of])
def test_what_is_broken_off_or_damaged_gives_all_or_nothing(tmp_path: Path, pack: object) -> None:
    chance = random.Random(1)
    whole = pack({f"{n}.bin": chance.randbytes(3000) for n in range(5)})  # type: ignore[operator]
    for _ in range(60):
        if chance.random() < 0.5:
            broken = whole[: chance.randrange(len(whole) - 1024)]
        else:
            at = chance.randrange(len(whole))
            broken = whole[:at] + chance.randbytes(chance.randrange(1, 600)) + whole[at + 1 :]
        try:
            assert 1 <= len(opened(tmp_path, broken)) <= 6
            (tmp_path / "work/outputs").rename(tmp_path / os.urandom(8).hex())
        except CannotGoOn:
            pass


names = st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12
) | st.sampled_from(
    ["..", ".", "a/..", "/", "//", "a//b", "\\", "C:", "con", "é", "e\u0301", "A", "a", "\u202e", " "]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(names, min_size=1, max_size=4).map("/".join), max_size=6))
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_no_name_leads_anywhere(tmp_path: Path, paths: list[str]) -> None:
    place = tmp_path / os.urandom(8).hex()
    place.mkdir()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path in paths:
            archive.writestr(path, b"x")
    with suppress(CannotGoOn):
        assert set(opened(place, out.getvalue()).values()) == {b"x"}
    assert {path.name for path in tmp_path.iterdir()} >= {place.name}
    assert {path.name for path in place.iterdir()} == {"work"}


def program(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "himalia.datasets.work.unpack", *map(str, arguments)]


def test_the_program_says_what_became_of_it(tmp_path: Path) -> None:
    (tmp_path / "good.zip").write_bytes(zip_of(FILES))
    done = subprocess.run(
        program(tmp_path / "good.zip", tmp_path / "out", "--limits=free=0"), capture_output=True
    )
    assert (done.returncode, done.stdout) == (0, b"Unpacked 4 files, 75.0 KiB.\n")
    (tmp_path / "bad.zip").write_bytes(zip_of({"../x": b""}))
    done = subprocess.run(program(tmp_path / "bad.zip", tmp_path / "no"), capture_output=True)
    assert done.returncode == 1
    assert b"must not lead upwards" in done.stdout
    assert done.stderr == b""
    assert {path.name for path in tmp_path.iterdir()} == {"good.zip", "bad.zip", "out"}


def test_a_program_that_is_stopped_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "big.tar").write_bytes(tar_of({f"{n}": bytes(1 << 20) for n in range(20)}))
    os.mkfifo(tmp_path / "fifo")
    running = subprocess.Popen(program(tmp_path / "fifo", tmp_path / "outputs", "--limits=free=0"))
    with (tmp_path / "fifo").open("wb") as slow:
        slow.write(b"x" * 3)
        slow.flush()
        deadline = time.monotonic() + 60
        while not (tmp_path / ".outputs.partial").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        while running.poll() is None:
            assert time.monotonic() < deadline
            running.send_signal(signal.SIGTERM)  # again, for it may just be about to wait for the pipe
            time.sleep(0.05)
        assert running.returncode == 128 + signal.SIGTERM
    assert {path.name for path in tmp_path.iterdir()} == {"big.tar", "fifo"}
