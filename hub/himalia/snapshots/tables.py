"""Which objects a project has. A digest alone opens nothing: the project must own it."""

from __future__ import annotations

import sqlalchemy as sa

from himalia.core.database import Timestamp, metadata

objects = sa.Table(
    "objects",
    metadata,
    sa.Column("project_id", sa.String(16), sa.ForeignKey("projects.id"), primary_key=True),
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    # When it was sent, or last announced and found to be there.
    sa.Column("created_at", Timestamp, nullable=False),
)
