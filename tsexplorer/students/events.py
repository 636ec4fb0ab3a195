"""Events of a chunk of students, in addition to the events of a stage.

``stage`` is the student's hash in :class:`StudentEpoch`, :class:`StudentEnded` and
:class:`StudentPruned`. It is the chunk's key in :class:`ChunkStarted` and in those ``Progress``,
``CheckpointWritten`` and ``Notice`` events of :mod:`tsexplorer.training.events` that concern the
whole chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tsexplorer.training.events import Event


class Scores(NamedTuple):
    """Validation metrics of a student.

    Attributes:
        accuracy: share of 1.
        loss: mean cross-entropy with the labels, nats.
        agreement: share of images on which student and teacher predict the same class; None
            without a teacher, and in the epochs of students that train one after the other.
        ece: expected calibration error at T = 1, share of 1; None where the logits are not finite,
            and in the epochs of students that train one after the other.
    """

    accuracy: float
    loss: float
    agreement: float | None = None
    ece: float | None = None


@dataclass(frozen=True)
class StudentEpoch(Event):
    """Metrics of one student after one epoch.

    Attributes:
        epoch: from 1.
        train_loss: mean of the objective over the epoch's batches, nats.
        validation: metrics at the end of the epoch, of the averaged weights if there are any.
        learning_rate: of the epoch's last step.
        seconds: duration of the epoch, for all students of a stack together.
    """

    epoch: int
    train_loss: float
    validation: Scores
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class StudentEnded(Event):
    """A student has finished, after its last epoch or by early stopping; others may continue.

    Attributes:
        kept_epoch: the epoch whose weights are kept.
    """

    kept_epoch: int


@dataclass(frozen=True)
class StudentPruned(Event):
    """A student was stopped before its end and has no weights; others may continue."""


PruningRule = Callable[[Sequence[StudentEpoch]], Collection[str]]
"""Selects the students to stop, by hash, from the metrics of the epoch that has just ended.

Called after each epoch. Where students train one after the other, the result may contain students
that have not started. A resumed chunk can repeat an epoch: the rule must then return the same."""


def prune_nothing(_: Sequence[StudentEpoch]) -> tuple[str, ...]:
    """Stop no student: the default pruning rule."""
    return ()


@dataclass(frozen=True)
class ChunkStarted(Event):
    """A chunk starts, or resumes from its checkpoint.

    Attributes:
        students: hashes of all students of the chunk.
        epochs: maximum number of epochs.
        earlier: metrics of the epochs before the checkpoint.
        sentence: whether the students train together, and why.
    """

    students: tuple[str, ...]
    epochs: int
    earlier: tuple[StudentEpoch, ...]
    sentence: str
