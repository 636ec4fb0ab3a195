"""Optuna's own tables, in the same database: which settings were tried, and what came of them.

They are made when the first search begins, and looked after by Optuna, whose revision stands in
``alembic_version``; ours stands elsewhere (see :mod:`.migrate`). Optuna has connections of its own,
with transactions that begin with their first write and wait for other writers as ours do. Optuna,
which takes half a second to import, is imported when a search is first asked for.
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

from tsexplorer.store.engine import PATIENCE_SECONDS, Transactions
from tsexplorer.store.errors import StoreError, place_of, spoken

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

TRIES = 3
OTHER_VERSION = (
    "The trials in the database {place} were written by another version of Optuna; bring them up "
    "to date with: optuna storage upgrade --storage {url}"
)


class Studies(Transactions):
    """Where searches keep their trials."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._opening = threading.Lock()
        self._storage: RDBStorage | None = None

    @contextmanager
    def studying(self) -> Iterator[RDBStorage]:
        """Optuna's storage in this database, for as long as the ``with`` block lasts.

        Raises:
            StoreError: the database refuses its service, in one sentence.
        """
        place = place_of(self._engine.url)
        with spoken(place):
            try:
                yield self._studies()
            except _refusals() as error:
                if isinstance(error.__cause__, DBAPIError):
                    raise error.__cause__ from error
                raise

    def delete_study(self, name: str) -> None:
        """Forget a search; one that is not there is forgotten already."""
        with self.studying() as storage, suppress(KeyError):
            storage.delete_study(storage.get_study_id_from_name(name))

    def _studies(self) -> RDBStorage:
        with self._opening:
            if self._storage is None:
                self._storage = _opened(self._engine.url)
            return self._storage

    def _close_studies(self) -> None:
        with self._opening:
            if self._storage is not None:
                self._storage.engine.dispose()
                self._storage = None


def _refusals() -> type[Exception]:
    from optuna.exceptions import StorageInternalError

    return StorageInternalError


def _opened(url: URL) -> RDBStorage:
    """Optuna's storage; its tables are made where they are missing."""
    import optuna

    _hush(optuna.logging)
    words = url.render_as_string(hide_password=False)
    sqlite = url.get_backend_name() == "sqlite"
    options: dict[str, Any] = (
        {"connect_args": {"timeout": PATIENCE_SECONDS}} if sqlite else {"pool_pre_ping": True}
    )
    for left in reversed(range(TRIES)):
        try:
            # Optuna fills in {…} in URLs.
            escaped = words.replace("{", "{{").replace("}", "}}")
            storage = optuna.storages.RDBStorage(
                escaped, engine_kwargs=options, skip_compatibility_check=True
            )
        except (DBAPIError, optuna.exceptions.StorageInternalError):
            if not left:
                raise
            sleep(0.2)  # another process makes the tables at this moment
        else:
            break
    if storage.get_current_version() != storage.get_head_version():
        storage.engine.dispose()
        shown = url.render_as_string(hide_password=True)
        raise StoreError(OTHER_VERSION.format(place=place_of(url), url=shown))
    if sqlite:
        storage.engine.dispose()
        event.listen(storage.engine, "connect", _need_not_wait_for_the_disk)
    return storage


def _need_not_wait_for_the_disk(connection: Any, _record: object) -> None:
    # As in the store itself: a power cut may cost the last trials, never the file.
    connection.execute("PRAGMA synchronous = NORMAL")


def _hush(logging_of_optuna: Any) -> None:
    """What Optuna has to say goes the way of all logs, not to the terminal by itself."""
    logging_of_optuna.disable_default_handler()
    logging_of_optuna.enable_propagation()
    logging_of_optuna.set_verbosity(logging.ERROR)
