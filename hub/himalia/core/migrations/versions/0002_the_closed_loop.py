"""the closed loop"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _jobs() -> None:
    op.add_column("jobs", sa.Column("part_of", sa.String(length=80), nullable=True))
    op.create_index("ix_jobs_part_of", "jobs", ["part_of"], unique=False)


def upgrade() -> None:
    """Each noun's tables, in the order in which they know each other."""
    _jobs()
