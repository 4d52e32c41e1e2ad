"""Personal access tokens: their hash, never their value."""

from __future__ import annotations

import sqlalchemy as sa

from himalia.core.database import Timestamp, metadata

user_tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("person_id", sa.String(16), sa.ForeignKey("people.id"), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False, unique=True),
    sa.Column("note", sa.String(200), nullable=False),
    sa.Column("scopes", sa.JSON, nullable=False),
    sa.Column("project_id", sa.String(16), sa.ForeignKey("projects.id")),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("expires_at", Timestamp, nullable=False),
    sa.Column("deleted_at", Timestamp),
)
