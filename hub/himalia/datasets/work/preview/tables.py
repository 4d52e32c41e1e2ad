"""Tables in files, looked at with DuckDB: first rows, types, and for each column what values it has."""

from __future__ import annotations

import hashlib
import math
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal

import duckdb

from himalia.datasets import preview
from himalia.datasets.work.preview.child import guarded
from himalia.datasets.work.preview.files import File

Format = Literal["csv", "parquet", "jsonl"]
FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
MOST_TABLES = 5
MOST_ROWS = 1_000_000
MOST_COLUMNS = 100
HEAD_ROWS = 200
HEAD_CELLS = 10_000
LONGEST_CELL = 200
MOST_BINS = 20
MOST_TOP = 10
HASHED_BYTES = 4 << 30
_EXACT = 10_000
_NUMBERS = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
)
_FLOATS = ("FLOAT", "DOUBLE", "DECIMAL")
_DATES = ("DATE", "TIMESTAMP")


def format_of(file: File) -> Format | None:
    """Which kind of table the name of a file says that it is."""
    ending = file.type.removesuffix(".gz") if not file.type.startswith(".parquet") else file.type
    return FORMATS.get(ending)


def look(root: Path, file: File, scratch: Path, seconds: float) -> preview.Table:
    """A look at one table. Raises Crashed; and Unreadable's reason as ValueError."""
    if file.size == 0:
        raise ValueError("It is empty.")
    answer = guarded(partial(_safely, root / file.path, file, scratch, seconds * 0.8), seconds)
    if "why" in answer:
        raise ValueError(answer["why"])
    return preview.Table.model_validate(answer)


# In the child


def _safely(path: Path, file: File, scratch: Path, seconds: float) -> dict[str, Any]:
    try:
        return _Table(path, file, scratch, seconds).look().model_dump()
    except duckdb.Error as error:
        return {"why": f"It cannot be read as a table: {_first_line(error, scratch, file)}"}


class _Table:
    def __init__(self, path: Path, file: File, scratch: Path, seconds: float) -> None:
        self.path, self.file = path, file
        found = format_of(file)
        assert found is not None
        self.format: Format = found
        self.notes: list[str] = []
        # Under a name of ours: DuckDB would take *, ? and [ in a name for a pattern.
        packed = ".gz" if file.type.endswith(".gz") else ""
        self.link = scratch / f"table.{self.format}{packed}"
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(path.resolve())
        self.seconds = seconds
        self.database = _database(self.link, scratch)

    def look(self) -> preview.Table:
        with self._within(self.seconds):
            self._load()
        names = self._columns()
        rows = int(self._one("SELECT count(*) FROM t")[0])
        total = self._total(rows)
        if total is None or total > rows:
            self.notes.append(f"Columns were looked at in the first {rows:,} rows.")
        head = self._head(names)
        columns: list[preview.Column] = []
        try:
            with self._within(self.seconds):
                columns += (self._column(name, type_) for name, type_ in names)
        except duckdb.InterruptException:
            self.notes.append(f"There was time to look at {len(columns)} of {len(names)} columns.")
        rest = names[len(columns) :]
        columns += [
            preview.Column(name=_cut(name), type=_cut(type_), kind=_kind(type_), nulls=0)
            for name, type_ in rest
        ]
        return preview.Table(
            path=self.file.path,
            format=self.format,
            size=self.file.size,
            sha256=_sha256(self.path) if self.file.size <= HASHED_BYTES else None,
            rows=total,
            looked_at=rows,
            columns=columns,
            head=head,
            notes=self.notes,
        )

    def _load(self) -> None:
        """Copy the first rows, of the first columns, into a table that no later query has to read anew."""
        try:
            self._copy(self._source())
            return
        except (duckdb.InvalidInputException, duckdb.ConversionException) as error:
            if self.format != "csv":
                raise
            why = _first_line(error, self.link.parent, self.file)
        try:
            self._copy(self._source(", ignore_errors=true"))
        except (duckdb.InvalidInputException, duckdb.ConversionException):
            options = ", all_varchar=true, ignore_errors=true, null_padding=true, strict_mode=false"
            self._copy(self._source(options))
        self.notes.append(f"Lines that are not like the others were left out. The first: {why}")

    def _source(self, options: str = "") -> str:
        name = {"csv": "read_csv", "parquet": "read_parquet", "jsonl": "read_json"}[self.format]
        if self.format == "jsonl":
            options += ", format='newline_delimited', maximum_object_size=16777216"
        return f"{name}({_text(str(self.link))}{options})"

    def _copy(self, source: str) -> None:
        described = self.database.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()  # noqa: S608
        names = [str(row[0]) for row in described]
        if len(names) > MOST_COLUMNS:
            self.notes.append(f"Looked at {MOST_COLUMNS} of {len(names):,} columns.")
        chosen = ", ".join(_name(name) for name in names[:MOST_COLUMNS])
        self.database.execute(
            f"CREATE OR REPLACE TEMP TABLE t AS SELECT {chosen} FROM {source} LIMIT {MOST_ROWS}"  # noqa: S608
        )

    def _columns(self) -> list[tuple[str, str]]:
        return [(str(row[0]), str(row[1])) for row in self.database.execute("DESCRIBE t").fetchall()]

    def _total(self, rows: int) -> int | None:
        """How many rows the file has, if that is known without reading it all."""
        if rows < MOST_ROWS:
            return rows
        if self.format != "parquet":
            return None
        link = _text(str(self.link))
        return int(self._one(f"SELECT sum(num_rows) FROM parquet_file_metadata({link})")[0])  # noqa: S608

    def _head(self, names: list[tuple[str, str]]) -> list[list[preview.Cell]]:
        rows = min(HEAD_ROWS, max(10, HEAD_CELLS // max(1, len(names))))
        chosen = ", ".join(_shown(name, type_) for name, type_ in names)
        found = self.database.execute(f"SELECT {chosen} FROM t LIMIT {rows}").fetchall()  # noqa: S608
        return [[_cell(value) for value in row] for row in found]

    def _column(self, name: str, type_: str) -> preview.Column:
        quoted, kind = _name(name), _kind(type_)
        nulls, distinct = self._one(
            f"SELECT count(*) - count({quoted}), approx_count_distinct({quoted}::VARCHAR) FROM t"  # noqa: S608
        )
        if distinct <= _EXACT:
            distinct = self._one(f"SELECT count(DISTINCT {quoted}::VARCHAR) FROM t")[0]  # noqa: S608
        column = preview.Column(
            name=_cut(name), type=_cut(type_), kind=kind, nulls=int(nulls), distinct=int(distinct)
        )
        if kind == "number":
            self._number(column, quoted)
        elif kind == "date":
            self._date(column, quoted)
        if kind == "text" or column.histogram is None or int(distinct) <= MOST_TOP:
            shown = _shown(name, type_)
            top = self.database.execute(
                f"SELECT {shown} AS v, count(*) AS n FROM t WHERE {quoted} IS NOT NULL "  # noqa: S608
                f"GROUP BY v ORDER BY n DESC, v LIMIT {MOST_TOP}"
            ).fetchall()
            column.top = [preview.Counted(value=_cell(value), count=int(count)) for value, count in top]
        return column

    def _number(self, column: preview.Column, quoted: str) -> None:
        value = f"{quoted}::DOUBLE"
        low, high, mean, std = self._one(
            f"SELECT min({value}), max({value}), avg({value}), stddev_pop({value}) "  # noqa: S608
            f"FROM t WHERE isfinite({value})"
        )
        if low is None:
            return
        whole = column.type in _NUMBERS and max(abs(low), abs(high)) < 2**53
        column.min, column.max = (int(low), int(high)) if whole else (_cell(low), _cell(high))
        column.mean, column.std = _finite(mean), _finite(std)
        finite = f"isfinite({value})"
        if whole and high - low < MOST_BINS:  # a bin for each number
            column.histogram = self._histogram(value, finite, low - 0.5, high + 0.5, int(high - low) + 1)
        elif math.isfinite(high - low):
            column.histogram = self._histogram(value, finite, low, high)

    def _date(self, column: preview.Column, quoted: str) -> None:
        value = f"epoch({quoted}::TIMESTAMP)"
        finite = f"isfinite({quoted}::TIMESTAMP)"
        low, high, first, last = self._one(
            f"SELECT min({value}), max({value}), min({quoted})::VARCHAR, max({quoted})::VARCHAR "  # noqa: S608
            f"FROM t WHERE {finite}"
        )
        if low is None:
            return
        column.min, column.max = _cell(first), _cell(last)
        bins = self._histogram(value, finite, low, high)
        edges = ", ".join(
            f"strftime(make_timestamp({int(float(edge) * 1e6)}), '%Y-%m-%dT%H:%M:%S')" for edge in bins.edges
        )
        column.histogram = preview.Bins(edges=list(self._one(f"SELECT {edges}")), counts=bins.counts)

    def _histogram(
        self, value: str, where: str, low: float, high: float, bins: int = MOST_BINS
    ) -> preview.Bins:
        """Bins of equal width; a value at the upper end belongs to the last one."""
        width = (high - low) / bins
        if low + width == low:  # all values are the same, or next to each other
            count = self._one(f"SELECT count(*) FROM t WHERE {where}")[0]  # noqa: S608
            return preview.Bins(edges=[low, high], counts=[int(count)])
        found = self.database.execute(
            f"SELECT least({bins - 1}, greatest(0, floor(({value} - ?) / ?)))::INTEGER AS bin, count(*) "  # noqa: S608
            f"FROM t WHERE {where} GROUP BY bin",
            [low, width],
        ).fetchall()
        counts = [0] * bins
        for at, count in found:
            counts[at] = int(count)
        edges = [low, *(float(f"{low + at * width:.12g}") for at in range(1, bins)), high]
        return preview.Bins(edges=edges, counts=counts)

    def _one(self, query: str) -> tuple[Any, ...]:
        row = self.database.execute(query).fetchone()
        assert row is not None
        return row

    @contextmanager
    def _within(self, seconds: float) -> Iterator[None]:
        timer = threading.Timer(seconds, self.database.interrupt)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def _database(link: Path, scratch: Path) -> duckdb.DuckDBPyConnection:
    """A database in memory that reads one file, and nothing else of the machine."""
    spill = scratch / "spill"
    options: dict[str, str | bool | int | float | list[str]] = {
        "threads": "2",
        "memory_limit": "1GB",
        "temp_directory": str(spill),
        "max_temp_directory_size": "4GB",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    database = duckdb.connect(config=options)
    database.execute(f"SET allowed_paths = [{_text(str(link))}]")
    database.execute("SET enable_external_access = false")
    database.execute("SET lock_configuration = true")
    return database


def _kind(type_: str) -> Literal["number", "date", "text", "other"]:
    if type_ in _NUMBERS or (type_.startswith(_FLOATS) and not type_.endswith("]")):
        return "number"
    if type_.startswith(_DATES) and not type_.endswith("]"):
        return "date"
    return "text" if type_ in ("VARCHAR", "BOOLEAN", "UUID", "TIME") or type_.startswith("ENUM") else "other"


def _shown(name: str, type_: str) -> str:
    """An expression for a value that JSON has, of bounded length."""
    quoted = _name(name)
    if type_ in _NUMBERS or type_ in ("FLOAT", "DOUBLE", "BOOLEAN"):
        return quoted
    if type_.startswith("DECIMAL") and not type_.endswith("]"):
        return f"{quoted}::DOUBLE"
    if type_ == "BLOB":
        return f"octet_length({quoted})::VARCHAR || ' bytes'"
    return f"left({quoted}::VARCHAR, {LONGEST_CELL})"


def _cell(value: object) -> preview.Cell:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return str(value)[:LONGEST_CELL]


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _cut(text: str) -> str:
    return text[:LONGEST_CELL]


def _first_line(error: duckdb.Error, scratch: Path, file: File) -> str:
    """What DuckDB says, of the file by its own name."""
    words = str(error).strip().splitlines()[0].partition(": ")[2] or "unknown"
    words = re.sub(rf"{re.escape(str(scratch))}/table\.[a-z.]+[a-z]", lambda _: file.path, words)
    return words[:300].rstrip(".") + "."


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
