"""Reading a notebook file (nbformat) so that it can be executed."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from himalia.runner import words
from himalia.runner.notebook.errors import NotebookError

_nbformat: Any = nbformat  # it has no annotations
LARGEST_BYTES = 64 << 20
_NEWEST_MAJOR = 4
_LONGEST_PROBLEM = 200


def load(path: Path) -> NotebookNode:
    """The notebook ``path`` in format 4, upgraded where it is older.

    Raises NotebookError with reason ``bad_input`` for a file that is missing, too large, or no notebook.
    """
    name = path.name
    try:
        count = path.stat().st_size
        if count > LARGEST_BYTES:
            raise _bad(
                f"The notebook {name!r} has {words.size(count)}, and a job takes at most "
                f"{words.size(LARGEST_BYTES)}: clear its outputs, or keep its data in files beside it."
            )
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise _bad(f"The notebook {name!r} is not in the job's folder.") from None
    except OSError as error:
        raise _bad(f"The notebook {name!r} cannot be read: {os.strerror(error.errno or 0)}.") from None
    except (ValueError, RecursionError):
        raise _bad(
            f"{name!r} is not a notebook: it does not hold JSON. Save it again from JupyterLab."
        ) from None
    return _check(name, _upgrade(name, content))


def _bad(message: str) -> NotebookError:
    return NotebookError(message, "bad_input")


def _upgrade(name: str, content: object) -> NotebookNode:
    major = content.get("nbformat") if isinstance(content, dict) else None
    if not isinstance(content, dict) or not isinstance(major, int) or major < 1:
        raise _bad(f"{name!r} is JSON, but not a notebook: it names no notebook format.")
    if major > _NEWEST_MAJOR:
        raise _bad(f"The notebook {name!r} has format {major}, newer than format {_NEWEST_MAJOR} known here.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            node = _nbformat.versions[major].to_notebook_json(content, minor=content.get("nbformat_minor", 0))
            upgraded: NotebookNode = _nbformat.convert(node, _NEWEST_MAJOR)
            return upgraded
    except Exception:  # readers of a format raise whatever the broken part leads to
        if major == _NEWEST_MAJOR:
            raise _bad(
                f"{name!r} is not a valid notebook: open it in JupyterLab and save it again."
            ) from None
        raise _bad(
            f"The notebook {name!r} has the old format {major} and could not be brought up to format "
            f"{_NEWEST_MAJOR}: open it in JupyterLab and save it again."
        ) from None


def _check(name: str, notebook: NotebookNode) -> NotebookNode:
    """The notebook with missing cell ids added; raises for what the format does not allow."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _, notebook = nbformat.validator.normalize(notebook)
            nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        problem = str(getattr(error, "message", error)).splitlines()[0][:_LONGEST_PROBLEM]
        raise _bad(f"{name!r} is not a valid notebook: {problem}.") from None
    except (AttributeError, KeyError, TypeError):
        raise _bad(f"{name!r} is not a valid notebook: a part of it is missing.") from None
    return notebook


def check_language(notebook: NotebookNode) -> None:
    """Raises NotebookError when the notebook is not written for a Python kernel."""
    metadata = notebook.metadata
    spec = metadata.get("kernelspec") or {}
    language = spec.get("language") or (metadata.get("language_info") or {}).get("name") or "python"
    if str(language).lower() not in ("python", "python3", "ipython"):
        kernel = spec.get("display_name") or spec.get("name") or language
        raise NotebookError(
            f"The notebook is written for the kernel {kernel!r} ({language}), and this environment has only "
            "Python: choose a profile whose environment has that kernel.",
            "environment_missing",
        )
