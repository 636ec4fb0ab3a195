"""A stage's epochs on their way to the store, none lost and none out of turn.

The epochs of a chunk's students on their way to the store, many in one go.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from math import nan
from time import monotonic

from tsexplorer.store import EpochRow, StageSnapshot, Store, StoreError, StudentRow
from tsexplorer.students.events import ChunkStarted, StudentEpoch
from tsexplorer.training.events import EpochEnded, Event, StageStarted

log = logging.getLogger(__name__)


class EpochLog:
    """Takes epochs down in the store; while the store is full or busy, keeps them.

    Training goes on meanwhile. What a process that died took with it stands in the checkpoint,
    too, and comes back with :class:`~tsexplorer.training.events.StageStarted`.
    """

    def __init__(self, store: Store, stage: StageSnapshot) -> None:
        self._store, self._key = store, stage.hash
        self._known = stage.epochs_done
        self._waiting: list[EpochRow] = []

    def take(self, event: Event) -> None:
        """Take down what an event says of epochs, now if that is possible."""
        if isinstance(event, StageStarted):
            self._waiting += [_row(row) for row in event.earlier if row.epoch > self._known]
        elif isinstance(event, EpochEnded):
            self._waiting.append(_row(event))
        try:
            self.settle()
        except StoreError as error:
            log.warning("epochs of stage %s wait to be taken down: %s", self._key, error)

    def settle(self) -> None:
        """Take down all that waits.

        Raises:
            StoreError: the store does not take it.
        """
        while self._waiting:
            self._store.record_epoch(self._key, self._waiting[0])
            del self._waiting[0]


def _row(event: EpochEnded) -> EpochRow:
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


EVERY_SECONDS = 0.5
"""How long epochs wait for others: nobody looks at a map more often."""


class StudentEpochLog:
    """Writes the epochs of many nets to the store, like :class:`EpochLog` does for one.

    What a process that died took with it stands in the chunk's checkpoint, too.
    """

    def __init__(self, store: Store, known: Mapping[str, int]) -> None:
        """Begin.

        Args:
            store: where to.
            known: epochs that it has, by the hashes of the students that are to be recorded.
        """
        self._store, self._known = store, known
        self._waiting: list[StudentRow] = []
        self._last = monotonic()

    def take(self, event: Event) -> None:
        """Take down what an event says of epochs, soon."""
        if isinstance(event, ChunkStarted):
            for row in event.earlier:
                if row.epoch > self._known.get(row.stage, 0):
                    self._wait(row)
        elif isinstance(event, StudentEpoch):
            self._wait(event)
        if monotonic() - self._last < EVERY_SECONDS:
            return
        try:
            self.settle()
        except StoreError as error:
            log.warning("epochs of a sweep wait to be taken down: %s", error)

    def settle(self) -> None:
        """Take down all that waits.

        Raises:
            StoreError: the store does not take it.
        """
        self._last = monotonic()
        if self._waiting:
            self._store.record_students(self._waiting)
            self._waiting = []

    def _wait(self, event: StudentEpoch) -> None:
        if event.stage in self._known:
            self._waiting.append(_student_row(event))


def _student_row(event: StudentEpoch) -> StudentRow:
    """An epoch; of the training figures a stack keeps the loss alone."""
    seen = event.validation
    row = EpochRow(
        epoch=event.epoch,
        train_loss=event.train_loss,
        terms={},
        train_accuracy=nan,
        validation_loss=seen.loss,
        validation_accuracy=seen.accuracy,
        learning_rate=event.learning_rate,
        seconds=event.seconds,
    )
    return StudentRow(event.stage, row, seen.agreement, seen.ece)
