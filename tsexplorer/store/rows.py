"""From live rows to the snapshots that leave the store."""

from __future__ import annotations

from math import nan

from tsexplorer.specs import ExperimentSpec, StageSpec, parse_spec
from tsexplorer.store.schema import Epoch, Experiment, Job, Stage
from tsexplorer.store.snapshots import (
    EpochRow,
    ExperimentSnapshot,
    JobSnapshot,
    StageLink,
    StageSnapshot,
)
from tsexplorer.studies.sweep.spec import SweepSpec
from tsexplorer.studies.tuning.spec import TuneSpec


def experiment_snapshot(row: Experiment) -> ExperimentSnapshot:
    """An experiment with its stages in their order."""
    return ExperimentSnapshot(
        id=row.id,
        name=row.name,
        spec=parse_spec(ExperimentSpec, row.spec),
        created_at=row.created_at,
        stages=tuple(
            StageLink(link.seed, link.role, stage_snapshot(link.stage)) for link in row.links
        ),
        sweep=None if row.sweep is None else parse_spec(SweepSpec, row.sweep),
        tune=None if row.tune is None else parse_spec(TuneSpec, row.tune),
    )


def stage_snapshot(row: Stage) -> StageSnapshot:
    """A stage and its figures."""
    return StageSnapshot(
        hash=row.hash,
        spec=parse_spec(StageSpec, row.spec),
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
    """An epoch, with nan where the database has NULL."""
    return EpochRow(
        epoch=row.epoch,
        train_loss=_number(row.train_loss),
        terms={name: _number(value) for name, value in row.terms.items()},
        train_accuracy=_number(row.train_accuracy),
        validation_loss=_number(row.validation_loss),
        validation_accuracy=_number(row.validation_accuracy),
        learning_rate=_number(row.learning_rate),
        seconds=_number(row.seconds),
    )


def job_snapshot(row: Job) -> JobSnapshot:
    """A job as it stands."""
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


def _number(value: float | None) -> float:
    return nan if value is None else value
