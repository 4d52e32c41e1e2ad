"""Previews: what they tell is so, and nothing in a file keeps them from telling of the others."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import duckdb
import pytest
from PIL import Image

from himalia.datasets import preview
from himalia.datasets.work.preview import files, images, tables
from himalia.datasets.work.preview.__main__ import look
from himalia.datasets.work.preview.child import Crashed, guarded


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "version"
    folder.mkdir()
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def write(root: Path, path: str, content: bytes | str) -> Path:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def picture(
    root: Path, path: str, size: tuple[int, int] = (8, 8), color: object = 0, mode: str = "L"
) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, color).save(root / path)  # type: ignore[arg-type]


def table(root: Path, out: Path, name: str, content: bytes | str) -> preview.Table:
    write(root, name, content)
    found = look(root, out)
    assert found.unreadable == []
    assert len(found.tables) == 1
    return found.tables[0]


def why(found: preview.Preview) -> dict[str, str]:
    return {one.path: one.why for one in found.unreadable}


# Pictures


def test_pictures_in_class_folders(root: Path, out: Path) -> None:
    for label, grey in (("cat", 0), ("dog", 255)):
        for number in range(40):
            picture(root, f"train/{label}/{number:02}.png", (10, 20), grey)
    write(root, "notes.txt", "what this is")
    found = look(root, out)
    assert found.kind == "images"
    assert found.images is not None
    assert [(one.value, one.count) for one in found.images.labels] == [("cat", 40), ("dog", 40)]
    assert (found.images.count, found.images.looked_at, found.notes) == (80, 80, [])
    assert [(one.value, one.count) for one in found.images.sizes] == [("10 × 20", 80)]
    (channel,) = found.images.channels
    assert (channel.name, channel.mean, channel.std) == ("grey", 127.5, 127.5)
    assert channel.histogram[0] == channel.histogram[-1] == 40 * 200
    assert sum(channel.histogram) == 80 * 200
    assert [one.label for one in found.images.thumbnails] == ["cat"] * 30 + ["dog"] * 30
    assert [share.name for share in found.files.folders] == [".", "train/cat", "train/dog"]
    sheet = Image.open(out / preview.SHEET)
    assert sheet.size == (960, 6 * 96)
    assert sheet.format == "WEBP"

    def middle(at: int) -> tuple[int, ...]:
        return sheet.convert("RGBA").getpixel((at % 10 * 96 + 48, at // 10 * 96 + 48))  # type: ignore[return-value]

    assert max(middle(0)[:3]) < 10
    assert min(middle(59)[:3]) > 245
    assert middle(0)[3] == 255


def test_every_mode_is_shown(root: Path, out: Path) -> None:
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        picture(root, f"{mode.replace(';', '')}.png", (30, 30), 1, mode)
    picture(root, "I.tiff", (30, 30), 70_000, "I")
    picture(root, "F.tiff", (30, 30), 0.5, "F")
    picture(root, "CMYK.jpg", (30, 30), 0, "CMYK")
    found = look(root, out)
    assert found.unreadable == []
    assert found.images is not None
    assert len(found.images.thumbnails) == found.images.looked_at == 10
    assert [one.label for one in found.images.thumbnails] == [None] * 10
    assert [one.name for one in found.images.channels] == ["red", "green", "blue"]


def png_that_claims(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))

    header = struct.pack(">2L5B", width, height, 8, 0, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1 << 20))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


def test_what_is_no_picture_is_said_so(root: Path, out: Path) -> None:
    picture(root, "good.jpg", (50, 50), (255, 0, 0), "RGB")
    good = (root / "good.jpg").read_bytes()
    write(root, "bomb.png", png_that_claims(60_000, 60_000))
    write(root, "cut.jpg", good[: len(good) // 2])
    write(root, "empty.gif", b"")
    write(root, "text.png", "no picture")
    write(root, "script.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    found = look(root, out)
    assert found.images is not None
    assert [one.path for one in found.images.thumbnails] == ["good.jpg"]
    said = why(found)
    assert said.keys() == {"bomb.png", "cut.jpg", "empty.gif", "text.png", "script.png"}
    assert "million pixels" in said["bomb.png"]
    assert said["cut.jpg"] == "It cannot be read: Truncated File Read."
    assert said["text.png"] == said["script.png"] == "It is no picture of a known format."


def test_many_pictures_are_looked_at_evenly(root: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MOST_LOOKED_AT", 30)
    for number in range(90):
        picture(root, f"{number // 30}/{number:02}.png")
    found = look(root, out)
    assert found.images is not None
    assert (found.images.count, found.images.looked_at) == (90, 30)
    assert {one.label for one in found.images.thumbnails} == {"0", "1", "2"}
    assert found.notes == ["Looked at 30 of 90 pictures, spread over all folders."]


def test_a_picture_that_crashes_the_reader_costs_its_batch_only(
    root: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        picture(root, f"{number}.png")
    plain = images._open

    def crashing(path: Path) -> object:
        if path.name == "1.png":
            os._exit(1)
        return plain(path)

    monkeypatch.setattr(images, "_open", crashing)
    monkeypatch.setattr(images, "BATCH", 2)
    found = look(root, out)
    assert found.images is not None
    assert found.images.looked_at == 4
    assert any("'0.png'" in note and "broke off" in note for note in found.notes)


def test_time_is_limited(root: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(6):
        picture(root, f"{number}.png")
    monkeypatch.setattr(images, "_open", lambda path: time.sleep(60))
    began = time.monotonic()
    found = look(root, out, seconds=2)
    assert time.monotonic() - began < 10
    assert found.images is None
    assert any("took longer than 1 second" in note for note in found.notes)


# Tables


def test_columns_of_a_csv(root: Path, out: Path) -> None:
    days = [f"2026-01-{day:02}" for day in range(1, 29)]
    rows = [f"{n},{n / 4},{day},{'ab'[n % 2]}" for n, day in enumerate(days)]
    text = "\n".join(["count,share,day,class", *rows, ",,,", ""])
    found = table(root, out, "we*ird[1]?.csv", text)
    assert (found.rows, found.looked_at, found.format) == (29, 29, "csv")
    count, share, day, label = found.columns
    assert (count.kind, count.nulls, count.distinct, count.min, count.max) == ("number", 1, 28, 0, 27)
    assert count.mean == 13.5
    assert count.histogram is not None
    assert sum(count.histogram.counts) == 28
    assert len(count.histogram.edges) == 21
    assert count.histogram.edges[-1] == 27
    assert (share.type, share.max) == ("DOUBLE", 6.75)
    assert (day.kind, day.min, day.max) == ("date", "2026-01-01", "2026-01-28")
    assert day.histogram is not None
    assert str(day.histogram.edges[0]).startswith("2026-01-01T00:00:00")
    assert sum(day.histogram.counts) == 28
    assert label.kind == "text"
    assert [(one.value, one.count) for one in label.top] == [("a", 14), ("b", 14)]
    assert found.head[0] == [0, 0.0, "2026-01-01", "a"]
    assert found.head[-1] == [None, None, None, None]


def test_small_whole_numbers_have_a_bin_each(root: Path, out: Path) -> None:
    found = table(root, out, "t.tsv", "label\tx\n0\ta\n2\tb\n2\tc\n")
    assert found.columns[0].histogram == preview.Bins(edges=[-0.5, 0.5, 1.5, 2.5], counts=[1, 0, 2])
    assert [(one.value, one.count) for one in found.columns[0].top] == [(2, 2), (0, 1)]


def test_jsonl_with_what_json_has(root: Path, out: Path) -> None:
    lines = [
        {"id": 2**60 + n, "tags": ["a"], "box": {"x": n}, "ok": n == 0, "text": "é" * 500} for n in range(3)
    ]
    found = table(root, out, "a.jsonl", "\n".join(map(json.dumps, lines)))
    kinds = {column.name: column.kind for column in found.columns}
    assert kinds == {"id": "number", "tags": "other", "box": "other", "ok": "text", "text": "text"}
    head = dict(zip(kinds, found.head[0], strict=True))
    assert head == {"id": str(2**60), "tags": "[a]", "box": "{'x': 0}", "ok": True, "text": "é" * 200}


def test_parquet_with_numbers_that_json_has_not(root: Path, out: Path) -> None:
    query = """SELECT * FROM (VALUES ('NaN'::DOUBLE, 'x'::BLOB, 1.5::DECIMAL(9,2), 'infinity'::DATE),
        ('inf'::DOUBLE, NULL, 2.5, '2026-01-01'), (1.0, 'y'::BLOB, NULL, NULL)) t("a""b", blob, dec, day)"""
    duckdb.execute(f"COPY ({query}) TO '{root}/t.parquet'")
    found = look(root, out)
    assert found.unreadable == []
    number, blob, decimal, day = found.tables[0].columns
    assert (number.name, number.min, number.max, number.nulls) == ('a"b', 1.0, 1.0, 0)
    assert (blob.kind, decimal.kind, decimal.mean, day.min) == ("other", "number", 2.0, "2026-01-01")
    assert [row[:2] for row in found.tables[0].head] == [["nan", "1 bytes"], ["inf", None], [1.0, "1 bytes"]]
    json.loads(found.model_dump_json(), parse_constant=lambda word: pytest.fail(word))


def test_lines_that_are_unlike_the_others_are_left_out(root: Path, out: Path) -> None:
    lines = ["a,b", *(f"{n},x" for n in range(30_000)), '1,"never closed', "too,many,cells,here"]
    found = table(root, out, "t.csv", "\n".join(lines))
    assert found.looked_at == 30_001
    assert found.columns[0].kind == "number"
    assert found.notes == [
        "Lines that are not like the others were left out. The first: CSV Error on Line: 30003."
    ]


def test_large_tables_are_looked_at_in_part(root: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MOST_ROWS", 1000)
    monkeypatch.setattr(tables, "MOST_COLUMNS", 3)
    duckdb.execute(f"COPY (SELECT range AS a, 1 AS b, 2 AS c, 3 AS d FROM range(5000)) TO '{root}/t.parquet'")
    found = look(root, out).tables[0]
    assert (found.rows, found.looked_at, len(found.columns)) == (5000, 1000, 3)
    assert found.columns[0].max == 999
    assert found.notes == ["Looked at 3 of 4 columns.", "Columns were looked at in the first 1,000 rows."]
    (root / "t.parquet").unlink()
    found = table(root, out, "t.csv", "a\n" + "1\n" * 5000)
    assert (found.rows, found.looked_at) == (None, 1000)


def test_what_is_no_table_is_said_so(root: Path, out: Path) -> None:
    write(root, "bad.parquet", b"PAR1" + os.urandom(500) + b"PAR1")
    write(root, "empty.csv", b"")
    write(root, "bad.jsonl", b"{not json\n" * 3)
    write(root, "bad.csv.gz", b"\x1f\x8b" + os.urandom(300))
    write(root, "good.csv", "a\n1\n")
    found = look(root, out)
    assert [one.path for one in found.tables] == ["good.csv"]
    assert why(found).keys() == {"bad.parquet", "empty.csv", "bad.jsonl", "bad.csv.gz"}
    assert all(words.startswith("It ") and words.endswith(".") for words in why(found).values())
    assert not any(str(out.parent) in words for words in why(found).values()), "our own names mean nothing"
    assert "bad.parquet" in why(found)["bad.parquet"]
    assert why(found)["empty.csv"] == "It is empty."


def test_only_the_table_itself_is_read(root: Path, out: Path, tmp_path: Path) -> None:
    """A file cannot have DuckDB read another one: it may read this one only."""
    other = write(tmp_path, "other.csv", "secret\n1\n")
    write(root, "t.csv", "a\n1\n")
    link = tmp_path / "table.csv"
    link.symlink_to(root / "t.csv")
    database = tables._database(link, tmp_path)
    assert database.execute(f"SELECT * FROM read_csv('{link}')").fetchall() == [(1,)]
    for query in (
        f"SELECT * FROM read_csv('{other}')",
        "INSTALL httpfs",
        "SET enable_external_access = true",
    ):
        with pytest.raises(duckdb.Error):
            database.execute(query)


# Everything else


def test_texts_and_others(root: Path, out: Path) -> None:
    write(root, "b.txt", "ä" * 5000)
    write(root, "README.md", "# Digits\n")
    write(root, "a.txt", b"\xff\xfe\x00\x00 binary" * 50)
    write(root, "model.bin", os.urandom(3000))
    found = look(root, out)
    assert found.kind == "text"
    assert [one.path for one in found.texts] == ["README.md", "b.txt"]
    assert found.texts[1].text == "ä" * 2048
    assert [(share.name, share.files) for share in found.files.types] == [
        (".txt", 2),
        (".md", 1),
        (".bin", 1),
    ]
    assert found.files.sizes.counts == [2, 1, 1]
    assert found.files.sizes.edges == [0, 1024, 8192, 65536]


def test_nothing_at_all(root: Path, out: Path) -> None:
    found = look(root, out)
    assert (found.kind, found.files.count) == ("empty", 0)


def test_links_are_not_followed(root: Path, out: Path, tmp_path: Path) -> None:
    write(tmp_path, "secret.txt", "secret")
    (root / "link.txt").symlink_to(tmp_path / "secret.txt")
    (root / "folder").symlink_to(tmp_path)
    assert files.scan(root) == []
    assert look(root, out).texts == []


def test_a_guarded_call_answers_or_says_why() -> None:
    assert guarded(lambda: {"a": [1, None]}, 10) == {"a": [1, None]}
    for work, words in [
        (lambda: os._exit(1), "broke off"),
        (lambda: os._exit(7), "broke off"),
        (lambda: time.sleep(60), "longer than 0 seconds"),
        (lambda: bytearray(1 << 62), "memory"),
    ]:
        with pytest.raises(Crashed, match=words):
            guarded(work, 0.3 if "longer" in words else 10)


def test_the_program_writes_what_can_be_read_again(root: Path, tmp_path: Path) -> None:
    picture(root, "a/1.png")
    write(root, "t.csv", "a,b\n1,x\n")
    # An input is seen through a link.
    (tmp_path / "input").symlink_to(root)
    line = [
        sys.executable,
        "-m",
        "himalia.datasets.work.preview",
        str(tmp_path / "input"),
        str(tmp_path / "outputs"),
    ]
    done = subprocess.run(line, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    found = preview.Preview.model_validate_json((tmp_path / "outputs" / preview.FILE).read_bytes())
    assert found.images is not None
    assert found.tables[0].sha256 is not None
    assert {path.name for path in (tmp_path / "outputs").iterdir()} == {preview.FILE, preview.SHEET}
