"""Database connections, transactions, and the translation of database errors into sentences.

On both databases one transaction writes at a time, so that a method can read, decide and write
without interference: SQLite uses ``BEGIN IMMEDIATE``, PostgreSQL an advisory lock until the end of
the transaction. Readers do not wait and see one snapshot per transaction. The store writes a few
short rows per second, so writers hardly wait for each other.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from tsexplorer.errors import UserError

LOCK_TIMEOUT_SECONDS = 15
WRITING = "writing"
WRITER_LOCK = int.from_bytes(b"tsexplor")

DAMAGED = (
    "The database {database} is damaged or is not a database; "
    "move the file elsewhere and start again, so that a new one is made."
)
FULL = "The disk that holds the database {database} is full; free some space and try again."
READ_ONLY = (
    "The database {database} is read-only; check the permissions of the file and of its folder."
)
BUSY = "The database {database} is locked by another program; try again in a moment."
UNREADABLE = (
    "The database {database} cannot be opened; check that its folder exists and belongs to you."
)
BROKEN_DISK = (
    "The disk that holds the database {database} reports an error; check it and its free space."
)
UNREACHABLE = (
    "The database {database} does not answer ({reason}); "
    "check that its server runs and that TSEXPLORER_DATABASE_URL is correct."
)
# By SQLite's error name; extended names begin with these.
SQLITE_SENTENCES = {
    "SQLITE_NOTADB": DAMAGED,
    "SQLITE_CORRUPT": DAMAGED,
    "SQLITE_FULL": FULL,
    "SQLITE_READONLY": READ_ONLY,
    "SQLITE_PERM": READ_ONLY,
    "SQLITE_CANTOPEN": UNREADABLE,
    "SQLITE_BUSY": BUSY,
    "SQLITE_LOCKED": BUSY,
    "SQLITE_IOERR": BROKEN_DISK,
}
# By SQLSTATE (PostgreSQL documentation, appendix A).
POSTGRESQL_SENTENCES = {
    "53100": FULL,
    "25006": READ_ONLY,
    "42501": "The database {database} refuses this user; grant the user rights on its schema.",
}


class StoreError(UserError):
    """The database refuses an operation; nothing that was stored before is lost."""


class Transactions:
    """Read and write transactions on one engine; base class of the parts of the store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writer = engine.execution_options(**{WRITING: True})
        self._reader = engine
        if engine.dialect.name == "postgresql":
            self._reader = engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )

    @contextmanager
    def _reading(self) -> Iterator[Session]:
        """A transaction that sees one snapshot of the database."""
        with readable_errors(self._engine.url), Session(self._reader) as session:
            yield session

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        """The only write transaction at this time; committed unless it raises."""
        with (
            readable_errors(self._engine.url),
            Session(self._writer) as session,
            session.begin(),
        ):
            yield session


def connect(url: str) -> Engine:
    """Return an engine for a store's URL; the folder of a SQLite file is created.

    Raises:
        UserError: the URL is invalid or names a database that is not supported, psycopg is not
            installed, or the folder cannot be created.
    """
    parsed = _parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite_engine(parsed)
    return _postgresql_engine(parsed)


def enable_wal(connection: Connection) -> None:
    """Switch a SQLite file to WAL mode, in which readers and the writer do not wait for each other.

    The mode is stored in the file. Two processes that switch a new file at the same time would
    deadlock, so SQLite reports "locked" to one of them at once, without its usual timeout.
    """
    raw = connection.connection.driver_connection
    assert raw is not None
    deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
    while raw.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            raw.execute("PRAGMA journal_mode = WAL")
        except raw.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def database_label(url: URL) -> str:
    """The database's name in error sentences: the file, or the URL with its password hidden."""
    if url.get_backend_name() == "sqlite":
        return url.database or ""
    return url.set(query={}).render_as_string(hide_password=True)


@contextmanager
def readable_errors(url: URL) -> Iterator[None]:
    """Raise database errors that a user can fix as a :class:`StoreError`, others unchanged."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        sentence = _error_sentence(error)
        if sentence is None:
            raise
        label = database_label(url)
        raise StoreError(sentence.format(database=label, reason=_reason(error))) from error
    except PoolTimeout as error:
        raise StoreError(BUSY.format(database=database_label(url))) from error


def _parse_url(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise UserError(
            "TSEXPLORER_DATABASE_URL is not a database URL; write "
            "postgresql+psycopg://user:password@host/database, or leave it empty for SQLite."
        ) from error
    if parsed.drivername in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite", "postgresql+psycopg"):
        raise UserError(
            f"A store on {parsed.drivername} is not supported; "
            "use sqlite:///FILE or postgresql+psycopg://user:password@host/database."
        )
    return parsed


def _sqlite_engine(url: URL) -> Engine:
    database = url.database
    if not database or database == ":memory:":
        raise UserError(
            "A store in memory cannot be shared between threads; name a file: sqlite:///FILE."
        )
    if not database.startswith("file:"):
        try:
            Path(database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(UNREADABLE.format(database=database)) from error
    engine = create_engine(url, connect_args={"timeout": LOCK_TIMEOUT_SECONDS})
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _configure_sqlite(connection: Any, _record: object) -> None:
    # By default the driver begins transactions itself, before the first write and not "immediate".
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    # A power failure may lose the last WAL transactions but not the file. They are heartbeats, or
    # epochs that are trained again from the checkpoint.
    connection.execute("PRAGMA synchronous = NORMAL")


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get(WRITING)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _postgresql_engine(url: URL) -> Engine:
    timeout = {} if "connect_timeout" in url.query else {"connect_timeout": LOCK_TIMEOUT_SECONDS}
    try:
        engine = create_engine(url, pool_pre_ping=True, connect_args=timeout)
    except ModuleNotFoundError as error:
        raise UserError(
            'A store on PostgreSQL needs psycopg; install it with pip install "psycopg[binary]".'
        ) from error
    event.listen(engine, "begin", _begin_postgresql)
    return engine


def _begin_postgresql(connection: Connection) -> None:
    if connection.get_execution_options().get(WRITING):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER_LOCK})")


def _error_sentence(error: DBAPIError | sqlite3.Error) -> str | None:
    cause = _driver_error(error)
    error_name = getattr(cause, "sqlite_errorname", None)
    if error_name is not None:
        return next(
            (text for prefix, text in SQLITE_SENTENCES.items() if error_name.startswith(prefix)),
            None,
        )
    sentence = POSTGRESQL_SENTENCES.get(getattr(cause, "sqlstate", None) or "")
    return sentence or (UNREACHABLE if isinstance(error, OperationalError) else None)


def _reason(error: DBAPIError | sqlite3.Error) -> str:
    """The first line of the driver's message, without its full stop."""
    cause = _driver_error(error)
    lines = str(cause).strip().splitlines() or [type(cause).__name__]
    return lines[0].rstrip(". ")


def _driver_error(error: DBAPIError | sqlite3.Error) -> BaseException | None:
    return error.orig if isinstance(error, DBAPIError) else error
