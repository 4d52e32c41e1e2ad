"""What a preview of a version tells. The program of a sandboxed task writes one; the service believes its form only.

What was not looked at in full is said so: `looked_at` counts what was, and `notes` are sentences for people.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

SHEET = "thumbnails.webp"
"""The thumbnails, side by side in one picture, among the task's outputs."""
FILE = "preview.json"
LARGEST_BYTES = 4 << 20

Text = Annotated[str, StringConstraints(max_length=1100)]
Count = Annotated[int, Field(ge=0)]
Cell = int | float | bool | Text | None


class Part(BaseModel):
    """What every part has in common: numbers that JSON can hold, and nothing that is not known."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Share(Part):
    """So many files, and their bytes together, of what `name` says."""

    name: Text
    files: Count
    size: Count


class Counted(Part):
    """How often a value is there."""

    value: Cell
    count: Count


class Bins(Part):
    """A histogram: `counts[i]` values lie from `edges[i]` to `edges[i + 1]`. Edges of dates are ISO 8601 texts."""

    edges: list[float | Text]
    counts: list[Count]


class Files(Part):
    """All files: `types` by the ending of their names, `folders` by the first parts of their paths."""

    count: Count
    size: Count
    types: list[Share]
    folders: list[Share]
    sizes: Bins


class Thumbnail(Part):
    """A picture of the sheet, from left to right and top to bottom; `width` and `height` are of the original."""

    path: Text
    label: Text | None
    width: Count
    height: Count


class Sheet(Part):
    """How the thumbnails lie in their picture: `columns` beside each other, each `cell` pixels wide and high."""

    columns: Count
    cell: Count


class Channel(Part):
    """The intensities of one channel, of 255: `histogram` has 32 bins of equal width."""

    name: Text
    mean: float
    std: float
    histogram: list[Count]


class Images(Part):
    """Pictures. A label is the name of the folder that a picture lies in, where there are several such folders."""

    count: Count
    looked_at: Count
    labels: list[Counted]
    sizes: list[Counted]
    """As `640 × 480`, the most frequent first."""
    modes: list[Counted]
    """Pillow's: `L` is grey, `RGB` colour, `RGBA` with transparency."""
    formats: list[Counted]
    channels: list[Channel]
    sheet: Sheet
    thumbnails: list[Thumbnail]


class Column(Part):
    """A column of a table; `type` is DuckDB's name. `distinct` is exact up to some thousands."""

    name: Text
    type: Text
    kind: Literal["number", "date", "text", "other"]
    nulls: Count
    distinct: Count | None = None
    min: Cell = None
    max: Cell = None
    mean: float | None = None
    std: float | None = None
    histogram: Bins | None = None
    top: list[Counted] = []


class Table(Part):
    """A table in a file: its first rows, and its columns. `rows` is None where they were not all counted."""

    path: Text
    format: Literal["csv", "parquet", "jsonl"]
    size: Count
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None
    rows: Count | None
    looked_at: Count
    columns: list[Column]
    head: list[list[Cell]]
    notes: list[Text]


class Excerpt(Part):
    """The beginning of a text."""

    path: Text
    size: Count
    text: Annotated[str, StringConstraints(max_length=8192)]


class Unreadable(Part):
    """A file that is not what its name says, and why."""

    path: Text
    why: Text


class Preview(Part):
    """A look at a version's files. `kind` is what most of them are."""

    kind: Literal["images", "table", "text", "mixed", "empty"]
    files: Files
    images: Images | None = None
    tables: list[Table] = []
    texts: list[Excerpt] = []
    unreadable: list[Unreadable] = []
    notes: list[Text] = []
