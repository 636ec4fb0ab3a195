"""Frozen copies of the store's rows, which any thread may read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Literal, NamedTuple

from tsexplorer.errors import NotFoundError
from tsexplorer.planning import stage_noun
from tsexplorer.specs import ExperimentSpec, Role, StageSpec, parse_spec

StageStatus = Literal["new", "running", "interrupted", "cancelled", "failed", "pruned", "done"]
JobStatus = Literal["queued", "running", "paused", "interrupted", "done", "failed", "cancelled"]
Request = Literal["pause", "resume", "step", "cancel"]
EXPERIMENT = "experiment"
"""The kind of a study that is an experiment; studies of other kinds have a base experiment."""


@dataclass(frozen=True)
class EpochRow:
    """The figures of one epoch; a loss that diverged is nan.

    Attributes:
        epoch: from 1.
        train_loss: mean over the epoch's batches, in nats.
        terms: the named parts of the training loss.
        train_accuracy: share of 1.
        validation_loss: in nats.
        validation_accuracy: share of 1.
        learning_rate: at the end of the epoch.
        seconds: duration of the epoch.
    """

    epoch: int
    train_loss: float
    terms: Mapping[str, float]
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class StudentRow:
    """One epoch of a student that trains together with others.

    Attributes:
        stage: hash of the student's stage.
        row: the figures of the epoch.
        agreement: with its teacher on validation, share of 1; None if unknown.
        ece: expected calibration error on validation, share of 1; None if unknown.
    """

    stage: str
    row: EpochRow
    agreement: float | None
    ece: float | None


@dataclass(frozen=True)
class StageSnapshot:
    """One net to be trained and its results; figures are None until they are known.

    Attributes:
        hash: of the spec, 16 hex digits.
        document: the spec as JSON: all that decides the net's weights.
        status: of its training; pruned: a search stopped it early.
        parameters: trainable weights.
        macs: multiply-accumulates for one image.
        epochs_done: the last recorded epoch, 0 before the first.
        train_seconds: time spent training and validating, without pauses.
        validation_accuracy: share of 1, of the kept weights.
        test_accuracy: share of 1, of the kept weights.
        validation_loss: in nats, of the kept weights.
        agreement: with its teacher on validation, share of 1; only of students that trained as
            one of many, of the last epoch while they train.
        ece: expected calibration error on validation, share of 1; as for agreement.
        kept_epoch: the epoch whose weights were kept.
        error: one sentence that says why it failed.
        machine: description of the machine that trained it.
        created_at: when it was first planned, UTC.
        finished_at: when its training last stopped, UTC.
    """

    hash: str
    document: Mapping[str, Any]
    status: StageStatus
    parameters: int | None
    macs: int | None
    epochs_done: int
    train_seconds: float | None
    validation_accuracy: float | None
    test_accuracy: float | None
    validation_loss: float | None
    agreement: float | None
    ece: float | None
    kept_epoch: int | None
    error: str | None
    machine: str | None
    created_at: datetime
    finished_at: datetime | None

    @cached_property
    def spec(self) -> StageSpec:
        """All that decides the net's weights."""
        return parse_spec(StageSpec, dict(self.document))


class LastEpoch(NamedTuple):
    """The validation figures of a stage's last finished epoch.

    Attributes:
        epoch: its number, from 1.
        validation_accuracy: share of 1; nan if the loss was not finite.
        validation_loss: in nats.
    """

    epoch: int
    validation_accuracy: float
    validation_loss: float


class StageFigures(NamedTuple):
    """A stage's role in a study and its figures, without its spec: fast to read in thousands.

    Attributes:
        hash: of the stage.
        seed: the seed of the study that the stage belongs to.
        role: of the stage in the study.
        status: of its training.
        epochs_done: the last recorded epoch, 0 before the first.
        validation_accuracy: share of 1, of the kept weights.
        validation_loss: in nats, of the kept weights.
        test_accuracy: share of 1, of the kept weights.
        agreement: with its teacher on validation, share of 1.
        ece: expected calibration error on validation, share of 1.
    """

    hash: str
    seed: int
    role: Role
    status: StageStatus
    epochs_done: int
    validation_accuracy: float | None
    validation_loss: float | None
    test_accuracy: float | None
    agreement: float | None
    ece: float | None


class StageCount(NamedTuple):
    """The numbers of planned and of finished stages of a study."""

    stages: int
    done: int


@dataclass(frozen=True)
class StageLink:
    """A stage of a study: its seed and its role."""

    seed: int
    role: Role
    stage: StageSnapshot


@dataclass(frozen=True)
class StudyRecord:
    """A study without its stages.

    Attributes:
        id: 8 hex digits, for URLs and the shell.
        name: unique among studies of all kinds.
        kind: ``experiment``, or another registered kind of study.
        document: the study's spec as JSON; of other kinds than experiments, ``base`` is the
            experiment whose settings the study varies.
        created_at: UTC.
    """

    id: str
    name: str
    kind: str
    document: Mapping[str, Any]
    created_at: datetime

    @cached_property
    def spec(self) -> ExperimentSpec:
        """The experiment itself, or the base experiment of a study of another kind."""
        document = self.document if self.kind == EXPERIMENT else self.document["base"]
        return parse_spec(ExperimentSpec, dict(document))


@dataclass(frozen=True)
class ExperimentSnapshot(StudyRecord):
    """A study with its stages.

    Attributes:
        stages: one link for each planned stage, in the order of training.
    """

    stages: tuple[StageLink, ...]

    def stage(self, seed: int, role: Role) -> StageSnapshot:
        """Return the first stage with a seed and a role.

        Raises:
            NotFoundError: the study has no such stage.
        """
        for link in self.stages:
            if (link.seed, link.role) == (seed, role):
                return link.stage
        raise NotFoundError(
            f'The experiment "{self.name}" has no {role} for seed {seed}; choose one of its seeds.'
        )

    def part(self, link: StageLink) -> str:
        """The title of a stage: its role, with a number if several stages have the same role."""
        same_role = [
            other for other in self.stages if (other.seed, other.role) == (link.seed, link.role)
        ]
        position = [other.stage.hash for other in same_role].index(link.stage.hash)
        names: dict[Role, str] = {
            "hint": "hints",
            "member": f"teacher {position + 2}",
            "generation": f"generation {position + 1}",
        }
        return names.get(link.role, link.role)

    @property
    def stage_noun(self) -> str:
        """The plural noun for its stages: nets, or trainings if a net is trained in two stages."""
        return stage_noun(link.role for link in self.stages)

    @property
    def done(self) -> bool:
        """Whether all stages are trained."""
        return bool(self.stages) and all(link.stage.status == "done" for link in self.stages)

    @property
    def status(self) -> StageStatus:
        """The most urgent status of its stages; done if all stages are done."""
        if self.done:
            return "done"
        statuses = {link.stage.status for link in self.stages}
        by_urgency: tuple[StageStatus, ...] = ("running", "failed", "interrupted", "cancelled")
        return next((status for status in by_urgency if status in statuses), "new")


@dataclass(frozen=True)
class JobSnapshot:
    """A study in the queue, or one that has left it.

    Attributes:
        id: a number that is never reused.
        experiment_id: the study that is trained.
        status: of the job.
        request: a control request that the owner has not yet read.
        owner: the process that runs it, or ran it last: ``host:pid:start``.
        heartbeat_at: when the owner last wrote its heartbeat, UTC.
        position: in the queue, lower is earlier; a job that is queued again goes to the end.
        created_at: UTC.
        started_at: when its owner claimed it, UTC.
        ended_at: when it ended, UTC.
        error: one sentence that says why it failed.
        progress: as the owner last reported it.
        cluster: address of the scheduler whose workers train its students; None: this machine.
    """

    id: int
    experiment_id: str
    status: JobStatus
    request: Request | None
    owner: str | None
    heartbeat_at: datetime | None
    position: int
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    error: str | None
    progress: Mapping[str, Any] = field(default_factory=dict)
    cluster: str | None = None
