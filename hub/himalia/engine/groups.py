"""Attempts of several ranks: what the ranks tell, folded into what the attempt does.

The attempt runs when every rank has started, and has succeeded when every rank has. The first that fails decides
how it ends: the others are stopped, and what they say of that does not count. Pure but for what a Group remembers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from himalia.engine.backends.base import WHOLE, Ended, Started
from himalia.engine.states import REASONS, STOPS

PEER_FAILED = "peer_failed"
"""The reason of ranks that were stopped because another one had failed."""
_OF_ALL = STOPS | {"platform_stopped"}
"""Reasons that one rank tells for all."""


@dataclass
class Group:
    """How the ranks of an attempt stand; `ended` is in the order of their ends."""

    replicas: int
    started: dict[int, float] = field(default_factory=dict)
    ended: dict[int, Ended] = field(default_factory=dict)

    def start(self, report: Started) -> bool:
        """Whether this was news."""
        if report.rank not in range(self.replicas) or report.rank in self.started:
            return False
        self.started[report.rank] = report.at
        return True

    def end(self, report: Ended) -> list[int]:
        """The ranks that have ended with this report; none where all of it was known."""
        ranks = range(self.replicas) if report.rank == WHOLE else [report.rank]
        fresh = [rank for rank in ranks if rank in range(self.replicas) and rank not in self.ended]
        self.ended.update(dict.fromkeys(fresh, report))
        return fresh

    def all_started(self, name: str) -> Started | None:
        """The attempt's start, once no rank is missing."""
        if not self.started or len(self.started.keys() | self.ended.keys()) < self.replicas:
            return None
        return Started(name, max(self.started.values()))

    @property
    def failure(self) -> Ended | None:
        """The end that decides how the attempt ends; None as long as no rank has failed."""
        failed = [end for end in self.ended.values() if end.reason is not None]
        own = [end for end in failed if end.reason != PEER_FAILED]
        return next(iter(own or failed), None)

    @property
    def is_to_be_stopped(self) -> bool:
        """Whether a rank has failed while others go on."""
        return self.failure is not None and len(self.ended) < self.replicas

    def outcome(self, name: str) -> Ended | None:
        """The attempt's end, once every rank has ended. What each left and used is its own rank's."""
        if len(self.ended) < self.replicas:
            return None
        failure, first = self.failure, self.ended[0]
        return Ended(
            name,
            failure.reason if failure else None,
            _sentence(failure) if failure else None,
            failure.exit_code if failure else first.exit_code,
            _together([end.usage for end in self.ended.values()]),
            log_bytes=first.log_bytes,
            log_dropped_bytes=first.log_dropped_bytes,
            final=all(end.final for end in self.ended.values()),
        )


def _sentence(failure: Ended) -> str:
    words = failure.message or REASONS.get(failure.reason or "", "It failed.")
    if failure.rank == WHOLE or failure.reason in _OF_ALL:
        return words
    return f"Rank {failure.rank}: {words}"


def _together(usages: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Processor time of all; the longest time, and the most memory that one rank had: limits are each rank's."""
    found: dict[str, float] = {}
    for usage in usages:
        for name, value in usage.items():
            found[name] = (
                found.get(name, 0.0) + value if name == "cpu_s" else max(found.get(name, 0.0), value)
            )
    return found


def output_path(rank: int, path: str) -> str:
    """Where a rank's output is among those of the attempt: rank 0's are the attempt's own."""
    return path if rank == 0 else f"rank-{rank}/{path}"


def restored(replicas: int, rows: Sequence[Any]) -> Group:
    """A group as its rows tell."""
    group = Group(replicas)
    for row in sorted(rows, key=lambda row: (row.ended_at is None, row.ended_at, row.rank)):
        if row.started_at is not None:
            group.started[row.rank] = row.started_at.timestamp()
        if row.ended_at is not None:
            usage = {name: getattr(row, name) for name in ("cpu_s", "wall_s", "max_memory_bytes")}
            group.ended[row.rank] = Ended(
                "",
                row.reason,
                row.message,
                row.exit_code,
                {name: value for name, value in usage.items() if value is not None},
                log_bytes=row.log_bytes,
                log_dropped_bytes=row.log_dropped_bytes,
                rank=row.rank,
            )
    return group
