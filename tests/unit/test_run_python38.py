"""What is carried into any image must run on Python 3.8 with nothing installed."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import himalia

ROOT = Path(himalia.__file__).parent
FILES = [
    path
    for folder in ("run", "runner")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path.parent.name != "notebook"
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_syntax_and_imports(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 8))
    for node in ast.walk(tree):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        for module in modules:
            first = module.split(".")[0]
            assert first in sys.stdlib_module_names or module.startswith(("himalia.run", "himalia.runner")), (
                module
            )
            assert not module.startswith("himalia.runner.notebook")
        assert not isinstance(node, ast.Match)
