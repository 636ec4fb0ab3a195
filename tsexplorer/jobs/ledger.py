"""A stage's epochs on their way to the store, none lost and none out of turn."""

from __future__ import annotations

import logging

from tsexplorer.store import EpochRow, StageSnapshot, Store, StoreError
from tsexplorer.training.events import EpochEnded, Event, StageStarted

log = logging.getLogger(__name__)


class Ledger:
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
