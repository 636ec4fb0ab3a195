"""One job, from its first stage to its last, in the calling thread."""

from __future__ import annotations

import logging
from collections.abc import Callable

from torch import Tensor

from tsexplorer.data.registry import load_splits
from tsexplorer.errors import Cancelled, UserError
from tsexplorer.jobs.cluster_chunks import check_cluster
from tsexplorer.jobs.epoch_log import EpochLog
from tsexplorer.jobs.heartbeat import HeartbeatThread
from tsexplorer.jobs.local_chunks import LocalChunkRunner, StudentBatch
from tsexplorer.jobs.progress import ProgressBoard
from tsexplorer.jobs.search_rounds import SearchRunner
from tsexplorer.jobs.stage_files import WeightFiles, in_one_sentence, noted
from tsexplorer.jobs.stage_lock import turn
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
ELSEWHERE = (
    "Another process trains one of these nets already; this job waits, and takes what comes of it."
)


class Runner:
    """Runs a job that its process has claimed."""

    def __init__(self, store: Store, settings: Settings, board: ProgressBoard, owner: str) -> None:
        self._store, self._settings, self._board, self._owner = store, settings, board, owner
        self._shelf = WeightFiles(settings.stages_folder)

    def run(self, job: JobSnapshot, control: Control, listener: Listener | None = None) -> str:
        """Train what is not yet trained; never raises for what a person can mend.

        Returns:
            The status that the job ended in: done, cancelled or failed.
        """
        sentence = None
        with HeartbeatThread(
            self._store, job.id, self._owner, control, self._board, self._settings
        ):
            try:
                self._stages(job, control, listener or _nobody)
                status = "done"
            except Cancelled:
                status = "cancelled"
            except Exception as error:
                status, sentence = "failed", in_one_sentence(error)
        try:
            self._store.set_job_status(job.id, status, error=sentence, owner=self._owner)
        except UserError as error:  # it will be found silent, and called interrupted
            log.warning("that job %s is %s could not be noted: %s", job.id, status, error)
        return status

    def _stages(self, job: JobSnapshot, control: Control, listener: Listener) -> None:
        use_cores(self._settings.threads)
        experiment = self._store.experiment(job.experiment_id)
        sweep, tune = experiment.sweep, experiment.tune
        stages, expected = experiment.stages, len(experiment.stages)
        if sweep is not None:
            before = {stage.hash for stage in sweep.before}
            stages = tuple(link for link in stages if link.stage.hash in before)
        elif tune is not None:
            stages = stages[: len(tune.before)]
            expected = len(tune.before) + tune.most_students
        self._board.begin(job.id, stages=expected)
        if job.cluster is not None and not experiment.done:
            check_cluster(job.cluster, control)
        for link in stages:
            if not self._trained(link.stage.hash):
                control.check()
                self._in_turn(job, link.stage.hash, control, listener)
            self._shelf.discard_checkpoint(link.stage.hash)
            self._board.stage_done(job.id)
        if sweep is None and tune is None:
            return

        def waiting(key: str) -> None:
            self._wait(job, key, control)

        splits = load_splits(experiment.spec.data.name, self._settings.data_folder)
        places = self._store, self._settings, self._board, job
        if sweep is not None:
            folder = self._settings.sweeps_folder / experiment.id
            lot = StudentBatch(sweep.students, folder, 0, len(sweep.students))
            LocalChunkRunner(*places, lot, splits).run(control, listener, waiting)
        else:
            SearchRunner(*places, experiment, splits).run(control, listener, waiting)

    def _wait(self, job: JobSnapshot, key: str, control: Control) -> None:
        """Another process trains a net of ours."""
        self._board.take(job.id, events.Notice(key, ELSEWHERE))
        control.check()

    def _trained(self, key: str) -> bool:
        """Whether a stage needs no more training: it is done, and its weights are there."""
        stage = self._store.stage(key)
        return stage.status == "done" and self._shelf.whole(stage.spec)

    def _in_turn(self, job: JobSnapshot, key: str, control: Control, listener: Listener) -> None:
        """Train a stage, unless another process is at it: then wait, and look again."""
        folder = self._settings.stages_folder / key
        with turn(folder, lambda: self._wait(job, key, control)):
            if self._trained(key):
                return
            if self._store.has_stage_done(key):
                # Done and yet without weights. Its checkpoint goes, too: the curve would not
                # have the epochs that came before it.
                self._store.reset_stage(key)
                self._shelf.discard_checkpoint(key)
            with noted([key], self._store, self._shelf, listener):
                self._fit(job, self._store.stage(key), control, listener)
        control.epoch_ended()

    def _fit(
        self, job: JobSnapshot, stage: StageSnapshot, control: Control, listener: Listener
    ) -> None:
        key = stage.hash
        ledger = EpochLog(self._store, stage)

        def listen(event: events.Event) -> None:
            self._board.take(job.id, event)
            ledger.take(event)
            listener(event)

        device = pick_device(self._settings.device)
        splits = load_splits(stage.spec.data.name, self._settings.data_folder)
        task = prepare(stage.spec, splits, device, self._teacher)
        self._store.stage_started(
            key, parameters=task.parameters, macs=task.macs, machine=describe_machine(device)
        )
        folder = self._settings.stages_folder / key
        ended = train(task, folder, listen, control, must_converge=True)
        ledger.settle()
        self._store.stage_ended(
            key,
            "done",
            validation_accuracy=ended.validation_accuracy,
            validation_loss=ended.validation_loss,
            test_accuracy=ended.test_accuracy,
            train_seconds=ended.train_seconds,
            kept_epoch=ended.kept_epoch,
        )

    def _teacher(self, key: str) -> tuple[StageSpec, dict[str, Tensor]]:
        return self._store.stage(key).spec, self._shelf.weights(key)


def _nobody(event: events.Event) -> None:
    """Listens to nothing."""
