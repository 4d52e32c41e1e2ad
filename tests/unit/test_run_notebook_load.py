"""Which files are notebooks, and what is said of the others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from himalia.runner.notebook import load
from himalia.runner.notebook.errors import NotebookError


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not json", "'train.ipynb' is not a notebook: it does not hold JSON."),
        (b"\xff\xfe\x00", "'train.ipynb' is not a notebook: it does not hold JSON."),
        (b"[" * 100_000, "'train.ipynb' is not a notebook: it does not hold JSON."),
        (b"[]", "'train.ipynb' is JSON, but not a notebook"),
        (b"{}", "'train.ipynb' is JSON, but not a notebook"),
        (b'{"nbformat": 9}', "The notebook 'train.ipynb' has format 9"),
        (b'{"nbformat": 4, "nbformat_minor": 5, "cells": 3}', "'train.ipynb' is not a valid notebook"),
        (
            b'{"nbformat": 4, "nbformat_minor": 5, "cells": [{}], "metadata": {}}',
            "'train.ipynb' is not a valid notebook",
        ),
        (b'{"nbformat": 3, "worksheets": 3}', "The notebook 'train.ipynb' has the old format 3"),
    ],
    ids=["text", "binary", "deep", "list", "object", "newer", "broken", "cell", "old"],
)
def test_what_is_no_notebook(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "train.ipynb"
    path.write_bytes(content)
    with pytest.raises(NotebookError) as caught:
        load.load(path)
    assert str(caught.value).startswith(message)
    assert caught.value.reason == "bad_input"


def test_a_notebook_that_is_too_large_or_missing(tmp_path: Path) -> None:
    path = tmp_path / "train.ipynb"
    with pytest.raises(NotebookError, match="is not in the job's folder"):
        load.load(path)
    with path.open("wb") as stream:
        stream.truncate(100 << 20)
    with pytest.raises(NotebookError, match=r"has 100\.0 MiB, and a job takes at most 64\.0 MiB"):
        load.load(path)


@pytest.mark.parametrize("major", [2, 3])
def test_an_old_notebook_is_upgraded(tmp_path: Path, major: int) -> None:
    cell = {"cell_type": "code", "language": "python", "input": "print('old')\n1", "outputs": []}
    old = {
        "nbformat": major,
        "nbformat_minor": 0,
        "metadata": {"name": ""},
        "worksheets": [{"cells": [cell]}],
    }
    path = tmp_path / "train.ipynb"
    path.write_text(json.dumps(old))
    notebook = load.load(path)
    assert notebook.nbformat == 4
    assert notebook.cells[0].source == "print('old')\n1"


def test_sources_in_lines_are_joined_and_ids_added(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "code", "metadata": {}, "source": ["a\n", "b"], "outputs": [], "execution_count": None}
    ]
    path = tmp_path / "train.ipynb"
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}))
    notebook = load.load(path)
    assert notebook.cells[0].source == "a\nb"
    assert notebook.cells[0].id


def test_another_language_is_named(tmp_path: Path) -> None:
    spec = {"name": "ir", "display_name": "R", "language": "R"}
    path = tmp_path / "train.ipynb"
    for metadata, fits in (
        ({"kernelspec": spec}, False),
        ({"language_info": {"name": "julia"}}, False),
        ({}, True),
    ):
        path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": metadata, "cells": []}))
        notebook = load.load(path)
        if fits:
            load.check_language(notebook)
            continue
        with pytest.raises(NotebookError) as caught:
            load.check_language(notebook)
        assert caught.value.reason == "environment_missing"
