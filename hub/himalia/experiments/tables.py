"""Searches and their trials. What a trial's job does is the workload's of its `job_id`."""

from __future__ import annotations

import sqlalchemy as sa

from himalia.core.database import Timestamp, metadata

experiments = sa.Table(
    "experiments",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("project_id", sa.String(16), sa.ForeignKey("projects.id"), nullable=False),
    sa.Column("name", sa.String(40), nullable=False),
    sa.Column("labels", sa.JSON, nullable=False),
    sa.Column("spec", sa.JSON, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("reason", sa.String(40)),
    sa.Column("message", sa.Text),
    sa.Column("run_by", sa.String(16), nullable=False),
    sa.Column("started_at", Timestamp, nullable=False),
    sa.Column("ended_at", Timestamp),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("created_by", sa.String(16), nullable=False),
    sa.Column("updated_at", Timestamp, nullable=False),
    sa.Column("deleted_at", Timestamp),
    sa.Index("ix_experiments_project", "project_id", "created_at", "id"),
    sa.Index("ix_experiments_state", "state"),
    sa.Index(
        "uq_experiments_live_name",
        "project_id",
        "name",
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    ),
)
"""`run_by` is whoever began the search, or resumed it last: its trials are that person's jobs."""

trials = sa.Table(
    "trials",
    metadata,
    sa.Column("experiment_id", sa.String(16), sa.ForeignKey("experiments.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("job_id", sa.String(16), nullable=False),
    sa.Column("parameters", sa.JSON, nullable=False),
    sa.Column("notes", sa.JSON, nullable=False),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("values", sa.JSON),
    sa.Column("message", sa.Text),
    sa.Column("pruned_step", sa.BigInteger),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("ended_at", Timestamp),
    sa.Index("ix_trials_job", "job_id", unique=True),
    sa.Index("ix_trials_state", "state"),
)
