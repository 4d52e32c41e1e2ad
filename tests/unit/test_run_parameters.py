"""Parameters of notebooks: names, literals, and where they go."""

from __future__ import annotations

import math
from typing import Any

import pytest
from nbformat import v4

from himalia.runner.notebook import parameters
from himalia.runner.notebook.errors import NotebookError


def _notebook(*cells: tuple[str, list[str]]) -> Any:
    return v4.new_notebook(
        cells=[v4.new_code_cell(source, metadata={"tags": tags}) for source, tags in cells]
    )


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        3,
        -1.5,
        1e300,
        'it\'s "quoted"\n\\',
        "grüße 🚀 \u2028",
        [1, [2, {"a": None}]],
        {"a b": [1.0]},
        [],
        {},
    ],
)
def test_literals_evaluate_to_what_they_were(value: Any) -> None:
    assert eval(parameters.literal(value)) == value


def test_numbers_that_are_not_finite() -> None:
    assert math.isnan(eval(parameters.literal(float("nan"))))
    assert eval(parameters.literal([float("-inf")])) == [float("-inf")]


def test_other_types_and_deep_nesting_are_refused() -> None:
    deep: Any = []
    for _ in range(60):
        deep = [deep]
    for value in (object(), {1, 2}, b"x", deep):
        with pytest.raises(NotebookError):
            parameters.literal(value)


def test_names_are_found_in_all_kinds_of_assignments() -> None:
    source = "%matplotlib inline\na = 1  # comment\nb: int = 2\nc, (d) = 3, 4\n!ls\n"
    source += "e = f = 5\ng += 1\nimport os\nh['x'] = 1"
    assert parameters.known_names(source) == ["a", "b", "c", "d", "e", "f", "g"]
    assert parameters.known_names("def f(:") is None


def test_values_follow_the_defaults() -> None:
    notebook = _notebook(("import os", []), ("a = 1", ["parameters"]), ("print(a)", []))
    parameters.inject(notebook, {"a": 2})
    assert [cell.source for cell in notebook.cells] == [
        "import os",
        "a = 1",
        "# Parameters\na = 2",
        "print(a)",
    ]
    parameters.inject(notebook, {"a": 3})  # a notebook that ran before holds an injected cell
    assert [cell.source for cell in notebook.cells] == [
        "import os",
        "a = 1",
        "# Parameters\na = 3",
        "print(a)",
    ]


def test_without_defaults_values_go_first() -> None:
    notebook = _notebook(("print(a)", []))
    parameters.inject(notebook, {"a": [1]})
    assert notebook.cells[0].source == "# Parameters\na = [1]"
    assert notebook.cells[0].metadata.tags == ["injected-parameters"]


def test_nothing_is_injected_without_parameters() -> None:
    notebook = _notebook(("a = 1", ["parameters"]))
    parameters.inject(notebook, {})
    assert len(notebook.cells) == 1


def test_unknown_names_are_named_with_the_known_ones() -> None:
    notebook = _notebook(("a = 1\nb = 2", ["parameters"]))
    with pytest.raises(
        NotebookError, match=r"^The notebook has no parameters c, d\. It has a, b\.$"
    ) as caught:
        parameters.inject(notebook, {"a": 1, "c": 1, "d": 1})
    assert caught.value.reason == "bad_input"
    assert len(notebook.cells) == 1


@pytest.mark.parametrize("name", ["a; import os", "", "class", "1a", "a.b", "__import__('os')"])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(NotebookError, match="cannot be a parameter"):
        parameters.inject(_notebook(("x", [])), {name: 1})
