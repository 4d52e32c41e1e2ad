"""devices"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _devices() -> None:
    """Which devices an attempt has; of earlier ones nobody knows."""
    op.add_column("attempts", sa.Column("devices", sa.JSON(), nullable=True))


def upgrade() -> None:
    """Each noun's columns, in the order in which they know each other."""
    _devices()
