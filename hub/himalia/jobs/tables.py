"""Jobs. Their state is the workload's of the same id."""

from __future__ import annotations

import sqlalchemy as sa

from himalia.core.database import Timestamp, metadata

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("project_id", sa.String(16), sa.ForeignKey("projects.id"), nullable=False),
    sa.Column("name", sa.String(40), nullable=False),
    sa.Column("labels", sa.JSON, nullable=False),
    sa.Column("spec", sa.JSON, nullable=False),
    sa.Column("part_of", sa.String(80)),
    sa.Column("inputs", sa.JSON(none_as_null=True)),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("created_by", sa.String(16), nullable=False),
    sa.Column("updated_at", Timestamp, nullable=False),
    sa.Column("deleted_at", Timestamp),
    sa.Index("ix_jobs_project", "project_id", "created_at", "id"),
    sa.Index("ix_jobs_part_of", "part_of"),
    sa.Index(
        "uq_jobs_live_name",
        "project_id",
        "name",
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    ),
)
