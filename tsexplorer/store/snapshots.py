"""What the store answers with: frozen copies of its rows, safe to hand to any thread."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from tsexplorer.errors import NotFoundError
from tsexplorer.planning import stage_noun
from tsexplorer.specs import ExperimentSpec, Role, StageSpec
from tsexplorer.students.events import Scores
from tsexplorer.studies.sweep.spec import SweepSpec
from tsexplorer.studies.tuning.spec import TuneSpec

StageStatus = Literal["new", "running", "interrupted", "cancelled", "failed", "pruned", "done"]
JobStatus = Literal["queued", "running", "paused", "interrupted", "done", "failed", "cancelled"]
Request = Literal["pause", "resume", "step", "cancel"]
Kind = Literal["experiment", "sweep", "tuning"]


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
        learning_rate: in force at the epoch's end.
        seconds: time spent on the epoch.
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
    """One student's epoch in a sweep.

    Attributes:
        stage: the student's hash.
        row: its figures.
        agreement: with its teacher on validation, share of 1; None where it is not known.
        ece: expected calibration error on validation, share of 1; None where it is not known.
    """

    stage: str
    row: EpochRow
    agreement: float | None
    ece: float | None


@dataclass(frozen=True)
class StageSnapshot:
    """One net to be trained, and what came of it; figures are None until they are known.

    Attributes:
        hash: of the spec, 16 hex digits.
        spec: all that decides the net's weights.
        status: where its training stands; pruned is what a search gave up, as if never trained.
        parameters: weights that are trained.
        macs: multiply-accumulates for one image.
        epochs_done: the last epoch that was recorded, 0 before the first.
        train_seconds: time spent training and validating, pauses left out.
        validation_accuracy: share of 1, of the kept weights.
        test_accuracy: share of 1, of the kept weights.
        validation_loss: in nats, of the kept weights.
        agreement: with its teacher on validation, share of 1; known of a sweep's students alone,
            while they train of the last epoch.
        ece: expected calibration error on validation, share of 1; known as agreement is.
        kept_epoch: the epoch whose weights were kept.
        error: one sentence that says why it failed.
        machine: what it was trained on, in words.
        created_at: when it was first planned, UTC.
        finished_at: when its training last stopped, UTC.
    """

    hash: str
    spec: StageSpec
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


@dataclass(frozen=True)
class StageLink:
    """The part that a stage plays in an experiment."""

    seed: int
    role: Role
    stage: StageSnapshot


@dataclass(frozen=True)
class ExperimentSnapshot:
    """An experiment and its stages, in the order in which they are to be trained.

    Attributes:
        id: 8 hex digits, for URLs and the shell.
        name: unique, the same as ``spec.name``.
        spec: what was asked for.
        created_at: UTC.
        stages: one link for each planned stage.
        sweep: the grid, where this is the plan of a sweep; None for an experiment as such.
        tune: what is searched, where this is a tuning, whose stages are those asked for so far.
    """

    id: str
    name: str
    spec: ExperimentSpec
    created_at: datetime
    stages: tuple[StageLink, ...]
    sweep: SweepSpec | None = None
    tune: TuneSpec | None = None

    @property
    def kind(self) -> Kind:
        """What it is, in a word."""
        if self.tune is not None:
            return "tuning"
        return "experiment" if self.sweep is None else "sweep"

    def stage(self, seed: int, role: Role) -> StageSnapshot:
        """The (first) stage of a role for a seed.

        Raises:
            NotFoundError: the experiment has no such stage.
        """
        for link in self.stages:
            if (link.seed, link.role) == (seed, role):
                return link.stage
        raise NotFoundError(
            f'The experiment "{self.name}" has no {role} for seed {seed}; take one of its seeds.'
        )

    def part(self, link: StageLink) -> str:
        """What one of its stages is to it, in words: the role, numbered where there are several."""
        alike = [one for one in self.stages if (one.seed, one.role) == (link.seed, link.role)]
        place = next(place for place, one in enumerate(alike) if one.stage.hash == link.stage.hash)
        named: dict[Role, str] = {
            "hint": "hints",
            "member": f"teacher {place + 2}",
            "generation": f"generation {place + 1}",
        }
        return named.get(link.role, link.role)

    @property
    def counted(self) -> str:
        """What its stages are counted as, nets for the most part."""
        return stage_noun(link.role for link in self.stages)

    @property
    def scores(self) -> dict[str, Scores]:
        """What the kept weights of the stages that are done score on validation, by hash."""
        stages = {link.stage.hash: link.stage for link in self.stages}
        return {
            key: Scores(
                one.validation_accuracy,
                math.nan if one.validation_loss is None else one.validation_loss,
                one.agreement,
                one.ece,
            )
            for key, one in stages.items()
            if one.status == "done" and one.validation_accuracy is not None
        }

    @property
    def done(self) -> bool:
        """Whether nothing is left to train."""
        return bool(self.stages) and all(link.stage.status == "done" for link in self.stages)

    @property
    def status(self) -> StageStatus:
        """The most pressing status among its stages; done only when all of them are."""
        if self.done:
            return "done"
        found = {link.stage.status for link in self.stages}
        pressing: tuple[StageStatus, ...] = ("running", "failed", "interrupted", "cancelled")
        return next((status for status in pressing if status in found), "new")


@dataclass(frozen=True)
class JobSnapshot:
    """An experiment in the queue, or one that has left it.

    Attributes:
        id: a number that is never given twice.
        experiment_id: what is trained: an experiment, a sweep, or a tuning.
        status: where it stands.
        request: what somebody asked of it and its owner has not yet heard.
        owner: the process that runs it, or ran it last: ``host:pid:start``.
        heartbeat_at: when the owner last said that it is alive, UTC.
        position: lower is earlier; a job that is queued again goes to the back.
        created_at: UTC.
        started_at: when its owner took it, UTC.
        ended_at: when it left the queue, UTC.
        error: one sentence that says why it failed.
        progress: what the owner last said about it.
        cluster: address of the scheduler whose workers train its students; None: here.
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
