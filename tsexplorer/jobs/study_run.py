"""The interface between jobs and kinds of study: how a study trains, and with what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from tsexplorer.data.registry import Splits
from tsexplorer.jobs.progress import ProgressBoard
from tsexplorer.planning import PlannedStage
from tsexplorer.settings import Settings
from tsexplorer.store import JobSnapshot, Store, StudyRecord
from tsexplorer.training import events
from tsexplorer.training.control import Control


class JobPlan(NamedTuple):
    """The number of stages of a job.

    Attributes:
        stages_first: of the study's stages, the first ones that are trained one after the other
            before the study's own steps.
        stages: in total, as far as known when the job starts.
    """

    stages_first: int
    stages: int


@dataclass(frozen=True)
class StudyRun:
    """A study whose job runs in the calling thread.

    Attributes:
        store: has the stages.
        settings: of the process.
        board: shows the job's progress.
        job: the job.
        study: that the job trains.
        control: pause, resume, step, cancel.
        listener: called with each training event.
        train_stage: trains the stage with a given hash, unless it is trained.
        wait: called with a stage's hash while another process trains that stage; may raise.
        read_splits: reads the study's data.
    """

    store: Store
    settings: Settings
    board: ProgressBoard
    job: JobSnapshot
    study: StudyRecord
    control: Control
    listener: events.Listener
    train_stage: Callable[[str], None]
    wait: Callable[[str], object]
    read_splits: Callable[[], Splits]

    @property
    def splits(self) -> Splits:
        """The study's data.

        Raises:
            UserError: the data is missing or damaged.
        """
        return self.read_splits()

    def train_stages(self, stages: Sequence[PlannedStage]) -> None:
        """Add stages to the study and train them one after the other.

        Raises:
            Cancelled: the job was cancelled; finished stages stay.
            UserError: why a stage cannot be trained, in one sentence.
        """
        self.store.add_stages(self.study.id, stages)
        for stage in stages:
            self.train_stage(stage.spec.hash)


class StudySteps(Protocol):
    """How a kind of study trains."""

    def plan_job(self, study: StudyRecord, stages: int) -> JobPlan:
        """Return the plan of a job for a study that has ``stages`` stages now."""

    def train(self, run: StudyRun) -> None:
        """Train the study after the plan's first stages are done.

        Raises:
            Cancelled: the job was cancelled; finished stages stay.
            UserError: why it cannot be trained, in one sentence.
        """
