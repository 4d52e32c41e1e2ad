"""Projects and their members."""

from __future__ import annotations

import sqlalchemy as sa

from himalia.core.database import Timestamp, metadata

projects = sa.Table(
    "projects",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("name", sa.String(40), nullable=False),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("labels", sa.JSON, nullable=False),
    sa.Column("personal_of", sa.String(16), sa.ForeignKey("people.id"), unique=True),
    sa.Column("number", sa.Integer, nullable=False, unique=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("created_by", sa.String(16), nullable=False),
    sa.Column("updated_at", Timestamp, nullable=False),
    sa.Column("deleted_at", Timestamp),
    sa.Index(
        "uq_projects_live_name",
        "name",
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    ),
)

members = sa.Table(
    "members",
    metadata,
    sa.Column("project_id", sa.String(16), sa.ForeignKey("projects.id"), primary_key=True),
    sa.Column("kind", sa.String(6), primary_key=True),
    sa.Column("member", sa.String(255), primary_key=True),
    sa.Column("role", sa.String(6), nullable=False),
    sa.Index("ix_members_member", "kind", "member"),
)
