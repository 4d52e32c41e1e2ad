"""The programs of `benchmarks/`: that they start, and how they judge. What they measure is no test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"
PROGRAMS = sorted(BENCHMARKS.glob("[a-z]*.py"))


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_each_says_how_it_is_called(program: Path) -> None:
    shown = subprocess.run([sys.executable, program, "--help"], capture_output=True, text=True, check=True)
    assert "--json" in shown.stdout
    assert f"benchmarks/{program.name}" in shown.stdout
    wrong = subprocess.run([sys.executable, program, "--jobs", "0"], capture_output=True, text=True)
    assert wrong.returncode == 2


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
