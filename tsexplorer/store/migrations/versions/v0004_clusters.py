"""Clusters: a job may have the address of one, where the students of its sweep train."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """From the revision before to 0004."""
    op.add_column("jobs", sa.Column("cluster", sa.Text))
