"""What a chunk of a sweep says beyond what a stage says: figures of each student, epoch by epoch.

``stage`` of :class:`StudentEpoch` and :class:`StudentEnded` is the student's hash; that of
:class:`ChunkStarted` and of ``Progress``, ``CheckpointWritten`` and ``Notice`` of
:mod:`tsexplorer.training.events` is the chunk's key.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tsexplorer.training.events import Event


class Scores(NamedTuple):
    """A student on validation.

    Attributes:
        accuracy: share of 1.
        loss: cross-entropy of the labels, nats.
        agreement: share of images to which it gives its teacher's answer; None without a teacher,
            and while students train one after the other, before their end.
        ece: expected calibration error at T = 1, share of 1; None as above.
    """

    accuracy: float
    loss: float
    agreement: float | None = None
    ece: float | None = None


@dataclass(frozen=True)
class StudentEpoch(Event):
    """One student's figures of one epoch.

    Attributes:
        epoch: from 1.
        train_loss: mean of its objective over the epoch's batches, nats.
        validation: of the weights that are judged, at the epoch's end.
        learning_rate: of the epoch's last step.
        seconds: the epoch took, for all students of the stack together.
    """

    epoch: int
    train_loss: float
    validation: Scores
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class StudentEnded(Event):
    """A student is done, by its last epoch or by early stopping, while others may go on.

    Attributes:
        kept_epoch: the epoch whose weights were kept.
    """

    kept_epoch: int


@dataclass(frozen=True)
class StudentPruned(Event):
    """A student was given up on its way, and is nothing that could be used; others may go on."""


GiveUp = Callable[[Sequence[StudentEpoch]], Collection[str]]
"""Asked after each epoch with the figures of those that trained it: who is given up, by hash. Of
students that train one after the other it may name such as are not begun. Asked again about the
same epoch, as after a crash, it must answer the same."""


def nobody(_: Sequence[StudentEpoch]) -> tuple[str, ...]:
    """Gives up no student."""
    return ()


@dataclass(frozen=True)
class ChunkStarted(Event):
    """A chunk begins, or goes on.

    Attributes:
        students: hashes of all that it trains.
        epochs: epochs at most.
        earlier: figures of the epochs that were done in earlier sittings.
        sentence: whether they train together, and why.
    """

    students: tuple[str, ...]
    epochs: int
    earlier: tuple[StudentEpoch, ...]
    sentence: str
