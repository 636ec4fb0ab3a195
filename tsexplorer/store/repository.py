"""The store: what is known of experiments, stages and jobs, kept in a database."""

from __future__ import annotations

from typing import Self

from tsexplorer.store.engine import connect
from tsexplorer.store.errors import place_of, spoken
from tsexplorer.store.experiments import Experiments
from tsexplorer.store.jobs import Jobs, Recovery
from tsexplorer.store.migrate import bring_up_to_date
from tsexplorer.store.optuna_storage import Studies
from tsexplorer.store.stages import Stages


class Store(Experiments, Stages, Jobs, Recovery, Studies):
    """One database, for all threads of a process and for several processes at once.

    Every method is one transaction. Answers are frozen snapshots. Whatever keeps the database
    from answering (a full disk, a read-only file, damage, a server that is away) is raised as a
    :class:`~tsexplorer.store.StoreError` with one sentence.
    """

    @classmethod
    def open(cls, url: str) -> Self:
        """Connect to a database, and create or upgrade its tables where needed.

        Args:
            url: ``sqlite:///FILE`` or ``postgresql+psycopg://user:password@host/database``.

        Raises:
            UserError: the database cannot be opened, is damaged, was written by a newer version,
                or is another program's.
        """
        engine = connect(url)
        try:
            with spoken(place_of(engine.url)):
                bring_up_to_date(engine)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine)

    def close(self) -> None:
        """Let go of the database; the store opens it again when it is next asked something."""
        self._close_studies()
        self._engine.dispose()
