"""The programs of `benchmarks/`: that they start, and how they judge. What they measure is no test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"
PROGRAMS = sorted(BENCHMARKS.glob("[a-z]*.py"))


CALLED = """
import json, runpy, sys, traceback
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

said = {}
for program in sys.argv[1:]:
    for options in (["--help"], ["--jobs", "0"]):
        sys.argv = [program, *options]
        with redirect_stdout(StringIO()) as text, redirect_stderr(text):
            try:
                runpy.run_path(program, run_name="__main__")
                code = "none"
            except SystemExit as end:
                code = end.code
            except BaseException:
                code = traceback.format_exc()
        said[" ".join(sys.argv)] = [code, text.getvalue()]
print(json.dumps(said))
"""
"""All of them in one process: what takes long is to import what they measure."""


@pytest.fixture(scope="module")
def said() -> dict[str, tuple[int | str, str]]:
    """How each program ended and what it wrote, by its command line."""
    line = [sys.executable, "-c", CALLED, *PROGRAMS]
    ended = subprocess.run(
        line, env={**os.environ, "PYTHONPATH": str(BENCHMARKS)}, capture_output=True, text=True, check=True
    )
    found: dict[str, tuple[int | str, str]] = json.loads(ended.stdout)
    return found


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_each_says_how_it_is_called(program: Path, said: dict[str, tuple[int | str, str]]) -> None:
    code, shown = said[f"{program} --help"]
    assert code == 0, shown
    assert "--json" in shown
    assert f"benchmarks/{program.name}" in shown
    assert said[f"{program} --jobs 0"][0] == 2


@pytest.mark.parametrize(
    ("bound", "ours", "met"), [("at least", 3, True), ("at least", 2, False), ("at most", 2, True)]
)
def test_a_goal_is_a_ratio_of_medians(
    bound: str, ours: float, met: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from _report import Goal, Report, Series

    peer = Series("peer", Goal(bound, 1.5), [1, 2, 90])  # type: ignore[arg-type]
    report = Report("Things", "things/s", Series("himalia", values=[0, ours, 99]), [peer])
    assert report.as_json()["peers"]["peer"] == {
        **peer.as_json(),
        "ratio": ours / 2,
        "goal": f"{bound} 1.5",
        "met": met,
    }
    assert f"himalia / peer = {ours / 2:.2f}, goal {bound} 1.5: {'met' if met else 'missed'}" in report.text()
