"""What a database complains about, as sentences that a person can act on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from tsexplorer.errors import UserError

DAMAGED = (
    "The database {place} is damaged or no database at all; "
    "move it away and start again, and a new one is made."
)
FULL = "The disk that holds the database {place} is full; free some space and try again."
READ_ONLY = "The database {place} cannot be written to; check its permissions and its folder's."
BUSY = "The database {place} is kept busy by another program; try again in a moment."
UNREADABLE = "The database {place} cannot be opened; check that its folder exists and is yours."
BROKEN_DISK = "The disk failed under the database {place}; check it and its free space."

# By the name that SQLite gives an error; its extended names only add to these.
SQLITE = {
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
POSTGRESQL = {
    "53100": FULL,
    "25006": READ_ONLY,
    "42501": "The database {place} does not let this user in; grant the rights on its schema.",
}
UNREACHABLE = (
    "The database {place} does not answer ({reason}); "
    "check that it runs and that TSEXPLORER_DATABASE_URL is right."
)


class StoreError(UserError):
    """The database refuses its service; nothing that was stored before is lost."""


def place_of(url: URL) -> str:
    """How a sentence names the database: the file, or the URL with its password hidden."""
    if url.get_backend_name() == "sqlite":
        return url.database or ""
    return url.set(query={}).render_as_string(hide_password=True)


@contextmanager
def spoken(place: str) -> Iterator[None]:
    """Raise what a person can mend as a :class:`StoreError`, anything else as it is."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        sentence = _sentence(error)
        if sentence is None:
            raise
        raise StoreError(sentence.format(place=place, reason=_reason(error))) from error
    except PoolTimeout as error:
        raise StoreError(BUSY.format(place=place)) from error


def _sentence(error: DBAPIError | sqlite3.Error) -> str | None:
    cause = _cause(error)
    name = getattr(cause, "sqlite_errorname", None)
    if name is not None:
        return next((text for known, text in SQLITE.items() if name.startswith(known)), None)
    known = POSTGRESQL.get(getattr(cause, "sqlstate", None) or "")
    return known or (UNREACHABLE if isinstance(error, OperationalError) else None)


def _reason(error: DBAPIError | sqlite3.Error) -> str:
    """The first line of what the driver says, without its full stop."""
    cause = _cause(error)
    lines = str(cause).strip().splitlines() or [type(cause).__name__]
    return lines[0].rstrip(". ")


def _cause(error: DBAPIError | sqlite3.Error) -> BaseException | None:
    """What the driver raised."""
    return error.orig if isinstance(error, DBAPIError) else error
