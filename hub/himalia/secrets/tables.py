"""Secrets, encrypted with the service's key."""

from __future__ import annotations

import sqlalchemy as sa

from himalia.core.database import Timestamp, metadata

secrets = sa.Table(
    "secrets",
    metadata,
    sa.Column("project_id", sa.String(16), sa.ForeignKey("projects.id"), primary_key=True),
    sa.Column("name", sa.String(128), primary_key=True),
    sa.Column("value", sa.LargeBinary, nullable=False),
    sa.Column("updated_at", Timestamp, nullable=False),
    sa.Column("updated_by", sa.String(16), nullable=False),
)
