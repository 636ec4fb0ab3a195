"""Stages and their epochs: what the worker writes while it trains, and pages read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.store.engine import Transactions
from tsexplorer.store.schema import Epoch, Stage, epoch_row, stage_snapshot, without_nan
from tsexplorer.store.snapshots import EpochRow, StageSnapshot, StageStatus, StudentRow

ENDS: tuple[StageStatus, ...] = ("done", "cancelled", "failed", "interrupted", "pruned")
FINAL: tuple[StageStatus, ...] = ("done", "pruned")
"""What stays so, whatever a late process says, until the stage is trained anew."""


class Stages(Transactions):
    """Find stages, and record how their training goes."""

    def stage(self, key: str) -> StageSnapshot:
        """One stage by its hash.

        Raises:
            NotFoundError: there is none.
        """
        with self._reading() as session:
            return stage_snapshot(_find(session, key))

    def stages(self) -> list[StageSnapshot]:
        """All stages, newest first."""
        query = select(Stage).order_by(Stage.created_at.desc(), Stage.hash)
        with self._reading() as session:
            return [stage_snapshot(row) for row in session.scalars(query)]

    def has_stage_done(self, key: str) -> bool:
        """Whether a stage is there and needs no more training."""
        query = select(exists().where(Stage.hash == key, Stage.status == "done"))
        with self._reading() as session:
            return bool(session.scalar(query))

    def stages_done(self, keys: Sequence[str]) -> set[str]:
        """Those of the stages that need no more training."""
        with self._reading() as session:
            query = select(Stage.hash).where(Stage.status == "done", Stage.hash.in_(keys))
            return set(session.scalars(query))

    def stage_started(
        self,
        key: str,
        *,
        parameters: int | None = None,
        macs: int | None = None,
        machine: str | None = None,
    ) -> None:
        """Training begins or goes on; what is not given stays as it was.

        Args:
            key: the stage's hash.
            parameters: weights that are trained.
            macs: multiply-accumulates for one image.
            machine: what it is trained on, in words.

        Raises:
            NotFoundError: there is no such stage.
        """
        self.students_started([key], parameters=parameters, macs=macs, machine=machine)

    def students_started(
        self,
        keys: Sequence[str],
        *,
        parameters: int | None = None,
        macs: int | None = None,
        machine: str | None = None,
    ) -> None:
        """Training of nets of one kind begins or goes on together; as :meth:`stage_started`.

        Raises:
            NotFoundError: one of them is not there; none has started.
        """
        with self._writing() as session:
            for key in keys:
                row = _find(session, key)
                row.status, row.error, row.finished_at = "running", None, None
                _set(row, parameters=parameters, macs=macs, machine=machine)

    def record_epoch(self, key: str, row: EpochRow) -> None:
        """Keep an epoch's figures.

        A resumed stage may repeat an epoch, which replaces what it gave before; later epochs
        belong to the run that was given up, and are forgotten.

        Raises:
            NotFoundError: there is no such stage.
            UserError: the epoch is below 1.
        """
        with self._writing() as session:
            _record(session, key, row)

    def record_students(self, rows: Sequence[StudentRow]) -> None:
        """Keep epochs of many students at once, in their order; else as :meth:`record_epoch`.

        Raises:
            NotFoundError: one of the students is not there; none is recorded.
            UserError: an epoch is below 1.
        """
        with self._writing() as session:
            for one in rows:
                stage = _record(session, one.stage, one.row)
                stage.agreement, stage.ece = one.agreement, one.ece

    def epochs(self, key: str) -> tuple[EpochRow, ...]:
        """A stage's finished epochs in their order; none for a stage that is not there."""
        return self.epochs_many([key])[key]

    def epochs_many(self, keys: Sequence[str]) -> dict[str, tuple[EpochRow, ...]]:
        """The finished epochs of several stages by hash, in one query."""
        found: dict[str, list[EpochRow]] = {key: [] for key in keys}
        query = select(Epoch).where(Epoch.stage_hash.in_(found)).order_by(Epoch.epoch)
        with self._reading() as session:
            for row in session.scalars(query):
                found[row.stage_hash].append(epoch_row(row))
        return {key: tuple(rows) for key, rows in found.items()}

    def last_epochs(self, keys: Sequence[str]) -> dict[str, EpochRow]:
        """The last finished epoch of each stage that has one, by hash."""
        query = (
            select(Epoch)
            .join(Stage, Stage.hash == Epoch.stage_hash)
            .where(Epoch.stage_hash.in_(keys), Epoch.epoch == Stage.epochs_done)
        )
        with self._reading() as session:
            return {row.stage_hash: epoch_row(row) for row in session.scalars(query)}

    def stage_ended(
        self,
        key: str,
        status: str,
        *,
        validation_accuracy: float | None = None,
        validation_loss: float | None = None,
        test_accuracy: float | None = None,
        agreement: float | None = None,
        ece: float | None = None,
        train_seconds: float | None = None,
        kept_epoch: int | None = None,
        error: str | None = None,
    ) -> None:
        """Training stopped; figures that are not given stay as they were.

        A stage that is done stays so, whatever a late process says: only :meth:`reset_stage`
        takes that back. One that was pruned stays so until it is started again.

        Args:
            key: the stage's hash.
            status: done, cancelled, failed, interrupted or pruned.
            validation_accuracy: share of 1, of the kept weights.
            validation_loss: in nats, of the kept weights.
            test_accuracy: share of 1, of the kept weights.
            agreement: with its teacher on validation, share of 1, of the kept weights.
            ece: expected calibration error on validation, share of 1, of the kept weights.
            train_seconds: time spent training and validating, pauses left out.
            kept_epoch: the epoch whose weights were kept.
            error: one sentence that says why it failed.

        Raises:
            NotFoundError: there is no such stage.
            UserError: a stage cannot end in that status.
        """
        if status not in ENDS:
            raise UserError(f"A stage cannot end as {status}; it ends as one of {', '.join(ENDS)}.")
        with self._writing() as session:
            row = _find(session, key)
            if row.status in FINAL and status != "done":
                return
            row.status, row.error = status, error
            row.finished_at = datetime.now(UTC)
            _set(
                row,
                validation_accuracy=validation_accuracy,
                validation_loss=validation_loss,
                test_accuracy=test_accuracy,
                agreement=agreement,
                ece=ece,
                train_seconds=train_seconds,
                kept_epoch=kept_epoch,
            )

    def stage_asked(self, key: str, agreement: float | None, ece: float | None) -> None:
        """Keep what the kept weights of a stage that is done answer on validation.

        Args:
            key: the stage's hash.
            agreement: with its teacher, share of 1; None without one.
            ece: expected calibration error, share of 1; None where there is none.

        Raises:
            NotFoundError: there is no such stage.
        """
        with self._writing() as session:
            row = _find(session, key)
            row.agreement, row.ece = agreement, ece

    def reset_stage(self, key: str) -> None:
        """Forget a stage's training, its epochs and figures, as if it had never begun.

        Raises:
            NotFoundError: there is no such stage.
        """
        with self._writing() as session:
            row = _find(session, key)
            session.execute(delete(Epoch).where(Epoch.stage_hash == key))
            row.status, row.epochs_done = "new", 0
            row.train_seconds = row.kept_epoch = row.error = row.finished_at = None
            row.validation_accuracy = row.validation_loss = row.test_accuracy = None
            row.agreement = row.ece = None


def _find(session: Session, key: str) -> Stage:
    row = session.get(Stage, key)
    if row is None:
        raise NotFoundError(f"There is no stage {key}; its experiment may have been deleted.")
    return row


def _record(session: Session, key: str, row: EpochRow) -> Stage:
    if row.epoch < 1:
        raise UserError(f"Epochs count from 1, so there is no epoch {row.epoch}.")
    stage = _find(session, key)
    stage.epochs_done = row.epoch
    stage.agreement = stage.ece = None  # those of the epoch before
    if stage.status == "interrupted":  # given up for dead by another process; it lives
        stage.status, stage.finished_at = "running", None
    session.execute(delete(Epoch).where(Epoch.stage_hash == key, Epoch.epoch >= row.epoch))
    session.add(_epoch(key, row))
    return stage


def _set(row: Stage, **figures: float | str | None) -> None:
    for name, value in figures.items():
        if value is not None:
            setattr(row, name, value)


def _epoch(key: str, row: EpochRow) -> Epoch:
    return Epoch(
        stage_hash=key,
        epoch=row.epoch,
        train_loss=row.train_loss,
        terms=without_nan(dict(row.terms)),
        train_accuracy=row.train_accuracy,
        validation_loss=row.validation_loss,
        validation_accuracy=row.validation_accuracy,
        learning_rate=row.learning_rate,
        seconds=row.seconds,
    )
