"""The clock of a stage: holds while paused, says where it stands, never more than ten a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from tsexplorer.training.control import Control
from tsexplorer.training.events import Listener, Progress
from tsexplorer.training.learner import Record

if TYPE_CHECKING:
    from tsexplorer.training.task import Task

INTERVAL = 0.1


class ProgressReporter:
    """Called at each batch; costs one comparison unless there is something to say."""

    def __init__(self, task: Task, record: Record, emit: Listener, control: Control) -> None:
        self._key, self._emit, self._control = task.key, emit, control
        self._epochs, self._per_epoch = task.spec.train.epochs, task.steps_per_epoch
        self._total = task.total_steps
        self._record = record
        self._spent_before = record.seconds
        self._steps_before = record.steps
        self._began = self._epoch_began = time.monotonic()
        self._training_began = self._last = self._began
        self._epoch = min(record.epoch + 1, self._epochs)

    @property
    def seconds(self) -> float:
        """Time spent on the stage, earlier sittings counted, pauses not."""
        return self._spent_before + time.monotonic() - self._began

    @property
    def epoch_seconds(self) -> float:
        """Time spent on the epoch under way, pauses not counted."""
        return time.monotonic() - self._epoch_began

    def check(self) -> None:
        """Hold while paused; raises ``Cancelled`` when told to stop."""
        held = self._control.check()
        if held:
            self._began += held
            self._epoch_began += held
            self._training_began += held

    def preparing(self, share: float) -> None:
        """The teacher's outputs are being computed; ``share`` of them is done."""
        self.check()
        self._training_began = time.monotonic()
        self._say("teacher outputs", ahead=share)

    def epoch_started(self, number: int) -> None:
        """Epoch ``number`` begins."""
        self._epoch, self._epoch_began = number, time.monotonic()

    def batch(self, loss: Callable[[], float]) -> None:
        """A batch begins; ``loss`` is asked only when there is something to say."""
        self.check()
        self._say("training", loss)

    def testing(self) -> None:
        """Training is over; a batch of the kept weights' test begins."""
        self.check()
        self._say("testing", share=1.0)

    def _say(
        self,
        doing: str,
        loss: Callable[[], float] | None = None,
        *,
        ahead: float = 0.0,
        share: float | None = None,
    ) -> None:
        """Emit where the stage stands, unless that was said just now.

        Args:
            doing: in words.
            loss: gives the mean training loss so far.
            ahead: what is done beyond the last step, in steps.
            share: of the stage that is done, where steps do not tell.
        """
        now = time.monotonic()
        if now - self._last < INTERVAL:
            return
        self._last = now
        steps = (self._record.steps + ahead) / self._total
        self._emit(
            Progress(
                self._key,
                doing=doing,
                epoch=self._epoch,
                epochs=self._epochs,
                fraction=min(steps, 1.0) if share is None else share,
                seconds=self.seconds,
                seconds_left=self._seconds_left(now),
                loss=_number(loss() if loss else None),
            )
        )

    def _seconds_left(self, now: float) -> float | None:
        steps = self._record.steps - self._steps_before
        if steps < 5:
            return None
        return (now - self._training_began) / steps * (self._total - self._record.steps)


def _number(loss: float | None) -> float | None:
    return None if loss is None or loss != loss else loss
