"""What all measurements share: their options, medians, and how figures are shown."""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Goal:
    """What the ratio to a peer should be."""

    bound: Literal["at least", "at most"]
    ratio: float

    def met_by(self, ratio: float) -> bool:
        return ratio >= self.ratio if self.bound == "at least" else ratio <= self.ratio

    def __str__(self) -> str:
        return f"{self.bound} {self.ratio:g}"


@dataclass
class Series:
    """One value a round; with a `goal`, it is a peer's."""

    name: str
    goal: Goal | None = None
    values: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def as_json(self) -> dict[str, Any]:
        """`{"median", "min", "max", "values"}`."""
        return {
            "median": self.median,
            "min": min(self.values),
            "max": max(self.values),
            "values": self.values,
        }


@dataclass
class Report:
    """Himalia's figures beside those of its peers, from the same rounds; `notes` are shown below them."""

    title: str
    unit: str
    himalia: Series
    peers: Sequence[Series] = ()
    notes: dict[str, Any] = field(default_factory=dict)

    def show(self, as_json: bool) -> None:
        """Print one JSON object, or a table."""
        print(json.dumps(self.as_json(), indent=1) if as_json else self.text(), flush=True)

    def as_json(self) -> dict[str, Any]:
        """`peers` also have `ratio`, Himalia's median divided by theirs, `goal` and `met`."""
        peers = {}
        for peer in self.peers:
            ratio = self.himalia.median / peer.median
            peers[peer.name] = {**peer.as_json(), "ratio": ratio}
            if peer.goal:
                peers[peer.name] |= {"goal": str(peer.goal), "met": peer.goal.met_by(ratio)}
        return {
            "title": self.title,
            "unit": self.unit,
            "rounds": len(self.himalia.values),
            self.himalia.name: self.himalia.as_json(),
            "peers": peers,
            "notes": self.notes,
        }

    def text(self) -> str:
        """Medians with their extremes, and the ratio to each peer."""
        lines = [f"{self.title}; {self.unit}, median [min-max] of {len(self.himalia.values)} rounds"]
        width = max(len(series.name) for series in (self.himalia, *self.peers))
        for series in (self.himalia, *self.peers):
            low, high = number(min(series.values)), number(max(series.values))
            line = f"  {series.name:<{width}}  {number(series.median):>7} [{low}-{high}]"
            if series is not self.himalia:
                ratio = self.himalia.median / series.median
                line += f"   {self.himalia.name} / {series.name} = {ratio:.2f}"
                if series.goal:
                    line += f", goal {series.goal}: {'met' if series.goal.met_by(ratio) else 'missed'}"
            lines.append(line)
        lines += [f"  {name}: {shown(value)}" for name, value in self.notes.items()]
        return "\n".join(lines)


def number(value: float) -> str:
    """Three digits that count, more where they stand before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def shown(value: Any) -> str:
    """A note in words."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {shown(one)}" for name, one in value.items())
    return number(value) if isinstance(value, float) else str(value)


def options(doc: str | None, rounds: int = 5) -> argparse.ArgumentParser:
    """A parser with `--rounds` (unless `rounds` is 0) and `--json`.

    From now on SIGTERM ends the program as Ctrl-C does, so that it leaves nothing behind.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    if rounds:
        parser.add_argument("--rounds", type=at_least_one, default=rounds)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def at_least_one(text: str) -> int:
    """A count given on the command line."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return value
