"""Tunings: an experiment may have a search instead of a grid."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """From 0002 to 0003."""
    op.add_column("experiments", sa.Column("tune", sa.JSON))
