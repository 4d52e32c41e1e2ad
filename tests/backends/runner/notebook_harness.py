"""Notebooks as jobs of a real runner, and the processes that run them."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import nbformat
from nbformat import v4
from runner_harness import KERNEL, Runner, wait_for


def code(source: str, *tags: str) -> Any:
    return v4.new_code_cell(source, metadata={"tags": list(tags)} if tags else {})


def notebook(*cells: Any, **metadata: Any) -> str:
    cells = tuple(code(cell) if isinstance(cell, str) else cell for cell in cells)
    text: str = nbformat.writes(v4.new_notebook(cells=list(cells), metadata=metadata))
    return text


def start(
    runner: Runner,
    name: str,
    content: str | bytes,
    file: str = "train.ipynb",
    beside: dict[str, str] | None = None,
    **fields: Any,
) -> None:
    """Start the notebook ``content``, with the files ``beside`` it."""
    runner.api.add_snapshot(name.rpartition("-")[0], {file: content, **(beside or {})})
    fields = {"kernel_argv": KERNEL, "python": sys.executable, "notebook": file, **fields}
    runner.start(name, kind="notebook", snapshot=True, **fields)


def run(runner: Runner, name: str, content: str | bytes, **fields: Any) -> dict[str, Any]:
    start(runner, name, content, **fields)
    return runner.end(name)


def output(runner: Runner, name: str, file: str = "train.ipynb") -> Any:
    """The executed notebook as it was stored."""
    stored = runner.api.outputs[name.rpartition("-")[0], f"outputs/{file}"]
    return nbformat.reads(stored.decode(), as_version=4)


def executors(runner: Runner) -> list[int]:
    return children(runner.process.pid)


def children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def wait_until_warm(runner: Runner) -> None:
    """Return once an executor waits for a job: it is idle then, with its kernel."""

    def idle() -> bool:
        return any(children(pid) and _cpu(pid) == _cpu_later(pid) for pid in executors(runner))

    wait_for(idle, "a warm kernel")


def _cpu(pid: int) -> str:
    try:
        return " ".join(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13])
    except OSError:
        return ""


def _cpu_later(pid: int) -> str:
    time.sleep(0.4)
    return _cpu(pid)
