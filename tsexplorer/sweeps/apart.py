"""Training a chunk of students one after the other, as experiments train theirs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from tsexplorer.data.registry import Splits
from tsexplorer.errors import GivenUp
from tsexplorer.specs import StageSpec
from tsexplorer.sweeps.chunks import Chunk
from tsexplorer.sweeps.events import (
    ChunkStarted,
    GiveUp,
    Scores,
    StudentEnded,
    StudentEpoch,
    StudentPruned,
)
from tsexplorer.sweeps.figures import scores
from tsexplorer.sweeps.taught import taught
from tsexplorer.sweeps.together import Done
from tsexplorer.training import files
from tsexplorer.training.control import Control
from tsexplorer.training.evaluate import logits_over
from tsexplorer.training.events import (
    EpochEnded,
    Event,
    Listener,
    Progress,
    StageEnded,
    StageStarted,
)
from tsexplorer.training.interrupt import listen_between_layers, needs_ears
from tsexplorer.training.loop import train
from tsexplorer.training.places import WEIGHTS
from tsexplorer.training.task import Trained, prepare


def train_apart(
    chunk: Chunk,
    splits: Splits,
    device: torch.device,
    trained: Trained,
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
                    raise GivenUp
                one, spent = _train(
                    spec, splits, device, trained, place / spec.hash, heard, control, ask
                )
                done.append(one)
                seconds += spent
            except GivenUp:
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
    trained: Trained,
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
    if task.teacher_net is not None and needs_ears(task.teacher_macs, spec.train.batch_size):
        listen_between_layers(task.teacher_net, control.check)
    task.teacher_net = None  # its answers are there; the loop shall not ask for them again
    ended = train(task, folder, heard, control, give_up)
    weights, _ = files.read(folder / WEIGHTS)
    task.net.load_state_dict(weights)
    z_NC = logits_over(task.net, task.validation_batches())
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
