"""One job, from its first stage to its last, in the calling thread."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress

import torch
from torch import Tensor

from tsexplorer.data.registry import load_splits
from tsexplorer.errors import Cancelled, UserError
from tsexplorer.jobs.board import Board
from tsexplorer.jobs.heart import Heart
from tsexplorer.jobs.weights import Shelf
from tsexplorer.settings import Settings
from tsexplorer.specs import StageSpec
from tsexplorer.store import EpochRow, ExperimentSnapshot, JobSnapshot, StageSnapshot, Store
from tsexplorer.training import events
from tsexplorer.training.control import Control
from tsexplorer.training.loop import train
from tsexplorer.training.precision import machine, pick_device
from tsexplorer.training.task import prepare

log = logging.getLogger(__name__)
Listener = Callable[[events.Event], None]
NICENESS = 5


class Runner:
    """Runs a job that its process has claimed."""

    def __init__(self, store: Store, settings: Settings, board: Board, owner: str) -> None:
        self._store, self._settings, self._board, self._owner = store, settings, board, owner
        self._shelf = Shelf(settings.stages_folder)

    def run(self, job: JobSnapshot, control: Control, listener: Listener | None = None) -> str:
        """Train what is not yet trained; never raises for what a person can mend.

        Returns:
            The status that the job ended in: done, cancelled or failed.
        """
        heart = Heart(self._store, job.id, self._owner, control, self._board, self._settings)
        with heart:
            status, sentence = self._attempt(job, control, listener)
        self._store.set_job_status(job.id, status, error=sentence)
        return status

    def _attempt(
        self, job: JobSnapshot, control: Control, listener: Listener | None
    ) -> tuple[str, str | None]:
        try:
            self._stages(job, control, listener)
        except Cancelled:
            return "cancelled", None
        except UserError as error:
            return "failed", str(error)
        except MemoryError:
            return "failed", "The machine ran out of memory; take a smaller net or batch."
        except Exception as error:
            log.exception("job %s failed", job.id)
            return "failed", f"Training stopped on an unexpected error ({type(error).__name__})."
        return "done", None

    def _stages(self, job: JobSnapshot, control: Control, listener: Listener | None) -> None:
        use_cores(self._settings.threads)
        experiment = self._store.experiment(job.experiment_id)
        self._board.update(job.id, {"stages": len(experiment.stages), "stages_done": 0})
        for link in experiment.stages:
            control.check()
            stage = self._store.stage(link.stage.hash)
            if not self._usable(stage):
                self._train(job, stage, control, listener)
            done = self._board.read(job.id).stages_done + 1
            self._board.update(job.id, {"stages_done": done, "progress": None})

    def _usable(self, stage: StageSnapshot) -> bool:
        """Whether a done stage still has its weights; one that lost them is trained again."""
        if stage.status != "done":
            return False
        if self._shelf.whole(stage.hash):
            return True
        self._store.reset_stage(stage.hash)
        return False

    def _train(
        self, job: JobSnapshot, stage: StageSnapshot, control: Control, listener: Listener | None
    ) -> None:
        key = stage.hash
        folder = self._settings.stages_folder / key

        def listen(event: events.Event) -> None:
            self._board.take(job.id, event)
            if isinstance(event, events.EpochEnded):
                self._store.record_epoch(key, _row(event))
            if listener is not None:
                listener(event)

        try:
            device = pick_device(self._settings.device)
            splits = load_splits(stage.spec.data.name, self._settings.data_folder)
            task = prepare(stage.spec, splits, device, self._trained)
            self._store.stage_started(key, parameters=task.parameters, machine=machine())
            ended = train(task, folder, listen, control)
        except Cancelled:
            self._store.stage_ended(key, "cancelled")
            raise
        except UserError as error:
            with suppress(UserError):
                self._store.stage_ended(key, "failed", error=str(error))
            raise
        self._store.stage_ended(
            key,
            "done",
            validation_accuracy=ended.validation_accuracy,
            validation_loss=ended.validation_loss,
            test_accuracy=ended.test_accuracy,
            train_seconds=ended.train_seconds,
            kept_epoch=ended.kept_epoch,
        )
        self._shelf.discard_checkpoint(key)

    def _trained(self, key: str) -> tuple[StageSpec, dict[str, Tensor]]:
        return self._store.stage(key).spec, self._shelf.weights(key)


def use_cores(threads: int | None) -> None:
    """Take the allowed cores for the calling thread, politely.

    torch keeps its number of threads per calling thread, so the trainer's own thread has to set
    it; a lower priority lets a page that must be drawn go first.
    """
    torch.set_num_threads(threads or os.cpu_count() or 1)
    if hasattr(os, "setpriority") and threading.current_thread() is not threading.main_thread():
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def _row(event: events.EpochEnded) -> EpochRow:
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
