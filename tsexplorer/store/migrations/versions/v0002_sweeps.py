"""Sweeps: an experiment may have a grid; a stage has agreement and calibration error."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """From 0001 to 0002."""
    op.add_column("experiments", sa.Column("sweep", sa.JSON))
    op.add_column("stages", sa.Column("agreement", sa.Float))
    op.add_column("stages", sa.Column("ece", sa.Float))
