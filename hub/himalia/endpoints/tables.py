"""Endpoints, their revisions and tokens. A revision's state is the workload's of the same id."""

from __future__ import annotations

import sqlalchemy as sa

from himalia.core.database import Timestamp, metadata

endpoints = sa.Table(
    "endpoints",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("project_id", sa.String(16), sa.ForeignKey("projects.id"), nullable=False),
    sa.Column("name", sa.String(40), nullable=False),
    sa.Column("labels", sa.JSON, nullable=False),
    sa.Column("is_wanted", sa.Boolean, nullable=False),
    sa.Column("next_id", sa.String(16)),
    sa.Column("next_attempt", sa.Integer, nullable=False),
    sa.Column("next_weight", sa.Integer, nullable=False),
    sa.Column("message", sa.Text),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("created_by", sa.String(16), nullable=False),
    sa.Column("updated_at", Timestamp, nullable=False),
    sa.Column("deleted_at", Timestamp),
    sa.Index("ix_endpoints_project", "project_id", "created_at", "id"),
    sa.Index(
        "uq_endpoints_live_name",
        "project_id",
        "name",
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    ),
)
"""`next_id` is the revision that is to take over `next_weight` per cent once its attempt `next_attempt`, or a later
one, is ready."""

endpoint_revisions = sa.Table(
    "endpoint_revisions",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("endpoint_id", sa.String(16), sa.ForeignKey("endpoints.id"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("spec", sa.JSON, nullable=False),
    sa.Column("source", sa.JSON, nullable=False),
    sa.Column("weight", sa.Integer, nullable=False),
    sa.Column("ready_attempt", sa.Integer, nullable=False),
    sa.Column("served_at", Timestamp),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("created_by", sa.String(16), nullable=False),
    sa.UniqueConstraint("endpoint_id", "number", name="uq_endpoint_revisions_number"),
)
"""`source` is what the spec came to (`sources.Source`). `served_at` is when it last took over."""

endpoint_tokens = sa.Table(
    "endpoint_tokens",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("endpoint_id", sa.String(16), sa.ForeignKey("endpoints.id"), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False, unique=True),
    sa.Column("hint", sa.String(20), nullable=False),
    sa.Column("note", sa.String(200), nullable=False),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("created_by", sa.String(16), nullable=False),
    sa.Column("expires_at", Timestamp),
    sa.Index("ix_endpoint_tokens_endpoint", "endpoint_id"),
)
