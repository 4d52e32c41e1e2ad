"""What a notebook can be told: its `parameters` cell (papermill's tag) as a JSON schema.

The cell is parsed, never executed. A parameter is an assignment of a literal to one name; its type is the
annotation's, else the default's; a comment at the end of the line describes it.
"""

from __future__ import annotations

import ast
import io
import json
import math
import re
import tokenize
from typing import Any

from himalia_lab.errors import LabError

Schema = dict[str, Any]

_NAMED_TYPES = {
    "int": "integer",
    "float": "number",
    "str": "string",
    "bool": "boolean",
    "list": "array",
    "List": "array",
    "tuple": "array",
    "dict": "object",
    "Dict": "object",
}

_INPUT = re.compile(r"""\brun\s*\.\s*input\(\s*["']([A-Za-z0-9][\w-]{0,39})["']\s*\)""")


def describe(source: bytes, name: str) -> dict[str, Any]:
    """`{"kernel", "parameters", "inputs", "cells"}` of a notebook file's bytes.

    `kernel` is `{"name", "display_name", "language"}` or None; `parameters` a JSON schema of type object whose
    properties stand in the cell's order; `inputs` the names that its code asks for; `cells` the number of code cells.
    Raises LabError 422 for a file that is no notebook of format 4.
    """
    notebook = _load(source, name)
    cells = [cell for cell in notebook["cells"] if isinstance(cell, dict) and cell.get("cell_type") == "code"]
    tagged = next((cell for cell in cells if "parameters" in _tags(cell)), None)
    return {
        "kernel": _kernel(notebook),
        "parameters": schema(_source(tagged) if tagged else "", name),
        "inputs": inputs("\n".join(_source(cell) for cell in cells)),
        "cells": len(cells),
    }


def inputs(code: str) -> list[str]:
    """The names of the inputs that code asks for, such as `himalia.run.input("digits")`, in its order."""
    return list(dict.fromkeys(_INPUT.findall(code)))


def schema(code: str, name: str = "the notebook") -> Schema:
    """The JSON schema of a `parameters` cell's code."""
    # Magics are no Python; emptied, they leave the line numbers as they are.
    lines = ["" if line.lstrip().startswith(("%", "!", "?")) else line for line in code.splitlines()]
    plain = "\n".join(lines) + "\n"
    try:
        statements = ast.parse(plain).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        place = f" in line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        raise LabError(
            422,
            "invalid",
            f"The parameters cell of “{name}” has a syntax error{place}. Mend the cell and save the notebook.",
        ) from error
    comments = _comments(plain)
    properties: dict[str, Schema] = {}
    for statement in statements:
        found = _parameter(statement)
        if found is None:
            continue
        parameter, described = found
        if text := comments.get(statement.end_lineno or statement.lineno):
            described["description"] = text
        properties[parameter] = described
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _load(source: bytes, name: str) -> dict[str, Any]:
    try:
        notebook = json.loads(source)
    except (ValueError, RecursionError) as error:
        raise LabError(422, "invalid", f"“{name}” is not a notebook: its content is not JSON.") from error
    if not isinstance(notebook, dict):
        raise LabError(422, "invalid", f"“{name}” is not a notebook.")
    if isinstance(version := notebook.get("nbformat"), int) and version > 4:
        raise LabError(
            422,
            "invalid",
            f"“{name}” has the notebook format {version}, which is newer than what runs here: save it in format 4.",
        )
    if version != 4 or not isinstance(notebook.get("cells"), list):
        raise LabError(
            422,
            "invalid",
            f"“{name}” is not a notebook of format 4. Open it in Lab and save it: that updates an old format.",
        )
    return notebook


def _kernel(notebook: dict[str, Any]) -> dict[str, str] | None:
    metadata = notebook.get("metadata")
    spec = metadata.get("kernelspec") if isinstance(metadata, dict) else None
    if not isinstance(spec, dict) or not isinstance(spec.get("name"), str):
        return None
    name = spec["name"]
    return {
        "name": name,
        "display_name": str(spec.get("display_name") or name),
        "language": str(spec.get("language") or ""),
    }


def _tags(cell: dict[str, Any]) -> list[Any]:
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    return tags if isinstance(tags, list) else []


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def _comments(code: str) -> dict[int, str]:
    """Comments by their line."""
    found: dict[int, str] = {}
    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            if token.type == tokenize.COMMENT:
                found[token.start[0]] = token.string.lstrip("#").strip()
    except (tokenize.TokenError, IndentationError):
        # The parser took the code: what is missing is a description at most.
        return found
    return found


def _parameter(statement: ast.stmt) -> tuple[str, Schema] | None:
    """Name and schema of an assignment that is a parameter, else None."""
    annotation: ast.expr | None = None
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target, value = statement.targets[0], statement.value
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        target, value, annotation = statement.target, statement.value, statement.annotation
    else:
        return None
    if not isinstance(target, ast.Name):
        return None
    try:
        default = _as_json(ast.literal_eval(value))
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None
    described = (_annotated(annotation) if annotation else None) or _typed(default)
    return target.id, {**described, "default": default}


def _as_json(value: Any) -> Any:
    """The literal as JSON holds it; ValueError for what JSON cannot hold."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(value)
        return value
    if isinstance(value, list | tuple):
        return [_as_json(item) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _as_json(item) for key, item in value.items()}
    raise ValueError(value)


def _typed(default: Any) -> Schema:
    kinds = [
        (bool, "boolean"),
        (int, "integer"),
        (float, "number"),
        (str, "string"),
        (list, "array"),
        (dict, "object"),
    ]
    return next(({"type": kind} for python, kind in kinds if isinstance(default, python)), {})


def _annotated(annotation: ast.expr) -> Schema | None:
    """The schema of a type annotation; None for one that says nothing here."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            return _annotated(ast.parse(annotation.value, mode="eval").body)
        except SyntaxError:
            return None
    if isinstance(annotation, ast.Name) and annotation.id in _NAMED_TYPES:
        return {"type": _NAMED_TYPES[annotation.id]}
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        return _optional([annotation.left, annotation.right])
    if isinstance(annotation, ast.Subscript) and isinstance(annotation.value, ast.Name):
        if annotation.value.id == "Optional":
            return _optional([annotation.slice, ast.Constant(None)])
        if annotation.value.id == "Literal":
            return _choices(annotation.slice)
        return _annotated(annotation.value)
    return None


def _optional(parts: list[ast.expr]) -> Schema | None:
    """`X | None` as a type that may be null."""
    others = [part for part in parts if not (isinstance(part, ast.Constant) and part.value is None)]
    if len(others) != 1 or len(parts) != 2:
        return None
    inner = _annotated(others[0])
    return {"type": [inner["type"], "null"]} if inner and isinstance(inner.get("type"), str) else None


def _choices(expression: ast.expr) -> Schema | None:
    items = expression.elts if isinstance(expression, ast.Tuple) else [expression]
    values = [item.value for item in items if isinstance(item, ast.Constant)]
    if not values or not all(isinstance(value, str | int | bool) for value in values):
        return None
    return {"enum": values}
