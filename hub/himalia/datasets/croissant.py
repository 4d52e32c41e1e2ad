"""A version as Croissant 1.1 (https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html), JSON-LD that other
platforms and search engines for data understand.

Tables that were looked at are FileObjects, with SHA-256 as the vocabulary asks for, and RecordSets of their columns.
All other files are FileSets, one for each ending of their names. The BLAKE3 digest of the manifest, by which the
version is known here, is its `identifier`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from mimetypes import guess_type
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from himalia.datasets.preview import Column, Images, Preview, Table
from himalia.storage.trees import Tree

CONFORMS_TO = "http://mlcommons.org/croissant/1.1"
MEDIA_TYPE = "application/ld+json"
MOST_SETS = 50
# As mlcroissant knows them; the registered name of Parquet it does not.
_FORMATS = {"csv": "text/csv", "parquet": "application/x-parquet", "jsonl": "application/jsonlines"}
_CROISSANT = (
    *(
        "arrayShape",
        "citeAs",
        "column",
        "containedIn",
        "equivalentProperty",
        "extract",
        "field",
        "fileProperty",
    ),
    *("fileObject", "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5"),
    *("parentField", "path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate"),
    *("separator", "source", "subField", "transform"),
)
CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    **{term: f"cr:{term}" for term in _CROISSANT},
}


@dataclass(frozen=True, slots=True)
class About:
    """What is said of the version. `url` is where it is in the HTTP API, without a slash at the end."""

    name: str
    number: int
    title: str
    description: str
    license: str
    keywords: tuple[str, ...]
    created_at: datetime
    creator: str
    url: str


def croissant(about: About, tree: Tree, preview: Preview | None) -> dict[str, Any]:
    """The description of a version with the files of `tree`, as JSON. Without a preview it has no columns."""
    sizes = {file.path: file.size for file in tree.files}
    tables = [table for table in preview.tables if table.sha256 and table.path in sizes] if preview else []
    apart = {table.path for table in tables}
    sets = _file_sets(path for path in sizes if path not in apart)
    described: dict[str, Any] = {
        "@context": dict(CONTEXT),
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": about.name,
        "description": about.description or about.title or f"The dataset {about.name}.",
        "url": about.url,
        "version": f"{about.number}.0.0",
        "datePublished": about.created_at.date().isoformat(),
        "creator": {"@type": "sc:Person", "name": about.creator},
        "citeAs": f"{about.creator}: {about.title or about.name}, version {about.number}, {about.created_at.year}.",
        "identifier": f"blake3:{tree.digest}",
        "distribution": [*(_file_object(about, table) for table in tables), *sets],
    }
    if about.title:
        described["alternateName"] = about.title
    if about.license:
        described["license"] = about.license
    if about.keywords:
        described["keywords"] = list(about.keywords)
    records = [_table_records(table) for table in tables if table.columns]
    if preview is not None and preview.images is not None:
        records += [_image_records(one["@id"], preview.images) for one in sets if _holds_images(one)]
    if records:
        described["recordSet"] = records
    return described


def _file_object(about: About, table: Table) -> dict[str, Any]:
    media = _FORMATS[table.format]
    return {
        "@type": "cr:FileObject",
        "@id": quote(table.path),
        "name": table.path,
        "contentUrl": f"{about.url}/files/{quote(table.path)}",
        "contentSize": f"{table.size} B",
        "encodingFormat": [media, "application/gzip"] if table.path.endswith(".gz") else media,
        "sha256": table.sha256,
    }


def _file_sets(paths: Iterable[str]) -> list[dict[str, Any]]:
    counts = Counter(PurePosixPath(path).suffix for path in paths)
    sets = []
    for ending, count in counts.most_common(MOST_SETS):
        media = guess_type(f"x{ending}")[0] or "application/octet-stream"
        # A name without a dot cannot be told by a pattern alone: the set is all files, and says which it means.
        pattern = f"**/*{ending}" if ending else "**/*"
        sets.append(
            {
                "@type": "cr:FileSet",
                "@id": f"files{quote(ending)}",
                "name": f"{ending.removeprefix('.') or 'other'} files",
                "description": f"{count:,} files whose names end in {ending!r}."
                if ending
                else f"{count:,} files whose names have no ending.",
                "encodingFormat": media,
                "includes": pattern,
            }
        )
    return sets


def _holds_images(file_set: dict[str, Any]) -> bool:
    return str(file_set["encodingFormat"]).startswith("image/")


def _table_records(table: Table) -> dict[str, Any]:
    records = f"records-of-{quote(table.path)}"
    fields, taken = [], set[str]()
    for column in table.columns:
        name = f"{records}/{quote(column.name)}"
        while name in taken:
            name += "-2"
        taken.add(name)
        fields.append(
            {
                "@type": "cr:Field",
                "@id": name,
                "name": column.name,
                "dataType": _data_type(column),
                "source": {"fileObject": {"@id": quote(table.path)}, "extract": {"column": column.name}},
            }
        )
    return {"@type": "cr:RecordSet", "@id": records, "name": f"records of {table.path}", "field": fields}


def _data_type(column: Column) -> str:
    if column.kind == "number":
        return "sc:Integer" if column.type.endswith(("INT", "INTEGER")) else "sc:Float"
    if column.kind == "date":
        return "sc:Date" if column.type == "DATE" else "sc:DateTime"
    return "sc:Boolean" if column.type == "BOOLEAN" else "sc:Text"


def _image_records(file_set: str, images: Images) -> dict[str, Any]:
    records = f"records-of-{file_set}"

    def field(name: str, type_: str, extract: str, **more: Any) -> dict[str, Any]:
        source = {"fileSet": {"@id": file_set}, "extract": {"fileProperty": extract}, **more}
        return {
            "@type": "cr:Field",
            "@id": f"{records}/{name}",
            "name": name,
            "dataType": type_,
            "source": source,
        }

    fields = [field("image", "sc:ImageObject", "content"), field("path", "sc:Text", "fullpath")]
    if images.labels:
        fields.append(field("label", "sc:Text", "fullpath", transform={"regex": "([^/]+)/[^/]+$"}))
    return {"@type": "cr:RecordSet", "@id": records, "name": f"records of {file_set}", "field": fields}
