"""Optuna's tables in the store's database: the trials of searches.

Optuna creates them when the first search begins, and upgrades them itself; its revision is in
``alembic_version``, the store's elsewhere (see :mod:`.migrate`). Optuna has its own connections,
whose transactions begin with their first write and wait for other writers, as the store's do. It
takes half a second to import, and is imported when a search is first requested.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import sleep
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Engine, event
from sqlalchemy.exc import DBAPIError

from tsexplorer.store.engine import (
    LOCK_TIMEOUT_SECONDS,
    StoreError,
    Transactions,
    database_label,
    readable_errors,
)

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

ATTEMPTS = 3
OTHER_VERSION = (
    "The trials in the database {database} were written by another version of Optuna; upgrade "
    "them with: optuna storage upgrade --storage {url}"
)


class Trials(Transactions):
    """The trials of searches."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._optuna_lock = threading.Lock()
        self._optuna_storage: RDBStorage | None = None

    @contextmanager
    def optuna_storage(self) -> Iterator[RDBStorage]:
        """Optuna's storage in this database, for the duration of the ``with`` block.

        Raises:
            StoreError: the database refuses an operation; one sentence.
        """
        with readable_errors(self._engine.url):
            try:
                yield self._open_optuna_storage()
            except _storage_error() as error:
                if isinstance(error.__cause__, DBAPIError):
                    raise error.__cause__ from error
                raise

    def delete_trials(self, study_id: str) -> None:
        """Delete the trials of a study; does nothing if there are none."""
        with self.optuna_storage() as storage, suppress(KeyError):
            storage.delete_study(storage.get_study_id_from_name(study_id))

    def _open_optuna_storage(self) -> RDBStorage:
        with self._optuna_lock:
            if self._optuna_storage is None:
                self._optuna_storage = _open_storage(self._engine.url)
            return self._optuna_storage

    def _close_optuna_storage(self) -> None:
        with self._optuna_lock:
            if self._optuna_storage is not None:
                self._optuna_storage.engine.dispose()
                self._optuna_storage = None


def _storage_error() -> type[Exception]:
    from optuna.exceptions import StorageInternalError

    return StorageInternalError


def _open_storage(url: URL) -> RDBStorage:
    """Open Optuna's storage; missing tables are created.

    Raises:
        StoreError: another version of Optuna wrote the tables.
    """
    import optuna

    _use_standard_logging(optuna.logging)
    sqlite = url.get_backend_name() == "sqlite"
    options: dict[str, Any] = (
        {"connect_args": {"timeout": LOCK_TIMEOUT_SECONDS}} if sqlite else {"pool_pre_ping": True}
    )
    # Optuna formats URLs with str.format.
    escaped = url.render_as_string(hide_password=False).replace("{", "{{").replace("}", "}}")
    for attempts_left in reversed(range(ATTEMPTS)):
        try:
            storage = optuna.storages.RDBStorage(
                escaped, engine_kwargs=options, skip_compatibility_check=True
            )
        except (DBAPIError, optuna.exceptions.StorageInternalError):
            if not attempts_left:
                raise
            sleep(0.2)  # another process creates the tables at this moment
        else:
            break
    if storage.get_current_version() != storage.get_head_version():
        storage.engine.dispose()
        public_url = url.render_as_string(hide_password=True)
        raise StoreError(OTHER_VERSION.format(database=database_label(url), url=public_url))
    if sqlite:
        storage.engine.dispose()
        event.listen(storage.engine, "connect", _relax_synchronous)
    return storage


def _relax_synchronous(connection: Any, _record: object) -> None:
    # As in the store itself: a power failure may lose the last trials but not the file.
    connection.execute("PRAGMA synchronous = NORMAL")


def _use_standard_logging(optuna_logging: Any) -> None:
    """Send Optuna's messages to the root logger instead of the terminal, errors only."""
    optuna_logging.disable_default_handler()
    optuna_logging.enable_propagation()
    optuna_logging.set_verbosity(logging.ERROR)
