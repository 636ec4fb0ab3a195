"""Results of students that train together: reads and writes weights, metrics and epochs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from math import nan
from time import monotonic

import torch

from tsexplorer.data.registry import Splits
from tsexplorer.jobs.stage_files import WeightFiles
from tsexplorer.models import count
from tsexplorer.settings import Settings
from tsexplorer.specs import StageSpec
from tsexplorer.store import EpochRow, Store, StoreError, StudentRow
from tsexplorer.students.chunks import Arrays, Chunk, ChunkResult, StudentResult, as_arrays
from tsexplorer.students.events import ChunkStarted, StudentEpoch
from tsexplorer.students.student_scores import score_trained_student
from tsexplorer.training import checkpoints
from tsexplorer.training.checkpoints import WEIGHTS
from tsexplorer.training.device import pick_device
from tsexplorer.training.events import Event

log = logging.getLogger(__name__)
WRITE_INTERVAL_SECONDS = 0.5
"""Time between two writes of epochs; pages read them less often."""


class StudentResultWriter:
    """Reads and writes students in the store and in the weight files, wherever they train."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        splits: Splits,
        pruned: Collection[str] = (),
    ) -> None:
        """Prepare for the students of one dataset.

        Args:
            store: has the students as stages.
            settings: of the process.
            splits: the dataset.
            pruned: hashes of students that need no training; read again on each call.
        """
        self.store, self.files, self.splits = store, WeightFiles(settings.stages_folder), splits
        self._settings, self._pruned = settings, pruned

    def missing(self, students: Sequence[StageSpec]) -> list[StageSpec]:
        """Return the students to train: not pruned, and not done or without intact weights."""
        done = self.store.done_stages([student.hash for student in students])
        missing = []
        for student in students:
            if student.hash in self._pruned:
                continue
            if student.hash in done:
                if self.files.are_intact(student):
                    continue
                self.store.reset_stage(student.hash)
            missing.append(student)
        return missing

    def score(self, students: Iterable[StageSpec], check: Callable[[], object]) -> None:
        """Store agreement and calibration error of students that an experiment trained.

        Args:
            students: trained, without these two metrics.
            check: called often; may raise to stop.
        """

        def load(key: str) -> tuple[StageSpec, dict[str, torch.Tensor]]:
            return self.store.stage(key).spec, self.files.weights(key)

        device = pick_device(self._settings.device)
        for student in students:
            check()
            scores = score_trained_student(student, self.splits, device, load, check)
            self.store.record_stage_quality(student.hash, scores.agreement, scores.ece)

    def source_nets(self, chunk: Chunk) -> dict[str, tuple[StageSpec, Arrays]]:
        """Return the nets that the students learn from or start from, by hash."""
        keys = {key for student in chunk.students for key in student.teachers}
        keys |= {student.start_from for student in chunk.students if student.start_from}
        return {
            key: (self.store.stage(key).spec, as_arrays(self.files.weights(key))) for key in keys
        }

    def begin(self, chunk: Chunk, keys: Sequence[str], machine: str) -> StudentEpochLog:
        """Store that students of a chunk are training, and return the log of their epochs.

        Args:
            chunk: all its nets have the same size.
            keys: hashes of the students that are missing.
            machine: description of the machine that trains them.
        """
        epochs_stored = {key: self.store.stage(key).epochs_done for key in keys}
        size = count(chunk.students[0].model, self.splits.info.task)
        self.store.record_students_started(
            keys, parameters=size.parameters, macs=size.macs, machine=machine
        )
        return StudentEpochLog(self.store, epochs_stored)

    def keep(self, result: ChunkResult, keys: Collection[str]) -> None:
        """Write the students of a chunk that were missing: weights first, then the status."""
        seconds = result.seconds / max(len(result.students), 1)
        for student in result.students:
            key = student.spec.hash
            if key in keys:
                self.write_weights(student)
                scores = student.validation
                self.store.record_stage_ended(
                    key,
                    "done",
                    validation_accuracy=scores.accuracy,
                    validation_loss=scores.loss,
                    test_accuracy=student.test_accuracy,
                    agreement=scores.agreement,
                    ece=scores.ece,
                    train_seconds=seconds,
                    kept_epoch=student.kept_epoch,
                )
                self.files.discard_checkpoint(key)

    def write_weights(self, student: StudentResult) -> None:
        """Write a student's weights file."""
        assert student.weights is not None
        tensors = {name: torch.from_numpy(value) for name, value in student.weights.items()}
        header = {"spec": student.spec.model_dump(mode="json", by_alias=True)}
        path = self._settings.stages_folder / student.spec.hash / WEIGHTS
        checkpoints.write(path, tensors, header)


class StudentEpochLog:
    """Writes the epochs of many students to the store, many in one transaction.

    If the store is full or busy, training continues and the epochs are written later. Epochs that
    the process did not write before it was killed are in the chunk's checkpoint.
    """

    def __init__(self, store: Store, epochs_stored: Mapping[str, int]) -> None:
        """Prepare a log.

        Args:
            store: receives the epochs.
            epochs_stored: number of epochs that the store has, by student hash; epochs of other
                students are ignored.
        """
        self._store, self._epochs_stored = store, epochs_stored
        self._pending: list[StudentRow] = []
        self._written_at = monotonic()

    def record(self, event: Event) -> None:
        """Add the epochs of an event, and write if the last write was half a second ago."""
        if isinstance(event, ChunkStarted):
            for epoch in event.earlier:
                if epoch.epoch > self._epochs_stored.get(epoch.stage, 0):
                    self._add(epoch)
        elif isinstance(event, StudentEpoch):
            self._add(event)
        if monotonic() - self._written_at < WRITE_INTERVAL_SECONDS:
            return
        try:
            self.flush()
        except StoreError as error:
            log.warning("epochs of students are written later: %s", error)

    def flush(self) -> None:
        """Write all epochs that are not written yet.

        Raises:
            StoreError: the store is full or busy.
        """
        self._written_at = monotonic()
        if self._pending:
            self._store.record_student_epochs(self._pending)
            self._pending = []

    def _add(self, event: StudentEpoch) -> None:
        if event.stage in self._epochs_stored:
            self._pending.append(_student_row(event))


def _student_row(event: StudentEpoch) -> StudentRow:
    """Return an epoch as the store keeps it; a stack measures no loss terms or accuracy."""
    scores = event.validation
    row = EpochRow(
        epoch=event.epoch,
        train_loss=event.train_loss,
        terms={},
        train_accuracy=nan,
        validation_loss=scores.loss,
        validation_accuracy=scores.accuracy,
        learning_rate=event.learning_rate,
        seconds=event.seconds,
    )
    return StudentRow(event.stage, row, scores.agreement, scores.ece)


def machine_label(machine: str, chunk: Chunk) -> str:
    """Return a machine's description, with the number of students that train together."""
    if chunk.stacked and len(chunk.students) > 1:
        return f"{machine}, {len(chunk.students)} together"
    return machine
