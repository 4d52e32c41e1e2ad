"""Parameters of a notebook, by papermill's convention: a cell tagged ``parameters`` holds the defaults, and the
given values follow it in a new cell tagged ``injected-parameters``."""

from __future__ import annotations

import ast
import keyword
import math
from collections.abc import Mapping
from typing import Any

from nbformat import NotebookNode, v4

from himalia.runner.notebook.errors import NotebookError

_v4: Any = v4  # it has no annotations
_DEFAULTS_TAG = "parameters"
_INJECTED_TAG = "injected-parameters"
_DEEPEST = 50


def inject(notebook: NotebookNode, parameters: Mapping[str, Any]) -> None:
    """Put ``parameters`` into ``notebook``, in the place of an earlier injected cell if there is one.

    Raises NotebookError with reason ``bad_input`` for a name that the notebook does not know or that is no name,
    and for a value that has no literal.
    """
    if not parameters:
        return
    defaults = _tagged(notebook, _DEFAULTS_TAG)
    for name in parameters:
        if not name.isidentifier() or keyword.iskeyword(name):
            raise NotebookError(f"{name!r} cannot be a parameter: it is not a Python name.", "bad_input")
    if defaults is not None:
        _check_known(parameters, notebook.cells[defaults].source)
    lines = [f"{name} = {literal(value)}" for name, value in parameters.items()]
    cell = _v4.new_code_cell("# Parameters\n" + "\n".join(lines), metadata={"tags": [_INJECTED_TAG]})
    earlier = _tagged(notebook, _INJECTED_TAG)
    if earlier is not None:
        notebook.cells[earlier] = cell
    else:
        notebook.cells.insert(0 if defaults is None else defaults + 1, cell)


def literal(value: Any, depth: int = 0) -> str:
    """Python source for a JSON value; also for NaN and infinities.

    Raises NotebookError for anything else.
    """
    if depth > _DEEPEST:
        raise NotebookError("A parameter is nested too deeply.", "bad_input")
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if value is None or isinstance(value, (bool, int, float, str)):
        return repr(value)
    if isinstance(value, list):
        return "[" + ", ".join(literal(item, depth + 1) for item in value) + "]"
    if isinstance(value, dict):
        items = (f"{literal(key, depth + 1)}: {literal(item, depth + 1)}" for key, item in value.items())
        return "{" + ", ".join(items) + "}"
    raise NotebookError(f"A parameter cannot be of the type {type(value).__name__}.", "bad_input")


def known_names(source: str) -> list[str] | None:
    """The names that the code of a ``parameters`` cell assigns, in order; None when it cannot be read."""
    lines = source.splitlines()
    python = "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in lines)
    try:
        body = ast.parse(python).body
    except (SyntaxError, ValueError, RecursionError):
        return None
    names: dict[str, None] = {}
    for statement in body:
        targets = (
            statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        )
        for target in targets:
            parts = target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]
            names.update((part.id, None) for part in parts if isinstance(part, ast.Name))
    return list(names)


def _check_known(parameters: Mapping[str, Any], source: str) -> None:
    known = known_names(source)
    if known is None:
        return
    unknown = [name for name in parameters if name not in known]
    if unknown:
        has = "It has " + ", ".join(known) + "." if known else "Its parameters cell sets none."
        noun = "parameter" if len(unknown) == 1 else "parameters"
        raise NotebookError(f"The notebook has no {noun} {', '.join(unknown)}. {has}", "bad_input")


def _tagged(notebook: NotebookNode, tag: str) -> int | None:
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and tag in cell.metadata.get("tags", []):
            return index
    return None
