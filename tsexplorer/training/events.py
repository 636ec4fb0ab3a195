"""Events of a training run: frozen dataclasses that the run sends to a listener.

The listener runs in the training thread and must return quickly. The loop wraps it with
:func:`log_errors`, so that an exception in a listener does not stop the training.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Event:
    """Base class of all events.

    Attributes:
        stage: hash of the stage that sends the event.
    """

    stage: str


@dataclass(frozen=True)
class StageStarted(Event):
    """A stage starts, or continues after ``epochs_done`` epochs.

    Attributes:
        epochs: maximal number of epochs.
        epochs_done: number of epochs in the checkpoint.
        parameters: number of trained weights.
        earlier: metrics of the epochs in the checkpoint.
    """

    epochs: int
    epochs_done: int
    parameters: int
    earlier: tuple[EpochEnded, ...] = ()


@dataclass(frozen=True)
class Progress(Event):
    """Progress of a stage, sent at most ten times a second.

    Attributes:
        doing: current activity: "training", "teacher outputs" or "testing"; on a cluster, the
            number of finished chunks.
        epoch: current epoch, from 1.
        epochs: maximal number of epochs; 0 on a cluster, which does not report single epochs.
        fraction: finished share of the stage, 0...1.
        seconds: time spent on the stage so far, without pauses.
        seconds_left: estimated time to the end of the stage; None while there is no estimate.
        loss: mean training loss of the current epoch so far; None before the first batch.
    """

    doing: str
    epoch: int
    epochs: int
    fraction: float
    seconds: float
    seconds_left: float | None
    loss: float | None


@dataclass(frozen=True)
class EpochEnded(Event):
    """Metrics of one epoch; accuracies are shares of 1, losses are in nats.

    Training metrics are means over the batches of the epoch, computed while the weights change and
    with dropout on. Validation metrics are computed at the end of the epoch. The validation loss is
    cross-entropy with the labels.

    Attributes:
        epoch: number of the epoch, from 1.
        train_loss: mean of the objective's loss.
        terms: means of the objective's terms by name; and the validation accuracies of the nets
            that the objective trains beside the student.
        train_accuracy: share of correct answers in training.
        validation_loss: mean cross-entropy on validation.
        validation_accuracy: share of correct answers on validation.
        learning_rate: learning rate of the last step.
        seconds: time spent on the epoch, without pauses.
    """

    epoch: int
    train_loss: float
    terms: dict[str, float]
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class CheckpointWritten(Event):
    """From now on the stage can be resumed after ``epoch``."""

    epoch: int


@dataclass(frozen=True)
class Notice(Event):
    """One sentence to display; the stage continues."""

    sentence: str


@dataclass(frozen=True)
class StageEnded(Event):
    """The stage is finished.

    Attributes:
        kept_epoch: epoch whose weights were kept.
        validation_accuracy: share of correct answers of the kept weights on validation.
        validation_loss: their mean cross-entropy on validation, in nats.
        test_accuracy: their share of correct answers on test, which is evaluated only once.
        test_errors: their number of wrong answers on test.
        train_seconds: time spent on training and validation, without pauses.
    """

    kept_epoch: int
    validation_accuracy: float
    validation_loss: float
    test_accuracy: float
    test_errors: int
    train_seconds: float


@dataclass(frozen=True)
class StageFailed(Event):
    """The stage stopped; ``sentence`` gives the reason."""

    sentence: str


Listener = Callable[[Event], None]


def log_errors(listener: Listener) -> Listener:
    """Wrap a listener: its exceptions are logged and not raised."""

    def call(event: Event) -> None:
        try:
            listener(event)
        except Exception:
            log.exception("a listener failed on %s", type(event).__name__)

    return call
