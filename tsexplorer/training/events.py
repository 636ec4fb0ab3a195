"""What a training run says while it runs: small frozen facts, sent to one listener.

Listeners get them on the worker thread and must return at once; :func:`shielded` keeps a
listener that raises from stopping the job.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Event:
    """Base of all events; ``stage`` is the hash of the stage that speaks."""

    stage: str


@dataclass(frozen=True)
class StageStarted(Event):
    """A stage begins, or goes on after ``epochs_done`` epochs.

    Attributes:
        epochs: epochs at most.
        epochs_done: epochs of earlier sittings.
        parameters: weights that are trained.
        earlier: figures of the epochs done, as the checkpoint has them.
    """

    epochs: int
    epochs_done: int
    parameters: int
    earlier: tuple[EpochEnded, ...] = ()


@dataclass(frozen=True)
class Progress(Event):
    """Where the stage stands; at most ten a second, none where a stage is over sooner than that.

    Attributes:
        doing: what is being done, in words: "training", "teacher outputs", "testing"; on a cluster,
            how many chunks are done.
        epoch: epoch under way, from 1.
        epochs: epochs at most; 0 on a cluster, where epochs are not heard of one by one.
        fraction: share of the stage that is done, 0...1.
        seconds: time spent on the stage so far, pauses left out.
        seconds_left: expected time to the stage's end, None before it can be told.
        loss: mean training loss of the epoch so far, None before the first batch.
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
    """The figures of one epoch; accuracies are shares of 1, losses in nats.

    Training figures are means over the epoch's batches, taken while the weights move and with
    dropout on; validation figures are taken at its end, on the labels alone. So are those of an
    objective's members among the terms, whose other figures are of training.
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
    """The stage can be resumed after ``epoch``."""

    epoch: int


@dataclass(frozen=True)
class Notice(Event):
    """One sentence that a person should see; the stage goes on."""

    sentence: str


@dataclass(frozen=True)
class StageEnded(Event):
    """The stage is done. ``test_accuracy`` was read once, now, from the kept weights.

    Attributes:
        kept_epoch: the epoch whose weights were kept.
        train_seconds: time spent training and validating, pauses left out.
    """

    kept_epoch: int
    validation_accuracy: float
    validation_loss: float
    test_accuracy: float
    test_errors: int
    train_seconds: float


@dataclass(frozen=True)
class StageFailed(Event):
    """The stage stopped for a reason that ``sentence`` gives."""

    sentence: str


Listener = Callable[[Event], None]


def shielded(listener: Listener) -> Listener:
    """The same listener, whose exceptions are logged and go no further."""

    def call(event: Event) -> None:
        try:
            listener(event)
        except Exception:
            log.exception("a listener failed on %s", type(event).__name__)

    return call
