"""Upgrade of a database to the schema of this version.

Alembic takes a third of a second to import; it is imported only for an upgrade.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from tsexplorer.errors import UserError
from tsexplorer.store.engine import WRITING, database_label, enable_wal

HEAD = "0005"
"""The newest revision in ``migrations/versions``; a test compares it with Alembic's."""

MIGRATIONS_FOLDER = Path(__file__).parent / "migrations"

VERSION_TABLE = "tsexplorer_version"
"""The table with the store's revision. Alembic's usual ``alembic_version`` belongs to Optuna, whose
tables share the database and whose tools read their revision there."""
OPTUNA_VERSION_TABLE = "alembic_version"
STORE_TABLES = {"experiments", "stages", "jobs"}
"""Tables that identify a store: Optuna has none with these names."""


def upgrade_database(engine: Engine) -> None:
    """Create or upgrade the tables if necessary.

    Raises:
        UserError: the database was written by a newer version, or belongs to another program.
    """
    with engine.connect() as connection:
        current = read_revision(connection)
        connection.rollback()
        if engine.dialect.name == "sqlite":
            enable_wal(connection)
    if current == HEAD:
        return
    with schema_transaction(engine) as connection:
        _upgrade(connection)


@contextmanager
def schema_transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction that may alter tables; it is rolled back as a whole if it raises.

    SQLite alters a table by copying and dropping it, and the drop would cascade. Therefore its
    foreign keys are switched off meanwhile, which is only possible outside of transactions.
    """
    sqlite = engine.dialect.name == "sqlite"
    with engine.execution_options(**{WRITING: True}).connect() as connection:
        if sqlite:
            _set_foreign_keys(connection, "OFF")
        try:
            with connection.begin():
                yield connection
        finally:
            if sqlite:
                _set_foreign_keys(connection, "ON")


def read_revision(connection: Connection) -> str | None:
    """The schema's revision; None if the database has no tables of a store.

    Raises:
        UserError: the tables belong to another program.
    """
    table = _version_table(connection)
    if table is not None:
        number = connection.execute(text(f"SELECT version_num FROM {table}")).scalar()
        return None if number is None else str(number)
    if set(inspect(connection).get_table_names()) & STORE_TABLES:
        raise UserError(
            f"The database {database_label(connection.engine.url)} holds the tables of another "
            "program; choose another database."
        )
    return None


def _version_table(connection: Connection) -> str | None:
    """The table with the store's revision; before revision 0003 it was ``alembic_version``."""
    tables = set(inspect(connection).get_table_names())
    if VERSION_TABLE in tables:
        return VERSION_TABLE
    old_store = OPTUNA_VERSION_TABLE in tables and tables & STORE_TABLES
    return OPTUNA_VERSION_TABLE if old_store else None


def _upgrade(connection: Connection) -> None:
    """Upgrade to the newest revision; does nothing if another process has done so meanwhile."""
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    revisions = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    current = read_revision(connection)
    if current is not None and current not in revisions:
        raise UserError(
            f"The database {database_label(connection.engine.url)} was written by a newer version; "
            "update this program, or set TSEXPLORER_HOME to another folder."
        )
    if _version_table(connection) == OPTUNA_VERSION_TABLE:
        # Not renamed: on PostgreSQL its constraint would keep the name that Optuna's table needs.
        connection.execute(text(f"DROP TABLE {OPTUNA_VERSION_TABLE}"))
        command.stamp(config, str(current))
    command.upgrade(config, "head")


def _set_foreign_keys(connection: Connection, state: str) -> None:
    raw = connection.connection.driver_connection
    assert raw is not None
    raw.execute(f"PRAGMA foreign_keys = {state}")
