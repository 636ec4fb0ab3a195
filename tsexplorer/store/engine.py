"""Connections: one rule for both databases, that only one transaction writes at a time.

A method may thus look first and write then, with nobody in between: SQLite by ``BEGIN
IMMEDIATE``, PostgreSQL by an advisory lock that is held to the transaction's end. Readers never
wait (SQLite: WAL) and see one moment throughout a transaction. The store writes a few short rows
a second, so that writers waiting for each other cost nothing that could be felt.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session

from tsexplorer.errors import UserError
from tsexplorer.store.errors import UNREADABLE, StoreError, place_of, spoken

PATIENCE_SECONDS = 15
WRITING = "writing"
WRITER_LOCK = int.from_bytes(b"tsexplor")


class Transactions:
    """Short transactions over one engine; base of what the store does with its tables."""

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
        """A transaction that sees one moment of the database."""
        with spoken(place_of(self._engine.url)), Session(self._reader) as session:
            yield session

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        """A transaction in which nobody else writes; committed unless it raises."""
        with spoken(place_of(self._engine.url)), Session(self._writer) as session, session.begin():
            yield session


def connect(url: str) -> Engine:
    """An engine for a store's URL; the folder of a SQLite file is made.

    Raises:
        UserError: the URL cannot be read or names a database that is not supported, psycopg is
            not installed, or the folder cannot be made.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed)
    return _postgresql(parsed)


def use_wal(connection: Connection) -> None:
    """Put a SQLite file into WAL mode, where readers and the writer do not wait for each other.

    The file stays in that mode. Two processes that switch a new file at the same time would
    deadlock, so SQLite tells one of them "locked" at once, without its usual patience.
    """
    raw = connection.connection.driver_connection
    assert raw is not None
    until = time.monotonic() + PATIENCE_SECONDS
    while raw.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            raw.execute("PRAGMA journal_mode = WAL")
        except raw.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() > until:
                raise
            time.sleep(0.02)


def _parse(url: str) -> URL:
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


def _sqlite(url: URL) -> Engine:
    database = url.database
    if not database or database == ":memory:":
        raise UserError(
            "A store in memory cannot be shared between threads; name a file: sqlite:///FILE."
        )
    if not database.startswith("file:"):
        try:
            Path(database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(UNREADABLE.format(place=database)) from error
    engine = create_engine(url, connect_args={"timeout": PATIENCE_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver would begin transactions by itself, before the first write and never "immediate".
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    # A power cut may cost the last transactions of a WAL, never the file; each is a heartbeat
    # or an epoch that is trained again from its checkpoint.
    connection.execute("PRAGMA synchronous = NORMAL")


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get(WRITING)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _postgresql(url: URL) -> Engine:
    patience = {} if "connect_timeout" in url.query else {"connect_timeout": PATIENCE_SECONDS}
    try:
        engine = create_engine(url, pool_pre_ping=True, connect_args=patience)
    except ModuleNotFoundError as error:
        raise UserError(
            'A store on PostgreSQL needs psycopg; install it with pip install "psycopg[binary]".'
        ) from error
    event.listen(engine, "begin", _begin_postgresql)
    return engine


def _begin_postgresql(connection: Connection) -> None:
    if connection.get_execution_options().get(WRITING):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER_LOCK})")
