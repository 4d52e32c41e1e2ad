"""The executed notebook as one HTML page (nbconvert, JupyterLab's template)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from nbconvert import exporters
from nbformat import NotebookNode, v4

_exporters: Any = exporters  # neither has annotations
_v4: Any = v4

# The template asks other sites for require.js, MathJax, Mermaid and the widgets' manager. The page is read on
# machines that reach none of them, and where it opens by itself no script runs: it holds all that it shows.
_SELF_CONTAINED = """
{%- extends 'index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
"""


class HtmlWriter:
    """Renders notebooks; making one is slow, so a warm executor makes it before there is a job."""

    def __init__(self) -> None:
        self._exporter = _exporters.HTMLExporter(template_name="lab", raw_template=_SELF_CONTAINED)
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
