"""Training one chunk, here or on any machine that has the data: a request in, a result out.

Training a chunk of students one after the other, as experiments train theirs.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from tsexplorer.data.registry import Splits, load_splits
from tsexplorer.errors import TrainingPruned
from tsexplorer.specs import StageSpec
from tsexplorer.students.chunks import Chunk, ChunkRequest, ChunkResult, StudentResult, as_arrays
from tsexplorer.students.events import (
    ChunkStarted,
    GiveUp,
    Scores,
    StudentEnded,
    StudentEpoch,
    StudentPruned,
    nobody,
)
from tsexplorer.students.stacked_trainer import Done, train_together
from tsexplorer.students.student_scores import scores, taught
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
    give_up: GiveUp = nobody,
) -> ChunkResult:
    """Train a chunk in the calling thread, going on from its checkpoint if there is one.

    The checkpoint stays: whoever keeps the result removes the request's folder.

    Args:
        request: what to train, with all that it needs.
        emit: hears :mod:`tsexplorer.students.events`; may raise, which is logged.
        control: pause, resume, step one epoch, cancel.
        splits: the data, where it is in memory; else it is read from ``request.data``.
        give_up: says after each epoch which students need not go on; nobody if not given. What it
            raises ends the chunk.

    Raises:
        Cancelled: ``control`` said so; what is done stays.
        UserError: data or disk are not as they should be, in one sentence.
    """
    chunk = request.chunk
    device = pick_device(request.device)
    splits = splits or load_splits(chunk.students[0].data.name, request.data)
    train = train_together if chunk.stacked else train_apart
    done, seconds = train(
        chunk,
        splits,
        device,
        shelf(request),
        request.folder,
        log_errors(emit),
        control,
        give_up,
    )
    results = tuple(_result(one, with_weights=request.with_weights) for one in done)
    return ChunkResult(chunk.key, results, seconds, describe_machine(device))


def shelf(request: ChunkRequest) -> StageLoader:
    """Looks up the nets that a request carries."""

    def trained(key: str) -> tuple[StageSpec, dict[str, torch.Tensor]]:
        spec, arrays = request.nets[key]
        return spec, {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}

    return trained


def _result(done: Done, *, with_weights: bool) -> StudentResult:
    return StudentResult(
        spec=done.spec,
        kept_epoch=done.kept_epoch,
        epochs=done.epochs,
        validation=done.validation,
        test_accuracy=done.test_accuracy,
        weights=as_arrays(done.weights) if with_weights else None,
    )


def train_apart(
    chunk: Chunk,
    splits: Splits,
    device: torch.device,
    trained: StageLoader,
    folder: Path | None,
    emit: Listener,
    control: Control,
    give_up: GiveUp,
) -> tuple[tuple[Done, ...], float]:
    """Train a chunk to its end; arguments, result and errors as ``train_together``.

    Each student has a folder of its own in ``folder``, so that those that are done stay done.
    """
    hashes = tuple(student.hash for student in chunk.students)
    epochs = chunk.students[0].train.epochs
    emit(ChunkStarted(chunk.key, hashes, epochs, (), chunk.sentence))
    done, seconds = [], 0.0
    pruned: set[str] = set()
    with _place(folder) as place:
        for number, spec in enumerate(chunk.students):
            heard = _Heard(chunk, number, emit)
            ask = partial(_gives_up, spec.hash, heard, give_up, pruned)
            try:
                if spec.hash in pruned:
                    raise TrainingPruned
                one, spent = _train(
                    spec, splits, device, trained, place / spec.hash, heard, control, ask
                )
                done.append(one)
                seconds += spent
            except TrainingPruned:
                emit(StudentPruned(spec.hash))
                seconds += sum(row.seconds for row in heard.rows)
            if number + 1 < len(chunk.students):
                control.check()
    return tuple(done), seconds


def _gives_up(
    key: str, heard: _Heard, give_up: GiveUp, pruned: set[str], _event: EpochEnded
) -> bool:
    """Ask about the student under way; others that are named are kept in mind."""
    pruned.update(give_up(heard.rows[-1:]))
    return key in pruned


class _Heard:
    """Passes on what a stage says, in the words of a chunk; keeps its figures.

    Attributes:
        rows: the figures of all its epochs, those of earlier sittings among them.
    """

    def __init__(self, chunk: Chunk, number: int, emit: Listener) -> None:
        self.rows: list[StudentEpoch] = []
        self._key, self._count = chunk.key, len(chunk.students)
        self._number, self._emit = number, emit

    def __call__(self, event: Event) -> None:
        match event:
            case StageStarted():
                for row in event.earlier:
                    self._row(row)
            case EpochEnded():
                self._row(event)
            case Progress():
                self._emit(self._of_chunk(event))
            case StageEnded():
                self._emit(StudentEnded(event.stage, event.kept_epoch))
            case _:
                self._emit(event)

    def _row(self, event: EpochEnded) -> None:
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

    def _of_chunk(self, event: Progress) -> Progress:
        """Where the chunk stands, by where this student stands; the others take as long."""
        left = event.seconds_left
        if left is not None:
            left += (self._count - self._number - 1) * (event.seconds + left)
        fraction = (self._number + event.fraction) / self._count
        return replace(event, stage=self._key, fraction=fraction, seconds_left=left)


def _train(
    spec: StageSpec,
    splits: Splits,
    device: torch.device,
    trained: StageLoader,
    folder: Path,
    heard: _Heard,
    control: Control,
    give_up: Callable[[EpochEnded], bool],
) -> tuple[Done, float]:
    """One student, and the seconds it took."""

    def check(_share: float) -> None:
        control.check()

    task = prepare(spec, splits, device, trained)
    known = taught(task, check)
    if task.teacher_net is not None and is_slow_batch(task.teacher_macs, spec.train.batch_size):
        add_cancel_hooks(task.teacher_net, control.check)
    task.teacher_net = None  # its answers are there; the loop shall not ask for them again
    ended = train(task, folder, heard, control, give_up)
    weights, _ = checkpoints.read(folder / WEIGHTS)
    task.net.load_state_dict(weights)
    z_NC = compute_logits(task.net, task.validation_batches())
    labels = splits.validation.labels.to(device)
    validation = scores(z_NC, labels, None if known is None else known.validation_N)
    rows = tuple(heard.rows)
    one = Done(spec, ended.kept_epoch, rows, validation, ended.test_accuracy, weights)
    return one, ended.train_seconds


@contextmanager
def _place(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        yield folder
        return
    with tempfile.TemporaryDirectory() as passing:
        yield Path(passing)
