"""One kind and one JSON document per study, in place of a column for each kind."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

EXPERIMENTS = sa.table(
    "experiments",
    sa.column("id", sa.String),
    sa.column("spec", sa.JSON),
    sa.column("sweep", sa.JSON),
    sa.column("tune", sa.JSON),
    sa.column("kind", sa.String),
    sa.column("document", sa.JSON),
)


def upgrade() -> None:
    """From 0004 to 0005."""
    op.add_column("experiments", sa.Column("kind", sa.String(16)))
    op.add_column("experiments", sa.Column("document", sa.JSON))
    connection = op.get_bind()
    columns = EXPERIMENTS.c
    query = sa.select(columns.id, columns.spec, columns.sweep, columns.tune)
    for key, spec, sweep, tune in connection.execute(query).all():
        kind, document = _kind_and_document(spec, _value(sweep), _value(tune))
        connection.execute(
            sa.update(EXPERIMENTS).where(columns.id == key).values(kind=kind, document=document)
        )
    with op.batch_alter_table("experiments") as table:
        table.alter_column("kind", existing_type=sa.String(16), nullable=False)
        table.alter_column("document", existing_type=sa.JSON, nullable=False)
        table.drop_column("spec")
        table.drop_column("sweep")
        table.drop_column("tune")
    op.create_index("ix_experiments_kind", "experiments", ["kind"])


def _value(stored: Any) -> Any:
    """A JSON column's value, which some drivers return as text."""
    return json.loads(stored) if isinstance(stored, str) else stored


def _kind_and_document(spec: Any, sweep: Any, tune: Any) -> tuple[str, Any]:
    if tune is not None:
        return "tuning", tune
    if sweep is not None:
        return "sweep", sweep
    return "experiment", _value(spec)
