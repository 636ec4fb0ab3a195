"""Training of one chunk: from a request to a result, in the calling thread.

Students share a stack (:mod:`tsexplorer.students.stacked_trainer`) or train one after the other, as
the stages of an experiment do.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from tsexplorer.data.registry import Splits, load_splits
from tsexplorer.errors import TrainingPruned
from tsexplorer.specs import StageSpec
from tsexplorer.students.chunks import Chunk, ChunkRequest, ChunkResult, StudentResult, as_arrays
from tsexplorer.students.events import (
    ChunkStarted,
    PruningRule,
    Scores,
    StudentEnded,
    StudentEpoch,
    StudentPruned,
    prune_nothing,
)
from tsexplorer.students.stacked_trainer import train_stacked
from tsexplorer.students.student_scores import attach_teacher, compute_scores
from tsexplorer.training import checkpoints
from tsexplorer.training.checkpoints import WEIGHTS
from tsexplorer.training.control import Control
from tsexplorer.training.device import describe_machine, pick_device
from tsexplorer.training.evaluation import compute_logits
from tsexplorer.training.events import (
    EpochEnded,
    Event,
    Listener,
    Progress,
    StageEnded,
    StageStarted,
    log_errors,
)
from tsexplorer.training.loop import train
from tsexplorer.training.responsiveness import add_cancel_hooks, is_slow_batch
from tsexplorer.training.task import StageLoader, prepare


def run_chunk(
    request: ChunkRequest,
    emit: Listener,
    control: Control,
    splits: Splits | None = None,
    prune: PruningRule = prune_nothing,
) -> ChunkResult:
    """Train a chunk, from the checkpoint in the request's folder if there is one.

    The checkpoint remains; the caller removes the folder after storing the result.

    Args:
        request: the chunk and what it needs.
        emit: receives the events of :mod:`tsexplorer.students.events`; exceptions are logged.
        control: pause, resume, step one epoch, cancel.
        splits: the dataset, if it is already loaded; otherwise read from ``request.data_folder``.
        prune: selects after each epoch the students to stop; its exceptions end the chunk.

    Raises:
        Cancelled: on request of ``control``; checkpoints remain.
        UserError: a problem with the dataset or the disk, in one sentence.
    """
    chunk = request.chunk
    device = pick_device(request.device)
    splits = splits or load_splits(chunk.students[0].data.name, request.data_folder)
    train_students = train_stacked if chunk.stacked else train_sequentially
    students, seconds = train_students(
        chunk,
        splits,
        device,
        make_stage_lookup(request),
        request.folder,
        log_errors(emit),
        control,
        prune,
    )
    return ChunkResult(chunk.key, students, seconds, describe_machine(device))


def make_stage_lookup(request: ChunkRequest) -> StageLoader:
    """Make a function that returns spec and weights of the request's nets by hash."""

    def trained(key: str) -> tuple[StageSpec, dict[str, torch.Tensor]]:
        spec, arrays = request.nets[key]
        return spec, {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}

    return trained


def train_sequentially(
    chunk: Chunk,
    splits: Splits,
    device: torch.device,
    trained: StageLoader,
    folder: Path | None,
    emit: Listener,
    control: Control,
    prune: PruningRule,
) -> tuple[tuple[StudentResult, ...], float]:
    """Train the students of a chunk one after the other.

    Arguments, result and errors as for ``train_stacked``. Each student has its own folder in
    ``folder``, so that a resumed chunk does not train finished students again.
    """
    hashes = tuple(student.hash for student in chunk.students)
    epochs = chunk.students[0].train.epochs
    emit(ChunkStarted(chunk.key, hashes, epochs, (), chunk.sentence))
    results, seconds = [], 0.0
    pruned: set[str] = set()
    with _folder_or_temporary(folder) as parent:
        for index, spec in enumerate(chunk.students):
            translator = _EventTranslator(chunk, index, emit)
            should_stop = _make_stop_check(spec.hash, translator, prune, pruned)
            try:
                if spec.hash in pruned:
                    raise TrainingPruned
                result, student_seconds = _train_student(
                    spec, splits, device, trained, parent, translator, control, should_stop
                )
                results.append(result)
                seconds += student_seconds
            except TrainingPruned:
                emit(StudentPruned(spec.hash))
                seconds += sum(row.seconds for row in translator.rows)
            if index + 1 < len(chunk.students):
                control.check()
    return tuple(results), seconds


def _make_stop_check(
    key: str, translator: _EventTranslator, prune: PruningRule, pruned: set[str]
) -> Callable[[EpochEnded], bool]:
    """Make a function that applies the rule to the last epoch of a student.

    Args:
        key: hash of the student.
        translator: has the metrics of its epochs.
        prune: the rule; it can also select students that have not started.
        pruned: hashes of all students that the rule has selected; updated.
    """

    def should_stop(_event: EpochEnded) -> bool:
        pruned.update(prune(translator.rows[-1:]))
        return key in pruned

    return should_stop


class _EventTranslator:
    """Listener that turns the events of a stage into events of a chunk.

    Attributes:
        rows: metrics of all epochs of the stage, including those before a checkpoint.
    """

    def __init__(self, chunk: Chunk, index: int, emit: Listener) -> None:
        self.rows: list[StudentEpoch] = []
        self._key, self._count = chunk.key, len(chunk.students)
        self._index, self._emit = index, emit

    def __call__(self, event: Event) -> None:
        match event:
            case StageStarted():
                for row in event.earlier:
                    self._add_row(row)
            case EpochEnded():
                self._add_row(event)
            case Progress():
                self._emit(self._chunk_progress(event))
            case StageEnded():
                self._emit(StudentEnded(event.stage, event.kept_epoch))
            case _:
                self._emit(event)

    def _add_row(self, event: EpochEnded) -> None:
        row = StudentEpoch(
            event.stage,
            epoch=event.epoch,
            train_loss=event.train_loss,
            validation=Scores(event.validation_accuracy, event.validation_loss),
            learning_rate=event.learning_rate,
            seconds=event.seconds,
        )
        self.rows.append(row)
        self._emit(row)

    def _chunk_progress(self, event: Progress) -> Progress:
        """Progress of the chunk, if each remaining student takes as long as this one."""
        seconds_left = event.seconds_left
        if seconds_left is not None:
            remaining = self._count - self._index - 1
            seconds_left += remaining * (event.seconds + seconds_left)
        fraction = (self._index + event.fraction) / self._count
        return replace(event, stage=self._key, fraction=fraction, seconds_left=seconds_left)


def _train_student(
    spec: StageSpec,
    splits: Splits,
    device: torch.device,
    trained: StageLoader,
    parent: Path,
    translator: _EventTranslator,
    control: Control,
    should_stop: Callable[[EpochEnded], bool],
) -> tuple[StudentResult, float]:
    """Train one student; returns its result and its seconds of training.

    Raises:
        TrainingPruned: ``should_stop`` returned True.
    """

    def check(_share: float) -> None:
        control.check()

    folder = parent / spec.hash
    task = prepare(spec, splits, device, trained)
    teacher = attach_teacher(task, check)
    if task.teacher_net is not None and is_slow_batch(task.teacher_macs, spec.train.batch_size):
        add_cancel_hooks(task.teacher_net, control.check)
    task.teacher_net = None  # the loop must not compute its outputs again
    ended = train(task, folder, translator, control, should_stop)
    weights, _ = checkpoints.read(folder / WEIGHTS)
    task.net.load_state_dict(weights)
    z_NC = compute_logits(task.net, task.validation_batches())
    labels = splits.validation.labels.to(device)
    result = StudentResult(
        spec=spec,
        kept_epoch=ended.kept_epoch,
        epochs=tuple(translator.rows),
        validation=compute_scores(z_NC, labels, None if teacher is None else teacher.validation_N),
        test_accuracy=ended.test_accuracy,
        weights=as_arrays(weights),
    )
    return result, ended.train_seconds


@contextmanager
def _folder_or_temporary(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        yield folder
        return
    with tempfile.TemporaryDirectory() as temporary:
        yield Path(temporary)
