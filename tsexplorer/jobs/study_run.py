"""What the steps of a study need while its job runs, and what a job needs from a kind of study."""

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
    """What a job trains.

    Attributes:
        stages_first: how many of the study's stages, from its first, are trained one after the
            other before the study's own steps.
        stages: how many stages the job has in all, as far as that is known beforehand.
    """

    stages_first: int
    stages: int


@dataclass(frozen=True)
class StudyRun:
    """A study whose job runs in the calling thread.

    Attributes:
        store: where stages are kept.
        settings: of the process.
        board: shows the job's progress.
        job: the job.
        study: what the job trains.
        control: pause, resume, step, cancel.
        listener: called with each training event.
        train_stage: trains the stage with a hash, unless it is trained already.
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
        self.store.extend_experiment(self.study.id, stages)
        for stage in stages:
            self.train_stage(stage.spec.hash)


class StudySteps(Protocol):
    """How a kind of study trains."""

    def plan_job(self, study: StudyRecord, stages: int) -> JobPlan:
        """What a job trains of a study that has this many stages now."""

    def train(self, run: StudyRun) -> None:
        """Train what is left once the first stages are done.

        Raises:
            Cancelled: the job was cancelled; finished stages stay.
            UserError: why it cannot go on, in one sentence.
        """
