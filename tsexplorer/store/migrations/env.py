"""Run by alembic: from the store when a database is opened, or from alembic's own shell."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from tsexplorer.settings import get_settings
from tsexplorer.store.engine import connect
from tsexplorer.store.migrate import TABLE, altering
from tsexplorer.store.schema import Base

OPTUNAS = ("studies", "study_", "trials", "trial_", "version_info", "alembic_version")
"""How the names of Optuna's tables begin, which a search for settings puts beside ours."""


def is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """Whether a table that the database has is to be compared with our schema."""
    return kind != "table" or not (name or "").startswith(OPTUNAS)


def run(connection: Connection) -> None:
    """Do what alembic was asked for, all of it or nothing."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_name=is_ours,
        version_table=TABLE,
        render_as_batch=True,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


opened: Connection | None = context.config.attributes.get("connection")
if opened is not None:
    run(opened)
else:
    with altering(connect(get_settings().url)) as own:
        run(own)
