"""last write"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _last_write() -> None:
    """Which group of changes was committed last; only PostgreSQL's writer leaves a mark there."""
    op.create_table(
        "last_write",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("mark", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_last_write"),
    )


def upgrade() -> None:
    """Each noun's columns, in the order in which they know each other."""
    _last_write()
