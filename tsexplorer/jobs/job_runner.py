"""Runs one job, from its first stage to its last, in the calling thread."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from tsexplorer.data.registry import load_splits
from tsexplorer.errors import Cancelled, UserError
from tsexplorer.jobs.cluster_chunks import check_cluster
from tsexplorer.jobs.epoch_log import EpochLog
from tsexplorer.jobs.heartbeat import HeartbeatThread
from tsexplorer.jobs.progress import ProgressBoard
from tsexplorer.jobs.stage_files import WeightFiles, in_one_sentence, recorded_failures, stage_lock
from tsexplorer.jobs.study_run import StudyRun, StudySteps
from tsexplorer.settings import Settings
from tsexplorer.specs import StageSpec
from tsexplorer.store import JobSnapshot, StageSnapshot, Store
from tsexplorer.training import events
from tsexplorer.training.control import Control
from tsexplorer.training.device import describe_machine, pick_device, use_cores
from tsexplorer.training.loop import train
from tsexplorer.training.task import prepare

log = logging.getLogger(__name__)
Listener = Callable[[events.Event], None]
TRAINED_ELSEWHERE = (
    "Another process trains one of these nets; this job waits and then reuses the result."
)


class JobRunner:
    """Runs jobs that its process has claimed."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        board: ProgressBoard,
        owner: str,
        steps: Callable[[str], StudySteps],
    ) -> None:
        """A runner for a process.

        Args:
            store: where jobs and stages are kept.
            settings: of the process.
            board: where the progress of jobs is shown.
            owner: the process, as jobs name it.
            steps: returns how a kind of study trains; raises ``NotFoundError`` for an unknown kind.
        """
        self._store, self._settings, self._board = store, settings, board
        self._owner, self._steps = owner, steps

    def run(self, job: JobSnapshot, control: Control, listener: Listener | None = None) -> str:
        """Train what is not yet trained; raises nothing that a user can mend.

        Returns:
            The final status of the job: done, cancelled or failed.
        """
        sentence = None
        heartbeat = HeartbeatThread(
            self._store, job.id, self._owner, control, self._board, self._settings
        )
        with heartbeat:
            try:
                self._train_study(job, control, listener or _ignore)
                status = "done"
            except Cancelled:
                status = "cancelled"
            except Exception as error:
                status, sentence = "failed", in_one_sentence(error)
        try:
            self._store.set_job_status(job.id, status, error=sentence, owner=self._owner)
        except UserError as error:  # its heartbeat stops, so that it will be called interrupted
            log.warning("the status %s of job %s could not be stored: %s", status, job.id, error)
        return status

    def _train_study(self, job: JobSnapshot, control: Control, listener: Listener) -> None:
        use_cores(self._settings.threads)
        study = self._store.record(job.experiment_id)
        stages = self._store.stage_figures(study.id)
        steps = self._steps(study.kind)
        plan = steps.plan_job(study, len(stages))
        self._board.begin(job.id, stages=plan.stages)
        if job.cluster is not None and any(stage.status != "done" for stage in stages):
            check_cluster(job.cluster, control)
        trainer = _StageTrainer(self._store, self._settings, self._board, job, control, listener)
        for stage in stages[: plan.stages_first]:
            trainer.train(stage.hash)
        steps.train(
            StudyRun(
                store=self._store,
                settings=self._settings,
                board=self._board,
                job=job,
                study=study,
                control=control,
                listener=listener,
                train_stage=trainer.train,
                wait=trainer.wait,
                read_splits=lambda: load_splits(study.spec.data.name, self._settings.data_folder),
            )
        )


@dataclass(frozen=True)
class _StageTrainer:
    """Trains stages of a job, one at a time."""

    store: Store
    settings: Settings
    board: ProgressBoard
    job: JobSnapshot
    control: Control
    listener: Listener

    @property
    def files(self) -> WeightFiles:
        return WeightFiles(self.settings.stages_folder)

    def train(self, key: str) -> None:
        """Train a stage unless it is trained; wait while another process trains it."""
        if not self._is_trained(key):
            self.control.check()
            self._train_locked(key)
        self.files.discard_checkpoint(key)
        self.board.stage_done(self.job.id)

    def wait(self, key: str) -> None:
        """Show that another process trains a stage of this job."""
        self.board.take(self.job.id, events.Notice(key, TRAINED_ELSEWHERE))
        self.control.check()

    def _is_trained(self, key: str) -> bool:
        """Whether a stage is done and its weights are undamaged."""
        stage = self.store.stage(key)
        return stage.status == "done" and self.files.are_whole(stage.spec)

    def _train_locked(self, key: str) -> None:
        folder = self.settings.stages_folder / key
        with stage_lock(folder, lambda: self.wait(key)):
            if self._is_trained(key):
                return
            if self.store.has_stage_done(key):
                # Done, but its weights are missing. The checkpoint is removed too: with it the
                # curve would lack the epochs before the checkpoint.
                self.store.reset_stage(key)
                self.files.discard_checkpoint(key)
            with recorded_failures([key], self.store, self.files, self.listener):
                self._fit(self.store.stage(key))
        self.control.epoch_ended()

    def _fit(self, stage: StageSnapshot) -> None:
        key = stage.hash
        epoch_log = EpochLog(self.store, stage)

        def listen(event: events.Event) -> None:
            self.board.take(self.job.id, event)
            epoch_log.take(event)
            self.listener(event)

        device = pick_device(self.settings.device)
        splits = load_splits(stage.spec.data.name, self.settings.data_folder)
        task = prepare(stage.spec, splits, device, self._teacher)
        self.store.stage_started(
            key, parameters=task.parameters, macs=task.macs, machine=describe_machine(device)
        )
        folder = self.settings.stages_folder / key
        ended = train(task, folder, listen, self.control, must_converge=True)
        epoch_log.settle()
        self.store.stage_ended(
            key,
            "done",
            validation_accuracy=ended.validation_accuracy,
            validation_loss=ended.validation_loss,
            test_accuracy=ended.test_accuracy,
            train_seconds=ended.train_seconds,
            kept_epoch=ended.kept_epoch,
        )

    def _teacher(self, key: str) -> tuple[StageSpec, dict[str, Tensor]]:
        return self.store.stage(key).spec, self.files.weights(key)


def _ignore(event: events.Event) -> None:
    """Ignore an event."""
