"""A version's card: what it is, for people to read, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from himalia.models.schema import ModelVersion, Tensor

_SPECIAL = str.maketrans({character: f"\\{character}" for character in "\\`*[]<>|"})


def markdown(version: ModelVersion) -> str:
    """The description, then tables of what is known of the version."""
    status = version.status
    parts = [f"# {_text(version.name)}", version.spec.description.strip()]
    parts.append(_section("Where it came from", ("", ""), _source(version)))
    parts.append(_section("Metrics", ("metric", "value"), _values(status.metrics)))
    parts.append(_section("Parameters", ("parameter", "value"), _values(status.parameters)))
    if status.signature is not None:
        for title, fields in (
            ("Inputs", status.signature.inputs),
            ("Outputs", status.signature.outputs),
            ("Parameters of a request", status.signature.params),
        ):
            parts.append(_section(title, ("name", "type", "shape"), _fields(fields)))
    parts.append(_section("Runs with", ("", ""), _place(version)))
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [head, ["---"] * len(head), *([_text(cell) for cell in row] for row in rows)]
    return f"## {title}\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _source(version: ModelVersion) -> list[tuple[str, str]]:
    source = version.spec.source
    trial = f"{source.experiment}, trial {source.trial}" if source.experiment else ""
    rows = [("search", trial), ("job", source.job or ""), ("dataset", ", ".join(source.datasets))]
    if source.code is not None:
        rows.append(("code", source.code.entry))
        rows.append(("snapshot of the code", source.code.snapshot or ""))
    rows.append(("MLflow run", source.run_id or ""))
    rows += [("folder", source.path), ("registered by", version.created_by.name)]
    rows.append(("registered at", version.created_at.strftime("%Y-%m-%d %H:%M UTC")))
    return [(name, value) for name, value in rows if value]


def _place(version: ModelVersion) -> list[tuple[str, str]]:
    status = version.status
    rows = [("environment", status.environment or ""), ("flavors", ", ".join(status.flavors))]
    rows.append(("requirements", ", ".join(status.requirements)))
    return [(name, value) for name, value in rows if value]


def _values(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (name, f"{value:.6g}" if isinstance(value, float) else str(value)) for name, value in values.items()
    ]


def _fields(fields: Sequence[Tensor]) -> list[tuple[str, str, str]]:
    return [
        (one.name or "(no name)", one.type, "" if one.shape is None else " × ".join(map(str, one.shape)))
        for one in fields
    ]


def _text(text: str) -> str:
    """A text in one line without meaning as Markdown."""
    return " ".join(str(text).translate(_SPECIAL).split())
