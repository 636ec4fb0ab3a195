"""Run one job, from its first stage to its last, in the calling thread."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from tsexplorer.data.registry import load_splits
from tsexplorer.errors import Cancelled, UserError
from tsexplorer.jobs.cluster_chunks import check_cluster
from tsexplorer.jobs.heartbeat import HeartbeatThread
from tsexplorer.jobs.progress import ProgressBoard
from tsexplorer.jobs.stage_files import WeightFiles, failure_sentence, recorded_failures, stage_lock
from tsexplorer.jobs.study_run import StudyRun, StudySteps
from tsexplorer.settings import Settings
from tsexplorer.specs import StageSpec
from tsexplorer.store import EpochRow, JobSnapshot, StageSnapshot, Store, StoreError
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
        """Prepare a runner for a process.

        Args:
            store: has jobs and stages.
            settings: of the process.
            board: receives the progress of jobs.
            owner: name of the process, from :func:`~tsexplorer.jobs.heartbeat.this_process`.
            steps: returns how a kind of study trains; raises ``NotFoundError`` for an unknown kind.
        """
        self._store, self._settings, self._board = store, settings, board
        self._owner, self._steps = owner, steps

    def run(self, job: JobSnapshot, control: Control, listener: Listener | None = None) -> str:
        """Train the stages of a job that are not trained; store errors, do not raise them.

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
                status, sentence = "failed", failure_sentence(error)
        try:
            self._store.set_job_status(job.id, status, error=sentence, owner=self._owner)
        except UserError as error:  # without heartbeats it will be marked as interrupted
            log.warning("the status %s of job %s could not be stored: %s", status, job.id, error)
        return status

    def _train_study(self, job: JobSnapshot, control: Control, listener: Listener) -> None:
        use_cores(self._settings.threads)
        study = self._store.study(job.experiment_id)
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
        self.board.record(self.job.id, events.Notice(key, TRAINED_ELSEWHERE))
        self.control.check()

    def _is_trained(self, key: str) -> bool:
        """Whether a stage is done and its weights are undamaged."""
        stage = self.store.stage(key)
        return stage.status == "done" and self.files.are_intact(stage.spec)

    def _train_locked(self, key: str) -> None:
        folder = self.settings.stages_folder / key
        with stage_lock(folder, lambda: self.wait(key)):
            if self._is_trained(key):
                return
            if self.store.is_stage_done(key):
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
            self.board.record(self.job.id, event)
            epoch_log.record(event)
            self.listener(event)

        device = pick_device(self.settings.device)
        splits = load_splits(stage.spec.data.name, self.settings.data_folder)
        task = prepare(stage.spec, splits, device, self._teacher)
        self.store.record_stage_started(
            key, parameters=task.parameters, macs=task.macs, machine=describe_machine(device)
        )
        folder = self.settings.stages_folder / key
        ended = train(task, folder, listen, self.control, must_converge=True)
        epoch_log.flush()
        self.store.record_stage_ended(
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


class EpochLog:
    """Writes the epochs of a stage to the store, in order and without gaps.

    If the store is full or busy, training continues and the epochs are written later. Epochs that
    the process did not write before it was killed are in the checkpoint, and in the event
    :class:`~tsexplorer.training.events.StageStarted`.
    """

    def __init__(self, store: Store, stage: StageSnapshot) -> None:
        self._store, self._key = store, stage.hash
        self._epochs_stored = stage.epochs_done
        self._pending: list[EpochRow] = []

    def record(self, event: events.Event) -> None:
        """Write the epochs of an event, now if possible."""
        if isinstance(event, events.StageStarted):
            self._pending += [
                _epoch_row(epoch) for epoch in event.earlier if epoch.epoch > self._epochs_stored
            ]
        elif isinstance(event, events.EpochEnded):
            self._pending.append(_epoch_row(event))
        try:
            self.flush()
        except StoreError as error:
            log.warning("epochs of stage %s are written later: %s", self._key, error)

    def flush(self) -> None:
        """Write all epochs that are not written yet.

        Raises:
            StoreError: the store is full or busy.
        """
        while self._pending:
            self._store.record_epoch(self._key, self._pending[0])
            del self._pending[0]


def _epoch_row(event: events.EpochEnded) -> EpochRow:
    return EpochRow(
        epoch=event.epoch,
        train_loss=event.train_loss,
        terms=event.terms,
        train_accuracy=event.train_accuracy,
        validation_loss=event.validation_loss,
        validation_accuracy=event.validation_accuracy,
        learning_rate=event.learning_rate,
        seconds=event.seconds,
    )
