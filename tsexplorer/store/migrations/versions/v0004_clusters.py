"""Clusters: a job may have the address of a scheduler whose workers train its students."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """From 0003 to 0004."""
    op.add_column("jobs", sa.Column("cluster", sa.Text))
