"""The HTML page of a finished notebook."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from nbformat import v4

from himalia.runner.notebook.html import HtmlWriter

WIDGET = {"application/vnd.jupyter.widget-view+json": {"model_id": "m"}, "text/plain": "IntProgress(value=7)"}
STATE = {"application/vnd.jupyter.widget-state+json": {"version_major": 2, "version_minor": 0, "state": {}}}


class Requests(HTMLParser):
    """What a browser would fetch to show a page, and the code of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.scripts: list[dict[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.fetched += [value or "" for name, value in attrs if name in ("src", "srcset", "data", "poster")]
        if tag == "link":
            self.fetched.append(found.get("href") or "")
        if tag == "script":
            self.scripts.append(found)


def _page(folder: Path, *cells: Any, **metadata: Any) -> str:
    path = folder / "n.html"
    HtmlWriter().write(v4.new_notebook(cells=list(cells), metadata=metadata), path)
    return path.read_text()


def test_nothing_outside_of_the_page_is_asked_for(tmp_path: Path) -> None:
    outputs = [
        v4.new_output("display_data", WIDGET),
        v4.new_output("display_data", {"text/vnd.mermaid": "graph TD; one-->two", "text/plain": ""}),
        v4.new_output("display_data", {"text/latex": "$x^2$", "text/plain": "x**2"}),
        v4.new_output("display_data", {"image/png": "iVBORw0KGgo=", "text/plain": ""}),
    ]
    text = _page(
        tmp_path, v4.new_markdown_cell("$a$ and $$b$$"), v4.new_code_cell("c", outputs=outputs), widgets=STATE
    )
    page = Requests(text)
    assert page.fetched == ["data:image/png;base64,iVBORw0KGgo="]
    # Data may stand in a script element; nothing there runs, so nothing there can fetch.
    assert {script.get("type") for script in page.scripts} == {"application/vnd.jupyter.widget-state+json"}
    assert "@import" not in text
    assert "url(http" not in text
    assert "<base" not in text


def test_what_scripts_would_have_drawn_is_there_as_text(tmp_path: Path) -> None:
    outputs = [
        v4.new_output("display_data", WIDGET),
        v4.new_output("display_data", {"text/vnd.mermaid": "graph TD; one-->two", "text/plain": ""}),
    ]
    text = _page(tmp_path, v4.new_code_cell("c", outputs=outputs))
    assert "IntProgress(value=7)" in text
    assert "graph TD" in text


def test_formulas_are_drawn_by_the_browser_itself(tmp_path: Path) -> None:
    source = r"""Inline $\frac{a}{b}$, and

$$\sum_{i=1}^n x_i^2$$

\begin{align} a &= b \\ c &= d \end{align}

Costs \$5, or `$x$` in code."""
    outputs = [v4.new_output("display_data", {"text/latex": r"$\displaystyle x^{2}$", "text/plain": "x**2"})]
    text = _page(tmp_path, v4.new_markdown_cell(source), v4.new_code_cell("c", outputs=outputs))
    assert text.count("<math ") == 4
    assert "<mfrac>" in text
    assert "<mtable" in text
    assert "displaystyle x" not in text
    assert "Costs $5" in text
    assert "<code>$x$</code>" in text


def test_what_is_no_formula_stays_text(tmp_path: Path) -> None:
    outputs = [v4.new_output("display_data", {"text/latex": "<b>no</b> formula", "text/plain": "no"})]
    text = _page(tmp_path, v4.new_markdown_cell("$\\frac{$ and ${$"), v4.new_code_cell("c", outputs=outputs))
    assert "<math" not in text
    assert "&lt;b&gt;no&lt;/b&gt; formula" in text
    assert "\\frac{" in text


def test_a_formula_cannot_smuggle_markup(tmp_path: Path) -> None:
    text = _page(tmp_path, v4.new_markdown_cell(r"$\text{<script>alert(1)</script>} <img src=x onerror=y>$"))
    assert "<script>alert" not in text
    assert "<img" not in text
