"""The store: studies, stages and jobs in SQLite or PostgreSQL."""

from __future__ import annotations

from typing import Self

from tsexplorer.store.engine import StoreError, connect, readable_errors
from tsexplorer.store.experiments import Experiments
from tsexplorer.store.jobs import Jobs, Recovery
from tsexplorer.store.migrate import upgrade_database
from tsexplorer.store.optuna_storage import Trials
from tsexplorer.store.snapshots import (
    EpochRow,
    ExperimentSnapshot,
    JobSnapshot,
    JobStatus,
    LastEpoch,
    Request,
    StageFigures,
    StageLink,
    StageSnapshot,
    StageStatus,
    StudentRow,
    StudyRecord,
)
from tsexplorer.store.stages import Stages

__all__ = [
    "EpochRow",
    "ExperimentSnapshot",
    "JobSnapshot",
    "JobStatus",
    "LastEpoch",
    "Request",
    "StageFigures",
    "StageLink",
    "StageSnapshot",
    "StageStatus",
    "Store",
    "StoreError",
    "StudentRow",
    "StudyRecord",
]


class Store(Experiments, Stages, Jobs, Recovery, Trials):
    """One database, shared by all threads of a process and by several processes.

    Every method is one transaction and returns frozen snapshots. If the database refuses an
    operation (a full disk, a read-only file, damage, a server that does not answer), the method
    raises a :class:`~tsexplorer.store.StoreError` with one sentence.
    """

    @classmethod
    def open(cls, url: str) -> Self:
        """Connect to a database, and create or upgrade its tables if necessary.

        Args:
            url: ``sqlite:///FILE`` or ``postgresql+psycopg://user:password@host/database``.

        Raises:
            UserError: the database cannot be opened, is damaged, was written by a newer version,
                or belongs to another program.
        """
        engine = connect(url)
        try:
            with readable_errors(engine.url):
                upgrade_database(engine)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine)

    def close(self) -> None:
        """Close all connections; the next call of a method opens new ones."""
        self._close_optuna_storage()
        self._engine.dispose()
