"""Alembic's environment: used when a database is opened, and by Alembic's command line."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from tsexplorer.settings import get_settings
from tsexplorer.store.engine import connect
from tsexplorer.store.migrate import VERSION_TABLE, schema_transaction
from tsexplorer.store.schema import Base

OPTUNA_PREFIXES = ("studies", "study_", "trials", "trial_", "version_info", "alembic_version")
"""Prefixes of the names of Optuna's tables, which share the database."""


def is_compared(name: str | None, kind: str, _parents: object) -> bool:
    """Whether a table of the database is compared with the store's schema."""
    return kind != "table" or not (name or "").startswith(OPTUNA_PREFIXES)


def run(connection: Connection) -> None:
    """Run the requested migrations in one transaction."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_name=is_compared,
        version_table=VERSION_TABLE,
        render_as_batch=True,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


shared_connection: Connection | None = context.config.attributes.get("connection")
if shared_connection is not None:
    run(shared_connection)
else:
    with schema_transaction(connect(get_settings().url)) as new_connection:
        run(new_connection)
