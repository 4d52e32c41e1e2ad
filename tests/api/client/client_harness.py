"""How these tests run the command, and the notebooks that they submit."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

HIMALIA = str(Path(sys.executable).with_name("himalia"))
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def run_himalia(*words: str, given: str = "", code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the command with `given` on its standard input, and check its exit code."""
    line = [HIMALIA, *words]
    done = subprocess.run(line, input=given, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def notebook(*cells: str) -> str:
    """A notebook whose first cell holds its parameters."""
    made: dict[str, Any] = {"nbformat": 4, "nbformat_minor": 5, "cells": []}
    made["metadata"] = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    for number, source in enumerate(cells):
        cell: dict[str, Any] = {"cell_type": "code", "id": f"c{number}", "source": source, "outputs": []}
        cell |= {"execution_count": None, "metadata": {"tags": ["parameters"] if number == 0 else []}}
        made["cells"].append(cell)
    return json.dumps(made)
