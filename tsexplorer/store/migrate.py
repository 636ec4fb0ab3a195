"""Brings a database to the schema of this version, once, whoever comes first.

Alembic takes a third of a second to import; a database that is up to date never needs it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from tsexplorer.errors import UserError
from tsexplorer.store.engine import WRITING, use_wal
from tsexplorer.store.errors import place_of

HEAD = "0005"
"""Newest revision in ``migrations/versions``; a test compares it with alembic's own answer."""

FOLDER = Path(__file__).parent / "migrations"

TABLE = "tsexplorer_version"
"""Where our revision stands. ``alembic_version``, the usual place, is Optuna's, whose tables share
the database and whose own tools look for their revision there."""
USUAL_TABLE = "alembic_version"
OURS = {"experiments", "stages", "jobs"}
"""Tables that tell ours from others': Optuna has none of these names."""


def bring_up_to_date(engine: Engine) -> None:
    """Create or upgrade the tables where needed.

    Raises:
        UserError: the database was written by a newer version, or by another program.
    """
    with engine.connect() as connection:
        found = revision(connection)
        connection.rollback()
        if engine.dialect.name == "sqlite":
            use_wal(connection)
    if found == HEAD:
        return
    with altering(engine) as connection:
        _upgrade(connection)


@contextmanager
def altering(engine: Engine) -> Iterator[Connection]:
    """A transaction in which tables may be altered, all of it or nothing.

    SQLite alters a table by copying and dropping it, and the drop would cascade; so its foreign
    keys are off meanwhile, which can be said outside of transactions alone.
    """
    sqlite = engine.dialect.name == "sqlite"
    with engine.execution_options(**{WRITING: True}).connect() as connection:
        if sqlite:
            _foreign_keys(connection, "OFF")
        try:
            with connection.begin():
                yield connection
        finally:
            if sqlite:
                _foreign_keys(connection, "ON")


def revision(connection: Connection) -> str | None:
    """The schema's revision, None in a database that has none of our tables.

    Raises:
        UserError: its tables are another program's.
    """
    table = _place(connection)
    if table is not None:
        found = connection.execute(text(f"SELECT version_num FROM {table}")).scalar()
        return None if found is None else str(found)
    if set(inspect(connection).get_table_names()) & OURS:
        raise UserError(
            f"The database {place_of(connection.engine.url)} holds the tables of another "
            "program; choose another database."
        )
    return None


def _place(connection: Connection) -> str | None:
    """The table with our revision: before 0003 it was the usual one."""
    tables = set(inspect(connection).get_table_names())
    if TABLE in tables:
        return TABLE
    return USUAL_TABLE if USUAL_TABLE in tables and tables & OURS else None


def _upgrade(connection: Connection) -> None:
    """Go to the newest revision; no way at all where another process was first."""
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    found = revision(connection)
    if found is not None and found not in known:
        raise UserError(
            f"The database {place_of(connection.engine.url)} was written by a newer version; "
            "update this program, or set TSEXPLORER_HOME to another folder."
        )
    if _place(connection) == USUAL_TABLE:
        # Not renamed: on PostgreSQL its constraint would keep the name that Optuna's needs.
        connection.execute(text(f"DROP TABLE {USUAL_TABLE}"))
        command.stamp(config, str(found))
    command.upgrade(config, "head")


def _foreign_keys(connection: Connection, state: str) -> None:
    raw = connection.connection.driver_connection
    assert raw is not None
    raw.execute(f"PRAGMA foreign_keys = {state}")
