"""Which MLflow run belongs to an attempt, and how far metrics have been told to MLflow."""

from __future__ import annotations

import sqlalchemy as sa

from himalia.core.database import metadata

mlflow_runs = sa.Table(
    "mlflow_runs",
    metadata,
    sa.Column("workload_id", sa.String(16), primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True),
    sa.Column("project_id", sa.String(16), nullable=False),
    sa.Column("run_id", sa.String(32), nullable=False),
    sa.Column("claimed", sa.Boolean, nullable=False),
    sa.Column("ended", sa.Boolean, nullable=False),
    sa.Index("ix_mlflow_runs_run", "run_id"),
)
"""`claimed`: the job's own MLflow client was answered with it; `ended`: MLflow knows how the attempt ended."""

mlflow_mirror = sa.Table(
    "mlflow_mirror",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("metric_id", sa.BigInteger, nullable=False),
)
"""One row: MLflow has the metrics up to this id."""
