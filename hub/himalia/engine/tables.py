"""Workloads and attempts: the only truth about what runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from himalia.core.database import Timestamp, metadata


class Number(sa.types.TypeDecorator[float]):
    """A floating-point number, NaN included: SQLite takes NaN for NULL, so there it is the text "nan"."""

    impl = sa.Float
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any] | None:
        if dialect.name != "sqlite":
            return super().bind_processor(dialect)
        return lambda value: "nan" if value != value else value

    def process_result_value(self, value: Any, dialect: Dialect) -> float | None:
        return None if value is None else float(value)


workloads = sa.Table(
    "workloads",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("project_id", sa.String(16), nullable=False),
    sa.Column("person_id", sa.String(16), nullable=False),
    sa.Column("spec", sa.JSON, nullable=False),
    sa.Column("needs_id", sa.String(16)),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("reason", sa.String(40)),
    sa.Column("message", sa.Text),
    sa.Column("machine", sa.String(255)),
    sa.Column("devices", sa.JSON, nullable=False),
    sa.Column("restarts", sa.Integer, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("queued_at", Timestamp, nullable=False),
    sa.Column("started_at", Timestamp),
    sa.Column("ended_at", Timestamp),
    sa.Index("ix_workloads_state", "state"),
    sa.Index("ix_workloads_project", "project_id", "kind", "created_at"),
)

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("workload_id", sa.String(16), sa.ForeignKey("workloads.id"), primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("reason", sa.String(40)),
    sa.Column("message", sa.Text),
    sa.Column("machine", sa.String(255)),
    sa.Column("devices", sa.JSON),
    sa.Column("starting_at", Timestamp, nullable=False),
    sa.Column("started_at", Timestamp),
    sa.Column("ended_at", Timestamp),
    sa.Column("exit_code", sa.Integer),
    sa.Column("cpu_s", sa.Float),
    sa.Column("wall_s", sa.Float),
    sa.Column("max_memory_bytes", sa.BigInteger),
    sa.Column("log_bytes", sa.BigInteger, nullable=False, default=0),
    sa.Column("log_dropped_bytes", sa.BigInteger, nullable=False, default=0),
    sa.Column("progress", sa.JSON),
)

ranks = sa.Table(
    "ranks",
    metadata,
    sa.Column("workload_id", sa.String(16), sa.ForeignKey("workloads.id"), primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True),
    sa.Column("rank", sa.Integer, primary_key=True),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("reason", sa.String(40)),
    sa.Column("message", sa.Text),
    sa.Column("machine", sa.String(255), nullable=False),
    sa.Column("devices", sa.JSON, nullable=False),
    sa.Column("started_at", Timestamp),
    sa.Column("ended_at", Timestamp),
    sa.Column("exit_code", sa.Integer),
    sa.Column("cpu_s", sa.Float),
    sa.Column("wall_s", sa.Float),
    sa.Column("max_memory_bytes", sa.BigInteger),
    sa.Column("log_bytes", sa.BigInteger, nullable=False, default=0),
    sa.Column("log_dropped_bytes", sa.BigInteger, nullable=False, default=0),
)
"""The ranks of attempts that have several."""

outputs = sa.Table(
    "outputs",
    metadata,
    sa.Column("workload_id", sa.String(16), primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True),
    sa.Column("path", sa.String(1024), primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
)

metrics = sa.Table(
    "metrics",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("workload_id", sa.String(16), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("step", sa.BigInteger, nullable=False),
    sa.Column("value", Number, nullable=False),
    sa.Column("at", Timestamp, nullable=False),
    sa.Column("source", sa.String(20)),
    sa.Index("ix_metrics_workload", "workload_id", "attempt", "name", "step"),
)

rank_metrics = sa.Table(
    "rank_metrics",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("workload_id", sa.String(16), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("rank", sa.Integer, nullable=False),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("step", sa.BigInteger, nullable=False),
    sa.Column("value", Number, nullable=False),
    sa.Column("at", Timestamp, nullable=False),
    sa.Index("ix_rank_metrics_rank", "workload_id", "attempt", "rank", "name", "step"),
)
"""What ranks above 0 measured: of a job's own metrics, those of rank 0 count."""
