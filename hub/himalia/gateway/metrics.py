"""What the gateway counts: requests, failures and times of each revision, in steps of ten seconds for an hour."""

from __future__ import annotations

import json
import os
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

STEP_S = 10
STEPS = 360
BOUNDS_MS = (1, 2, 3, 5, 7.5, 10, 15, 20, 30, 50, 75, 100, 150, 200, 300, 500, 750, 1000, 2000, 5000, 10000)
"""Upper bounds of the histogram's buckets; the last bucket has none."""
_BOUNDS_S = (*(bound / 1000 for bound in BOUNDS_MS), "+Inf")
_LABELS = ["endpoint", "revision"]
FILE = "metrics.json"
FORGET_S = 86_400
"""After which a revision without requests is forgotten."""


@dataclass
class Step:
    """Counts of some seconds: by class of status (2 to 5), and by time."""

    at: int
    statuses: list[int] = field(default_factory=lambda: [0] * 6)
    times: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_MS) + 1))
    sum_s: float = 0.0

    def add(self, status: int, seconds: float) -> None:
        self.statuses[status // 100] += 1
        self.times[bisect_left(BOUNDS_MS, seconds * 1000)] += 1
        self.sum_s += seconds

    @property
    def requests(self) -> int:
        return sum(self.statuses)

    @property
    def failures(self) -> int:
        """Answers that the platform or the model is to blame for."""
        return self.statuses[5]

    @property
    def refused(self) -> int:
        """Answers that the caller is to blame for, such as to inputs that the model does not take."""
        return self.statuses[4]

    def quantile_ms(self, share: float) -> float | None:
        """The time below which `share` of the requests were answered, read off the histogram."""
        count = sum(self.times)
        if not count:
            return None
        wanted, seen = share * count, 0
        for index, times in enumerate(self.times):
            if times and seen + times >= wanted:
                low = BOUNDS_MS[index - 1] if index else 0
                high = BOUNDS_MS[index] if index < len(BOUNDS_MS) else 2 * BOUNDS_MS[-1]
                return round(low + (high - low) * (wanted - seen) / times, 3)
            seen += times
        return float(BOUNDS_MS[-1])

    def plus(self, other: Step) -> None:
        """Count what another one counted, too."""
        self.statuses = [sum(both) for both in zip(self.statuses, other.statuses, strict=True)]
        self.times = [sum(both) for both in zip(self.times, other.times, strict=True)]
        self.sum_s += other.sum_s

    def as_json(self) -> list[Any]:
        return [self.at, self.statuses, self.times, round(self.sum_s, 6)]

    @classmethod
    def from_json(cls, data: list[Any]) -> Step:
        step = cls(int(data[0]), [int(n) for n in data[1]], [int(n) for n in data[2]], float(data[3]))
        if len(step.statuses) != 6 or len(step.times) != len(BOUNDS_MS) + 1:
            raise ValueError("counts of another release")
        return step


@dataclass
class Series:
    """One revision's counts: all together, and the latest steps."""

    endpoint: str
    number: int
    total: Step = field(default_factory=lambda: Step(0))
    steps: list[Step] = field(default_factory=list)

    def add(self, status: int, seconds: float, now: float) -> None:
        at = int(now) // STEP_S * STEP_S
        if not self.steps or self.steps[-1].at != at:
            self.steps.append(Step(at))
            del self.steps[:-STEPS]
        self.steps[-1].add(status, seconds)
        self.total.add(status, seconds)

    def as_json(self) -> list[Any]:
        return [
            self.endpoint,
            self.number,
            self.total.as_json(),
            [step.as_json() for step in self.steps],
        ]

    @classmethod
    def from_json(cls, data: list[Any]) -> Series:
        endpoint, number, total, steps = data
        return cls(endpoint, number, Step.from_json(total), [Step.from_json(step) for step in steps])

    def plus(self, other: Series) -> None:
        """Count what another gateway counted of the same revision, too."""
        self.total.plus(other.total)
        steps = {step.at: step for step in self.steps}
        for step in other.steps:
            if step.at in steps:
                steps[step.at].plus(step)
            else:
                steps[step.at] = step
        self.steps = [steps[at] for at in sorted(steps)]


class Metrics(Collector):
    """The counts of all revisions. With a folder they are kept in a file across restarts; what came after the last
    save is lost with a gateway that is killed."""

    def __init__(self, folder: Path | None) -> None:
        self._file = folder / FILE if folder is not None else None
        self._series: dict[str, Series] = {}
        self._changed = False

    def add(self, endpoint: str, revision: str, number: int, status: int, seconds: float, now: float) -> None:
        """Count one answered request; `now` is seconds since the epoch."""
        series = self._series.get(revision)
        if series is None:
            series = self._series[revision] = Series(endpoint, number)
        series.add(status, seconds, now)
        self._changed = True

    def of(self, endpoint: str) -> dict[str, Any]:
        """An endpoint's counts, for `merged`."""
        found = [series.as_json() for series in self._series.values() if series.endpoint == endpoint]
        return {"counts": found}

    def collect(self) -> Iterator[Metric]:
        """All totals, for Prometheus' registry."""
        requests = CounterMetricFamily(
            "himalia_endpoint_requests", "Requests by class of status.", labels=[*_LABELS, "status"]
        )
        times = HistogramMetricFamily(
            "himalia_endpoint_seconds", "Time to answer, in seconds.", labels=_LABELS
        )
        for one in self._series.values():
            labels = [one.endpoint, str(one.number)]
            for status, count in enumerate(one.total.statuses):
                if count:
                    requests.add_metric([*labels, f"{status}xx"], count)
            sums = accumulate(one.total.times)
            buckets = [(str(bound), float(seen)) for bound, seen in zip(_BOUNDS_S, sums, strict=True)]
            times.add_metric(labels, buckets, one.total.sum_s)
        yield requests
        yield times

    def save(self, now: float) -> None:
        """Write what changed, and forget what is old."""
        if not self._changed:
            return
        self._changed = False
        for revision in [r for r, s in self._series.items() if s.steps and s.steps[-1].at < now - FORGET_S]:
            del self._series[revision]
        if self._file is None:
            return
        data = {revision: one.as_json() for revision, one in self._series.items()}
        temporary = self._file.with_suffix(".new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(data, file)
        temporary.replace(self._file)

    def load(self) -> None:
        """Go on from the file, if there is one. Raises ValueError, KeyError, TypeError when it is damaged."""
        if self._file is None or not self._file.exists():
            return
        for revision, data in json.loads(self._file.read_text()).items():
            self._series[revision] = Series.from_json(data)


def merged(answers: Sequence[Mapping[str, Any]], now: float) -> dict[str, Any]:
    """An endpoint's figures as the API shows them, by revision, from what each gateway counted."""
    found: dict[int, Series] = {}
    for answer in answers:
        for data in answer["counts"]:
            series = Series.from_json(data)
            if series.number in found:
                found[series.number].plus(series)
            else:
                found[series.number] = series
    return {"interval_s": STEP_S, "series": [_shown(found[number], now) for number in sorted(found)]}


def _shown(series: Series, now: float) -> dict[str, Any]:
    recent = [step for step in series.steps if step.at > now - STEP_S * STEPS]
    points = [
        [step.at, step.requests, step.failures, *(step.quantile_ms(share) for share in (0.5, 0.95, 0.99))]
        for step in recent
    ]
    total = series.total
    return {
        "revision": series.number,
        "points": points,
        "requests": total.requests,
        "failures": total.failures,
        "refused": total.refused,
    }
