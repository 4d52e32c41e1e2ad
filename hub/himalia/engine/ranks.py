"""What is written down of single ranks, and read again: of attempts that have several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import clock
from himalia.core.clock import from_epoch
from himalia.core.database import Transaction
from himalia.engine import groups
from himalia.engine.backends.base import Ended, Metrics, Progress, Report, Started
from himalia.engine.board import Active
from himalia.engine.queue import Placement
from himalia.engine.resources import Spot
from himalia.engine.states import ENDED, STOPS, State
from himalia.engine.tables import rank_metrics, ranks, workloads

_OF_RANK = ranks.update().where(
    ranks.c.workload_id == sa.bindparam("b_id"),
    ranks.c.attempt == sa.bindparam("b_attempt"),
    ranks.c.rank == sa.bindparam("b_rank"),
)


@dataclass
class RankNews:
    """Reports of ranks that are stored together."""

    started: list[tuple[Active, int]] = field(default_factory=list)
    ended: list[tuple[Active, int]] = field(default_factory=list)
    points: list[tuple[Active, Metrics]] = field(default_factory=list)

    def take(self, item: Active, group: groups.Group, report: Report) -> Report | None:
        """Note what a rank tells; answers what that says of the attempt, None where it says nothing."""
        if isinstance(report, Started):
            if group.start(report):
                self.started.append((item, report.rank))
            return group.all_started(report.name)
        if isinstance(report, Ended):
            self.ended += [(item, rank) for rank in group.end(report)]
            return group.outcome(report.name)
        if isinstance(report, Metrics | Progress) and report.rank:
            if isinstance(report, Metrics):
                self.points.append((item, report))
            return None
        return report

    def __bool__(self) -> bool:
        return bool(self.started or self.ended or self.points)

    def ends(self) -> list[tuple[Active, int, Ended]]:
        """What each rank that has ended told of it."""
        return [(item, rank, item.group.ended[rank]) for item, rank in self.ended if item.group is not None]

    def told(self) -> list[tuple[Active, Report]]:
        """What others may hear of it: which ranks have started and ended."""
        starts = [(item, Started(item.attempt_name, 0.0, rank)) for item, rank in self.started]
        return [*starts, *((item, end) for item, _, end in self.ends())]

    def to_be_stopped(self) -> list[Active]:
        """Those of which a rank has failed now, while others go on."""
        items = {item.id: item for item, _ in self.ended}.values()
        return [item for item in items if item.group is not None and item.group.is_to_be_stopped]

    def take_back(self) -> None:
        """Forget what could not be stored: it is told again."""
        for item, rank in self.started:
            if item.group is not None:
                item.group.started.pop(rank, None)
        for item, rank in self.ended:
            if item.group is not None:
                item.group.ended.pop(rank, None)


def starting(tx: Transaction, items: Sequence[tuple[Active, Placement]]) -> None:
    """The ranks of attempts that begin now."""
    rows = [
        {
            "workload_id": item.id,
            "attempt": item.attempt,
            "rank": rank,
            "state": State.STARTING,
            "machine": spot.machine,
            "devices": spot.devices,
            "log_bytes": 0,
            "log_dropped_bytes": 0,
        }
        for item, placement in items
        if placement.others
        for rank, spot in enumerate((Spot(placement.machine, placement.devices), *placement.others))
    ]
    if rows:
        tx.execute(ranks.insert(), rows)


def moved(tx: Transaction, items: Sequence[tuple[Active, int]]) -> None:
    """Where ranks are, and which devices they have."""
    rows = [
        {**_key(item, rank), "b_machine": item.spots[rank].machine, "b_devices": item.spots[rank].devices}
        for item, rank in items
    ]
    if rows:
        values: dict[str, Any] = {name: sa.bindparam(f"b_{name}") for name in ("machine", "devices")}
        tx.execute(_OF_RANK.values(values), rows)


def store(tx: Transaction, news: RankNews) -> None:
    """Write news of ranks, but for what they left (`records.rank_outputs`)."""
    if news.started:
        values = {"state": State.RUNNING, "started_at": sa.bindparam("b_started_at")}
        tx.execute(_OF_RANK.values(values), [_started_row(*one) for one in news.started])
    if news.ended:
        rows = [_ended_row(*one) for one in news.ended]
        named: dict[str, Any] = {
            name.removeprefix("b_"): sa.bindparam(name) for name in rows[0] if name not in _KEY
        }
        tx.execute(_OF_RANK.values(named), rows)
    if news.points:
        tx.execute(rank_metrics.insert(), [row for one in news.points for row in _points(*one)])


_KEY = ("b_id", "b_attempt", "b_rank")


def _key(item: Active, rank: int) -> dict[str, Any]:
    return {"b_id": item.id, "b_attempt": item.attempt, "b_rank": rank}


def _started_row(item: Active, rank: int) -> dict[str, Any]:
    assert item.group is not None
    return {**_key(item, rank), "b_started_at": from_epoch(item.group.started[rank])}


def _ended_row(item: Active, rank: int) -> dict[str, Any]:
    assert item.group is not None
    end = item.group.ended[rank]
    return {
        **_key(item, rank),
        "b_state": _state(end),
        "b_reason": end.reason,
        "b_message": end.message,
        "b_ended_at": clock.now(),
        "b_exit_code": end.exit_code,
        "b_cpu_s": end.usage.get("cpu_s"),
        "b_wall_s": end.usage.get("wall_s"),
        "b_max_memory_bytes": end.usage.get("max_memory_bytes"),
        "b_log_bytes": end.log_bytes,
        "b_log_dropped_bytes": end.log_dropped_bytes,
    }


def _state(end: Ended) -> State:
    if end.reason is None:
        return State.SUCCEEDED
    stopped = end.reason in STOPS or end.reason in ("platform_stopped", groups.PEER_FAILED)
    return State.STOPPED if stopped else State.FAILED


def _points(item: Active, report: Metrics) -> list[dict[str, Any]]:
    return [
        {
            "workload_id": item.id,
            "attempt": item.attempt,
            "rank": report.rank,
            "name": name[:255],
            "step": step,
            "value": value,
            "at": from_epoch(at),
        }
        for name, step, value, at in report.items
    ]


def of_active(connection: Connection) -> dict[tuple[str, int], list[Any]]:
    """Rows of the ranks of workloads that have not ended, by workload and attempt."""
    query = (
        sa.select(ranks)
        .join(
            workloads,
            sa.and_(workloads.c.id == ranks.c.workload_id, workloads.c.attempt == ranks.c.attempt),
        )
        .where(workloads.c.state.notin_(list(ENDED)))
        .order_by(ranks.c.rank)
    )
    found: dict[tuple[str, int], list[Any]] = {}
    for row in connection.execute(query):
        found.setdefault((row.workload_id, row.attempt), []).append(row)
    return found


def restore(item: Active, told: Mapping[tuple[str, int], Sequence[Any]]) -> None:
    """Give a group its ranks again, as they were when the last service ended."""
    rows = told.get((item.id, item.attempt), ())
    if rows and item.machine is not None:
        item.others = tuple(
            Spot(row.machine, {name: tuple(given) for name, given in row.devices.items()}) for row in rows[1:]
        )
        item.group = groups.restored(item.replicas, rows)
