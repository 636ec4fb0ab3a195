"""The tables, their column types, and the conversion of rows to snapshots.

A change of the tables needs a migration; a test compares the two. The column types behave the same
on SQLite and PostgreSQL.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Float, ForeignKey, Index, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

from tsexplorer.specs import Role
from tsexplorer.store.snapshots import (
    EpochRow,
    ExperimentSnapshot,
    JobSnapshot,
    JobStatus,
    Request,
    StageLink,
    StageSnapshot,
    StageStatus,
    StudyRecord,
)


class Instant(TypeDecorator[datetime]):
    """A time in UTC, in the database and in Python, even if the database has no time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Convert to UTC.

        Raises:
            ValueError: the time has no time zone.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time needs its time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Convert from the time zone of the session; from UTC if the database has none."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Real(TypeDecorator[float]):
    """A float. nan becomes NULL, as SQLite stores it, on both databases."""

    impl = Float
    cache_ok = True

    def process_bind_param(self, value: float | None, dialect: Dialect) -> float | None:  # noqa: ARG002
        """Convert nan to NULL, and NumPy's scalars to Python's."""
        return None if value is None or math.isnan(value) else float(value)


def without_nan(value: Any) -> Any:
    """Return a JSON value with None instead of nan and infinities, which JSON does not have.

    >>> without_nan({"loss": float("inf"), "epochs": [1, float("nan")]})
    {'loss': None, 'epochs': [1, None]}
    """
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


ShortText = String(16)
"""A status, a role or a request; the types in :mod:`.snapshots` list them."""


class Base(DeclarativeBase):
    """Base class with the metadata of all tables."""

    type_annotation_map = {datetime: Instant, float: Real, dict[str, Any]: JSON}  # noqa: RUF012


class Experiment(Base):
    """A study of any kind: its spec as a JSON document, and its stages planned so far."""

    __tablename__ = "experiments"

    id: Mapped[str] = mapped_column(String(8), primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    kind: Mapped[str] = mapped_column(ShortText, index=True)
    document: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    links: Mapped[list[ExperimentStage]] = relationship(
        order_by="ExperimentStage.position", passive_deletes=True
    )


class Stage(Base):
    """The training of one net, shared by all studies whose plan contains its hash."""

    __tablename__ = "stages"

    hash: Mapped[str] = mapped_column(String(16), primary_key=True)
    spec: Mapped[dict[str, Any]]
    status: Mapped[StageStatus] = mapped_column(ShortText)
    parameters: Mapped[int | None] = mapped_column(BigInteger)
    macs: Mapped[int | None] = mapped_column(BigInteger)
    epochs_done: Mapped[int]
    train_seconds: Mapped[float | None]
    validation_accuracy: Mapped[float | None]
    test_accuracy: Mapped[float | None]
    validation_loss: Mapped[float | None]
    agreement: Mapped[float | None]
    ece: Mapped[float | None]
    kept_epoch: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(Text)
    machine: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class ExperimentStage(Base):
    """A stage of a study: its role and seed, and its position in the order of training."""

    __tablename__ = "experiment_stages"

    experiment_id: Mapped[str] = mapped_column(
        ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True)
    seed: Mapped[int] = mapped_column(BigInteger)
    role: Mapped[Role] = mapped_column(ShortText)
    stage_hash: Mapped[str] = mapped_column(ForeignKey("stages.hash"), index=True)
    stage: Mapped[Stage] = relationship()


class Epoch(Base):
    """The figures of one epoch; nan is stored as NULL."""

    __tablename__ = "epochs"

    stage_hash: Mapped[str] = mapped_column(
        ForeignKey("stages.hash", ondelete="CASCADE"), primary_key=True
    )
    epoch: Mapped[int] = mapped_column(primary_key=True)
    train_loss: Mapped[float | None]
    terms: Mapped[dict[str, Any]]
    train_accuracy: Mapped[float | None]
    validation_loss: Mapped[float | None]
    validation_accuracy: Mapped[float | None]
    learning_rate: Mapped[float | None]
    seconds: Mapped[float | None]


class Job(Base):
    """A study in the queue, or one that has left it."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index("ix_jobs_status_position", "status", "position"),
        # Otherwise SQLite would give the id of a deleted job to the next one.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    experiment_id: Mapped[str] = mapped_column(
        ForeignKey("experiments.id", ondelete="CASCADE"), index=True
    )
    status: Mapped[JobStatus] = mapped_column(ShortText)
    cluster: Mapped[str | None] = mapped_column(Text)
    request: Mapped[Request | None] = mapped_column(ShortText)
    owner: Mapped[str | None] = mapped_column(Text)
    heartbeat_at: Mapped[datetime | None]
    position: Mapped[int]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)
    progress: Mapped[dict[str, Any]]


def study_record(row: Experiment) -> StudyRecord:
    """Return the snapshot of a study without its stages."""
    return StudyRecord(row.id, row.name, row.kind, row.document, row.created_at)


def experiment_snapshot(row: Experiment) -> ExperimentSnapshot:
    """Return the snapshot of a study with its stages in order."""
    return ExperimentSnapshot(
        id=row.id,
        name=row.name,
        kind=row.kind,
        document=row.document,
        created_at=row.created_at,
        stages=tuple(
            StageLink(link.seed, link.role, stage_snapshot(link.stage)) for link in row.links
        ),
    )


def stage_snapshot(row: Stage) -> StageSnapshot:
    """Return the snapshot of a stage."""
    return StageSnapshot(
        hash=row.hash,
        document=row.spec,
        status=row.status,
        parameters=row.parameters,
        macs=row.macs,
        epochs_done=row.epochs_done,
        train_seconds=row.train_seconds,
        validation_accuracy=row.validation_accuracy,
        test_accuracy=row.test_accuracy,
        validation_loss=row.validation_loss,
        agreement=row.agreement,
        ece=row.ece,
        kept_epoch=row.kept_epoch,
        error=row.error,
        machine=row.machine,
        created_at=row.created_at,
        finished_at=row.finished_at,
    )


def epoch_row(row: Epoch) -> EpochRow:
    """Return an epoch, with nan for NULL."""
    return EpochRow(
        epoch=row.epoch,
        train_loss=number_or_nan(row.train_loss),
        terms={name: number_or_nan(value) for name, value in row.terms.items()},
        train_accuracy=number_or_nan(row.train_accuracy),
        validation_loss=number_or_nan(row.validation_loss),
        validation_accuracy=number_or_nan(row.validation_accuracy),
        learning_rate=number_or_nan(row.learning_rate),
        seconds=number_or_nan(row.seconds),
    )


def job_snapshot(row: Job) -> JobSnapshot:
    """Return the snapshot of a job."""
    return JobSnapshot(
        id=row.id,
        experiment_id=row.experiment_id,
        status=row.status,
        request=row.request,
        owner=row.owner,
        heartbeat_at=row.heartbeat_at,
        position=row.position,
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        error=row.error,
        progress=row.progress,
        cluster=row.cluster,
    )


def number_or_nan(value: float | None) -> float:
    """A figure, nan where the database has NULL."""
    return math.nan if value is None else value
