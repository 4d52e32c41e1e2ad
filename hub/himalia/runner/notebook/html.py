"""The executed notebook as one HTML page (nbconvert, JupyterLab's template)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any, Literal

from jinja2 import pass_context
from latex2mathml.converter import convert
from nbconvert import exporters
from nbconvert.filters import markdown_mistune
from nbformat import NotebookNode, v4

_exporters: Any = exporters  # these have no annotations
_markdown: Any = markdown_mistune
_v4: Any = v4

# The template asks other sites for require.js, MathJax, Mermaid and the widgets' manager. The page is read on
# machines that reach none of them, and where it opens by itself no script runs: it holds all that it shows.
# Formulas are MathML, which browsers draw by themselves.
_SELF_CONTAINED = """
{%- extends 'index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block data_latex scoped -%}
<div class="jp-RenderedLatex jp-OutputArea-output {{ extra_class }}" data-mime-type="text/latex">
{{ output.data['text/latex'] | latex2html }}
</div>
{%- endblock -%}
"""


_WORDS = re.compile(r"\\(?:text\w*|[mhf]box)\s*\{[^}]*\}")


class _Renderer(_markdown.IPythonRenderer):  # type: ignore[misc]
    """Markdown to HTML, with formulas as MathML."""

    def inline_math(self, body: str) -> str:
        return formula(body, "inline") or str(super().inline_math(body))

    def block_math(self, body: str) -> str:
        return formula(body, "block") or str(super().block_math(body))

    def latex_environment(self, name: str, body: str) -> str:
        whole = f"\\begin{{{name}}}{body}\\end{{{name}}}"
        return formula(whole, "block") or str(super().latex_environment(name, body))


class _Exporter(_exporters.HTMLExporter):  # type: ignore[misc]
    def default_filters(self) -> Iterator[tuple[str, Any]]:
        yield from super().default_filters()
        yield "markdown2html", self.with_formulas
        yield "latex2html", _output

    @pass_context
    def with_formulas(self, context: Any, source: str) -> str:
        """nbconvert's own filter with another renderer."""
        renderer = _Renderer(
            escape=False,
            attachments=context.get("cell", {}).get("attachments", {}),
            embed_images=self.embed_images,
            path=context.get("resources", {}).get("metadata", {}).get("path", ""),
            anchor_link_text=self.anchor_link_text,
            exclude_anchor_links=self.exclude_anchor_links,
            **self.lexer_options,
        )
        return str(_markdown.MarkdownWithMath(renderer=renderer).render(source))


def formula(latex: str, display: Literal["inline", "block"]) -> str | None:
    """A formula as MathML; None for what is none, or not understood."""
    # The words of \text are put into the page as they are.
    latex = _WORDS.sub(lambda found: escape(found.group(), quote=False), latex)
    try:
        return convert(latex, display=display)
    except Exception:  # it has no error of its own: whatever comes up while it reads
        return None


def _output(latex: str) -> str:
    """An output of the kind text/latex, whose formula stands between dollars or in an environment."""
    body = latex.strip()
    for mark in ("$$", "$"):
        if len(body) > 2 * len(mark) and body.startswith(mark) and body.endswith(mark):
            body = body[len(mark) : -len(mark)]
            break
    else:
        if not body.startswith("\\begin{"):
            return escape(latex)
    body = body.replace("\\displaystyle", "")
    return formula(body, "block") or escape(latex)


class HtmlWriter:
    """Renders notebooks; making one is slow, so a warm executor makes it before there is a job."""

    def __init__(self) -> None:
        self._exporter = _Exporter(template_name="lab", raw_template=_SELF_CONTAINED)
        # The first rendering compiles the templates and loads the highlighter.
        self._exporter.from_notebook_node(
            _v4.new_notebook(
                cells=[
                    _v4.new_markdown_cell("**a** $b$"),
                    _v4.new_code_cell("c = 1", outputs=[_v4.new_output("stream", text="d")]),
                ]
            )
        )

    def write(self, notebook: NotebookNode, path: Path) -> None:
        """Write ``notebook`` to ``path``, whole or not at all."""
        text, _ = self._exporter.from_notebook_node(notebook, resources={"metadata": {"name": path.stem}})
        temporary = path.with_name(f".{path.name}.saving")
        temporary.write_text(text, encoding="utf-8", errors="replace")
        os.replace(temporary, path)
