"""What is said of cells that fail, with one real kernel for all of them."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from nbformat import v4
from runner_harness import KERNEL

from himalia.runner.notebook.client import Client
from himalia.runner.notebook.errors import NotebookError
from himalia.runner.notebook.kernel import Kernel
from himalia.runner.notebook.save import Saver

CASES = [
    ("def f(:", "Cell 2 failed: SyntaxError: invalid syntax (line 1)"),
    ("input('name? ')", "Cell 2 asks for input, and nobody can answer in a job"),
    ("import getpass; getpass.getpass()", "Cell 2 asks for input, and nobody can answer in a job"),
    ("import sys; sys.exit(3)", "Cell 2 ended the notebook with exit code 3."),
    ("raise KeyboardInterrupt", "Cell 2 failed: KeyboardInterrupt."),
    ("raise ValueError('two\\nlines')", "Cell 2 failed: ValueError: two"),
    ("%no_such_magic", "Cell 2 failed: UsageError: Line magic function"),
    ("import sys; sys.exit()", None),
    ("raise SystemExit(0)", None),
]


async def _run(kernel: Kernel, folder: Path, cell: str) -> None:
    cells = [v4.new_code_cell("1"), v4.new_markdown_cell("x"), v4.new_code_cell(cell)]
    notebook = v4.new_notebook(cells=cells)
    await Client(notebook, kernel, Saver(notebook, folder / "n.ipynb"), lambda data: None).run()


async def test_sentences_for_failing_cells(tmp_path: Path) -> None:
    sockets = tempfile.mkdtemp(prefix="h", dir="/tmp")
    kernel = Kernel(KERNEL, dict(os.environ), str(tmp_path), sockets)
    try:
        await kernel.launch()
        await kernel.connect()
        for cell, message in CASES:
            if message is None:
                await _run(kernel, tmp_path, cell)
                continue
            with pytest.raises(NotebookError) as caught:
                await _run(kernel, tmp_path, cell)
            assert str(caught.value).startswith(message)
            assert caught.value.reason == "user_error"
        await kernel.shut_down()
        await asyncio.wait_for(kernel.exited, 10)
    finally:
        kernel.dispose()
        shutil.rmtree(sockets)


async def test_a_kernel_that_ends_at_once(tmp_path: Path) -> None:
    sockets = tempfile.mkdtemp(prefix="h", dir="/tmp")
    kernel = Kernel(
        [sys.executable, "-c", "1", "{connection_file}"], dict(os.environ), str(tmp_path), sockets
    )
    try:
        await kernel.launch()
        with pytest.raises(NotebookError, match="it ended with exit code 0") as caught:
            await asyncio.wait_for(kernel.connect(), 60)
        assert caught.value.reason == "environment_missing"
    finally:
        kernel.dispose()
        shutil.rmtree(sockets)
