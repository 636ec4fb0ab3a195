"""Stages and their epochs: written by the worker during training, read by pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.store.engine import Transactions
from tsexplorer.store.schema import (
    Epoch,
    Stage,
    epoch_row,
    number_or_nan,
    stage_snapshot,
    without_nan,
)
from tsexplorer.store.snapshots import EpochRow, LastEpoch, StageSnapshot, StageStatus, StudentRow

END_STATUSES: tuple[StageStatus, ...] = ("done", "cancelled", "failed", "interrupted", "pruned")
FINAL_STATUSES: tuple[StageStatus, ...] = ("done", "pruned")
"""A late process cannot replace these, except pruned by done; a new training of the stage does."""


class Stages(Transactions):
    """Read stages, and record their training."""

    def stage(self, key: str) -> StageSnapshot:
        """Return the stage with a hash.

        Raises:
            NotFoundError: there is no such stage.
        """
        with self._reading() as session:
            return stage_snapshot(_find(session, key))

    def stages(self) -> list[StageSnapshot]:
        """Return all stages, newest first."""
        query = select(Stage).order_by(Stage.created_at.desc(), Stage.hash)
        with self._reading() as session:
            return [stage_snapshot(row) for row in session.scalars(query)]

    def is_stage_done(self, key: str) -> bool:
        """Whether a stage exists and is trained."""
        query = select(exists().where(Stage.hash == key, Stage.status == "done"))
        with self._reading() as session:
            return bool(session.scalar(query))

    def done_stages(self, keys: Sequence[str]) -> set[str]:
        """Return the hashes of the stages that are trained."""
        with self._reading() as session:
            query = select(Stage.hash).where(Stage.status == "done", Stage.hash.in_(keys))
            return set(session.scalars(query))

    def record_stage_started(
        self,
        key: str,
        *,
        parameters: int | None = None,
        macs: int | None = None,
        machine: str | None = None,
    ) -> None:
        """Record that training begins or continues; values that are not given remain.

        Args:
            key: the stage's hash.
            parameters: number of trainable weights.
            macs: multiply-accumulates for one image.
            machine: description of the machine.

        Raises:
            NotFoundError: there is no such stage.
        """
        self.record_students_started([key], parameters=parameters, macs=macs, machine=machine)

    def record_students_started(
        self,
        keys: Sequence[str],
        *,
        parameters: int | None = None,
        macs: int | None = None,
        machine: str | None = None,
    ) -> None:
        """Record the start of students with the same net, as :meth:`record_stage_started` does.

        Raises:
            NotFoundError: one of them does not exist; none is recorded.
        """
        with self._writing() as session:
            for key in keys:
                row = _find(session, key)
                row.status, row.error, row.finished_at = "running", None, None
                _set_given(row, parameters=parameters, macs=macs, machine=machine)

    def record_epoch(self, key: str, row: EpochRow) -> None:
        """Store an epoch's figures.

        A resumed stage may repeat an epoch, which replaces the stored one; later epochs belong to
        the abandoned run and are deleted.

        Raises:
            NotFoundError: there is no such stage.
            UserError: the epoch is below 1.
        """
        with self._writing() as session:
            _record_epoch(session, key, row)

    def record_student_epochs(self, rows: Sequence[StudentRow]) -> None:
        """Store epochs of many students in their order, as :meth:`record_epoch` does.

        Raises:
            NotFoundError: one of the students does not exist; none is recorded.
            UserError: an epoch is below 1.
        """
        with self._writing() as session:
            for row in rows:
                stage = _record_epoch(session, row.stage, row.row)
                stage.agreement, stage.ece = row.agreement, row.ece

    def epochs(self, key: str) -> tuple[EpochRow, ...]:
        """Return a stage's finished epochs in order; empty for an unknown stage."""
        return self.epochs_by_stage([key])[key]

    def epochs_by_stage(self, keys: Sequence[str]) -> dict[str, tuple[EpochRow, ...]]:
        """Return the finished epochs of several stages by hash, with one query."""
        epochs: dict[str, list[EpochRow]] = {key: [] for key in keys}
        query = select(Epoch).where(Epoch.stage_hash.in_(epochs)).order_by(Epoch.epoch)
        with self._reading() as session:
            for row in session.scalars(query):
                epochs[row.stage_hash].append(epoch_row(row))
        return {key: tuple(rows) for key, rows in epochs.items()}

    def last_epochs(self, keys: Sequence[str]) -> dict[str, LastEpoch]:
        """Return the last finished epoch of each stage that has one, by hash."""
        query = (
            select(Epoch.stage_hash, Epoch.epoch, Epoch.validation_accuracy, Epoch.validation_loss)
            .join(Stage, Stage.hash == Epoch.stage_hash)
            .where(Epoch.stage_hash.in_(keys), Epoch.epoch == Stage.epochs_done)
        )
        with self._reading() as session:
            return {
                key: LastEpoch(epoch, number_or_nan(accuracy), number_or_nan(loss))
                for key, epoch, accuracy, loss in session.execute(query)
            }

    def record_stage_ended(
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
        """Record that training has stopped; figures that are not given remain.

        A stage that is done stays done, even if a late process reports another status; only
        :meth:`reset_stage` changes that. A pruned stage stays pruned until it is started again or
        reported as done.

        Args:
            key: the stage's hash.
            status: done, cancelled, failed, interrupted or pruned.
            validation_accuracy: share of 1, of the kept weights.
            validation_loss: in nats, of the kept weights.
            test_accuracy: share of 1, of the kept weights.
            agreement: with its teacher on validation, share of 1, of the kept weights.
            ece: expected calibration error on validation, share of 1, of the kept weights.
            train_seconds: time spent training and validating, without pauses.
            kept_epoch: the epoch whose weights were kept.
            error: one sentence that says why it failed.

        Raises:
            NotFoundError: there is no such stage.
            UserError: a stage cannot end with that status.
        """
        if status not in END_STATUSES:
            raise UserError(
                f"A stage cannot end as {status}; use one of {', '.join(END_STATUSES)}."
            )
        with self._writing() as session:
            row = _find(session, key)
            if row.status in FINAL_STATUSES and status != "done":
                return
            row.status, row.error = status, error
            row.finished_at = datetime.now(UTC)
            _set_given(
                row,
                validation_accuracy=validation_accuracy,
                validation_loss=validation_loss,
                test_accuracy=test_accuracy,
                agreement=agreement,
                ece=ece,
                train_seconds=train_seconds,
                kept_epoch=kept_epoch,
            )

    def record_stage_quality(self, key: str, agreement: float | None, ece: float | None) -> None:
        """Store the validation scores that were computed after the end of a stage.

        Args:
            key: the stage's hash.
            agreement: with its teacher, share of 1, of the kept weights; None without a teacher.
            ece: expected calibration error, share of 1, of the kept weights; None if undefined.

        Raises:
            NotFoundError: there is no such stage.
        """
        with self._writing() as session:
            row = _find(session, key)
            row.agreement, row.ece = agreement, ece

    def reset_stage(self, key: str) -> None:
        """Delete a stage's epochs and figures and set it to new.

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


def _record_epoch(session: Session, key: str, row: EpochRow) -> Stage:
    if row.epoch < 1:
        raise UserError(f"Epochs count from 1; epoch {row.epoch} cannot be stored.")
    stage = _find(session, key)
    stage.epochs_done = row.epoch
    stage.agreement = stage.ece = None  # of the previous epoch
    if stage.status == "interrupted":  # by mistake: its process was only slow
        stage.status, stage.finished_at = "running", None
    session.execute(delete(Epoch).where(Epoch.stage_hash == key, Epoch.epoch >= row.epoch))
    session.add(_epoch_to_row(key, row))
    return stage


def _set_given(row: Stage, **figures: float | str | None) -> None:
    for name, value in figures.items():
        if value is not None:
            setattr(row, name, value)


def _epoch_to_row(key: str, row: EpochRow) -> Epoch:
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
