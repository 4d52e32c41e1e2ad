"""The Croissant description of a version: MLCommons' own reader finds nothing wrong with it, and reads by it."""

from __future__ import annotations

import gzip
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import mlcroissant
import pytest
from blake3 import blake3
from PIL import Image

from himalia.datasets.croissant import About, croissant
from himalia.datasets.work.preview.__main__ import look
from himalia.storage.trees import Tree, TreeFile

ABOUT = About(
    name="digits",
    number=3,
    title="Hand-written digits",
    description="What they are.",
    license="CC-BY-4.0",
    keywords=("digits", "ünï"),
    created_at=datetime(2026, 11, 21, tzinfo=UTC),
    creator="ada",
    url="https://hub.example/services/himalia/api/v1/projects/ada/datasets/digits/versions/3",
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("version")
    for label in ("0", "1"):
        (root / "digits" / label).mkdir(parents=True)
        for number in range(3):
            Image.new("L", (8, 8), number).save(root / "digits" / label / f"{number}.png")
    (root / "a b.csv").write_text(
        'id,"the ""name""",day,share,ok\n1,x,2026-01-01,0.5,true\n2,y,2026-01-02,0.25,false\n'
    )
    (root / "a-b.csv.gz").write_bytes(gzip.compress(b"n\n7\n"))
    (root / "lines.jsonl").write_text('{"n": 1}\n{"n": 2}\n')
    duckdb.execute(f"COPY (SELECT 1 AS one, 'x' AS two) TO '{root}/t.parquet'")
    (root / "README.md").write_text("# Digits")
    (root / "LICENSE").write_text("free")
    return root


def tree_of(root: Path) -> Tree:
    return Tree.of(
        TreeFile(str(path.relative_to(root)), path.stat().st_size, blake3(path.read_bytes()).hexdigest())
        for path in root.rglob("*")
        if path.is_file()
    )


@pytest.fixture(scope="module")
def described(root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return croissant(ABOUT, tree_of(root), look(root, tmp_path_factory.mktemp("out")))


def read(described: dict[str, Any], **options: Any) -> mlcroissant.Dataset:
    dataset = mlcroissant.Dataset(jsonld=json.loads(json.dumps(described)), **options)
    assert dataset.metadata.issues.errors == set()
    assert dataset.metadata.issues.warnings == set()
    return dataset


def test_it_is_valid_croissant(described: dict[str, Any], root: Path) -> None:
    assert read(described).metadata.name == "digits"
    assert described["conformsTo"] == "http://mlcommons.org/croissant/1.1"
    assert described["identifier"] == f"blake3:{tree_of(root).digest}"
    assert {one["@id"] for one in described["distribution"]} == {
        *("a%20b.csv", "a-b.csv.gz", "lines.jsonl", "t.parquet"),
        *("files.png", "files.md", "files"),
    }
    table = next(one for one in described["distribution"] if one["@id"] == "a%20b.csv")
    assert table["sha256"] == hashlib.sha256((root / "a b.csv").read_bytes()).hexdigest()
    assert table["contentUrl"] == f"{ABOUT.url}/files/a%20b.csv"


def test_types_are_those_of_the_columns(described: dict[str, Any]) -> None:
    records = next(one for one in described["recordSet"] if one["name"] == "records of a b.csv")
    assert {field["name"]: field["dataType"] for field in records["field"]} == {
        "id": "sc:Integer",
        'the "name"': "sc:Text",
        "day": "sc:Date",
        "share": "sc:Float",
        "ok": "sc:Boolean",
    }


def test_its_tables_can_be_read_by_it(described: dict[str, Any], root: Path) -> None:
    files = {one["@id"]: str(root / one["name"]) for one in described["distribution"] if "sha256" in one}
    dataset = read(described, mapping=files)

    def rows(name: str) -> list[list[object]]:
        return [list(record.values()) for record in dataset.records(f"records-of-{name}")]

    assert rows("a-b.csv.gz") == [[7]]
    assert rows("lines.jsonl") == [[1], [2]]
    assert rows("t.parquet") == [[1, b"x"]]
    assert [(row[0], row[3]) for row in rows("a%20b.csv")] == [(1, 0.5), (2, 0.25)]


def test_pictures_have_labels(described: dict[str, Any]) -> None:
    records = next(one for one in described["recordSet"] if one["@id"] == "records-of-files.png")
    assert [field["name"] for field in records["field"]] == ["image", "path", "label"]


def test_without_a_preview_it_lists_files_only(root: Path) -> None:
    described = croissant(ABOUT, tree_of(root), None)
    read(described)
    assert {one["@type"] for one in described["distribution"]} == {"cr:FileSet"}
    assert "recordSet" not in described


def test_little_that_is_said_is_enough(root: Path) -> None:
    about = About("d", 1, "", "", "", (), ABOUT.created_at, "ada", ABOUT.url)
    described = croissant(about, Tree.of([]), None)
    assert "license" not in described
    dataset = mlcroissant.Dataset(jsonld=described)
    assert dataset.metadata.issues.errors == set()


def test_nothing_that_was_said_breaks_it(root: Path, tmp_path: Path) -> None:
    hostile = "</script>\"'{}\\ \u202e %s"
    files = [TreeFile(path, 1, "0" * 64) for path in ("a b/ü?#.x y", "%41.csv", "'\".csv", "no.ending/")[:3]]
    about = About("d", 1, hostile, hostile, hostile, (hostile,), ABOUT.created_at, "ada", ABOUT.url)
    read(croissant(about, Tree.of(files), None))
