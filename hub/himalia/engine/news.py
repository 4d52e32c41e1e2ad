"""What reports of workloads say, sorted so that it is stored together."""

from __future__ import annotations

from dataclasses import dataclass, field

from himalia.core.database import Transaction
from himalia.engine import ranks, records
from himalia.engine.backends.base import Ended, Metrics
from himalia.engine.board import Active
from himalia.engine.resources import Spot
from himalia.engine.states import Next


@dataclass
class News:
    """Reports that are stored together, by what they are."""

    started: dict[str, Active] = field(default_factory=dict)
    ended: dict[str, tuple[Active, Ended, Next]] = field(default_factory=dict)
    points: list[tuple[Active, Metrics]] = field(default_factory=list)
    recalled: list[Active] = field(default_factory=list)
    moved: list[tuple[Active, int, Spot]] = field(default_factory=list)
    """Ranks that are elsewhere than was thought, and where that was."""
    ranks: ranks.RankNews = field(default_factory=ranks.RankNews)

    def __bool__(self) -> bool:
        return bool(self.started or self.ended or self.points or self.recalled or self.moved or self.ranks)

    def store(self, tx: Transaction, owned: records.Owned, tell: records.Tell) -> None:
        """Write all of it. Raises WrongState."""
        if self.ranks:
            ranks.store(tx, self.ranks)
            records.rank_outputs(tx, self.ranks.ends(), owned)
        if self.moved:
            records.moved(tx, [(item, rank) for item, rank, _ in self.moved])
        if self.started:
            records.started(tx, list(self.started.values()), self.ended.keys(), tell)
        if self.points:
            records.measured(tx, self.points)
        if self.recalled:
            records.recalled(tx, self.recalled, tell)
        if self.ended:
            records.ended(tx, list(self.ended.values()), owned, tell)
