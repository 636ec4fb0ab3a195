"""Progress reports and elapsed time of a stage."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from tsexplorer.training.control import Control
from tsexplorer.training.events import Listener, Progress
from tsexplorer.training.learner import TrainingRecord

if TYPE_CHECKING:
    from tsexplorer.training.task import Task

INTERVAL = 0.1
"""Least time between two reports, in seconds."""
MIN_STEPS = 5
"""Number of steps before the remaining time is estimated."""


class ProgressReporter:
    """Sends :class:`~tsexplorer.training.events.Progress` events and measures time without pauses.

    The training calls it at each batch. Most calls only compare two times.
    """

    def __init__(
        self, task: Task, record: TrainingRecord, listener: Listener, control: Control
    ) -> None:
        """Start the clock.

        Args:
            task: the stage.
            record: its counters, which the training updates.
            listener: gets the events.
            control: is checked at each batch.
        """
        self._key, self._listener, self._control = task.key, listener, control
        self._epochs, self._total_steps = task.spec.train.epochs, task.total_steps
        self._record = record
        self._earlier_seconds = record.seconds
        self._earlier_steps = record.steps
        self._start = self._epoch_start = time.monotonic()
        self._first_step = self._last_report = self._start
        self._epoch = min(record.epoch + 1, self._epochs)

    @property
    def seconds(self) -> float:
        """Time spent on the stage, including runs before a resume, without pauses."""
        return self._earlier_seconds + time.monotonic() - self._start

    @property
    def epoch_seconds(self) -> float:
        """Time spent on the current epoch, without pauses."""
        return time.monotonic() - self._epoch_start

    def check(self) -> None:
        """Wait while the run is paused.

        Raises:
            Cancelled: the run is cancelled.
        """
        paused = self._control.check()
        if paused:
            self._start += paused
            self._epoch_start += paused
            self._first_step += paused

    def teacher_batch(self, share: float) -> None:
        """A batch of teacher outputs starts; ``share`` of them is done, 0...1."""
        self.check()
        self._first_step = time.monotonic()
        self._report("teacher outputs", extra_steps=share)

    def epoch_started(self, number: int) -> None:
        """Epoch ``number`` starts."""
        self._epoch, self._epoch_start = number, time.monotonic()

    def training_batch(self, loss: Callable[[], float]) -> None:
        """A training batch starts.

        Args:
            loss: gives the mean training loss so far; called only if a report is due.
        """
        self.check()
        self._report("training", loss)

    def test_batch(self) -> None:
        """A batch of the final evaluation starts."""
        self.check()
        self._report("testing", fraction=1.0)

    def _report(
        self,
        doing: str,
        loss: Callable[[], float] | None = None,
        *,
        extra_steps: float = 0.0,
        fraction: float | None = None,
    ) -> None:
        """Send an event, unless the last one is less than :data:`INTERVAL` old.

        Args:
            doing: current activity.
            loss: gives the mean training loss so far.
            extra_steps: finished work that the record does not count, in steps.
            fraction: finished share of the stage; None to compute it from the steps.
        """
        now = time.monotonic()
        if now - self._last_report < INTERVAL:
            return
        self._last_report = now
        if fraction is None:
            fraction = min((self._record.steps + extra_steps) / self._total_steps, 1.0)
        mean_loss = math.nan if loss is None else loss()
        self._listener(
            Progress(
                self._key,
                doing=doing,
                epoch=self._epoch,
                epochs=self._epochs,
                fraction=fraction,
                seconds=self.seconds,
                seconds_left=self._seconds_left(now),
                loss=None if math.isnan(mean_loss) else mean_loss,
            )
        )

    def _seconds_left(self, now: float) -> float | None:
        steps = self._record.steps - self._earlier_steps
        if steps < MIN_STEPS:
            return None
        seconds_per_step = (now - self._first_step) / steps
        return seconds_per_step * (self._total_steps - self._record.steps)
