"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """From nothing to 0001."""
    _experiments()
    _stages()
    _experiment_stages()
    _epochs()
    _jobs()


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _experiments() -> None:
    op.create_table(
        "experiments",
        sa.Column("id", sa.String(8), primary_key=True),
        sa.Column("name", sa.String(80), nullable=False, unique=True),
        sa.Column("spec", sa.JSON, nullable=False),
        _moment("created_at"),
    )


def _stages() -> None:
    op.create_table(
        "stages",
        sa.Column("hash", sa.String(16), primary_key=True),
        sa.Column("spec", sa.JSON, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("parameters", sa.BigInteger),
        sa.Column("macs", sa.BigInteger),
        sa.Column("epochs_done", sa.Integer, nullable=False),
        sa.Column("train_seconds", sa.Float),
        sa.Column("validation_accuracy", sa.Float),
        sa.Column("test_accuracy", sa.Float),
        sa.Column("validation_loss", sa.Float),
        sa.Column("kept_epoch", sa.Integer),
        sa.Column("error", sa.Text),
        sa.Column("machine", sa.Text),
        _moment("created_at"),
        _moment("finished_at", nullable=True),
    )


def _experiment_stages() -> None:
    op.create_table(
        "experiment_stages",
        sa.Column(
            "experiment_id",
            sa.String(8),
            sa.ForeignKey("experiments.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("stage_hash", sa.String(16), sa.ForeignKey("stages.hash"), nullable=False),
    )
    op.create_index("ix_experiment_stages_stage_hash", "experiment_stages", ["stage_hash"])


def _epochs() -> None:
    op.create_table(
        "epochs",
        sa.Column(
            "stage_hash",
            sa.String(16),
            sa.ForeignKey("stages.hash", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("epoch", sa.Integer, primary_key=True),
        sa.Column("train_loss", sa.Float),
        sa.Column("terms", sa.JSON, nullable=False),
        sa.Column("train_accuracy", sa.Float),
        sa.Column("validation_loss", sa.Float),
        sa.Column("validation_accuracy", sa.Float),
        sa.Column("learning_rate", sa.Float),
        sa.Column("seconds", sa.Float),
    )


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "experiment_id",
            sa.String(8),
            sa.ForeignKey("experiments.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("request", sa.String(16)),
        sa.Column("owner", sa.Text),
        _moment("heartbeat_at", nullable=True),
        sa.Column("position", sa.Integer, nullable=False),
        _moment("created_at"),
        _moment("started_at", nullable=True),
        _moment("ended_at", nullable=True),
        sa.Column("error", sa.Text),
        sa.Column("progress", sa.JSON, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_jobs_experiment_id", "jobs", ["experiment_id"])
    op.create_index("ix_jobs_status_position", "jobs", ["status", "position"])
