"""How other threads steer a training run: pause, resume, step one epoch, cancel.

The run calls :meth:`Control.check` at each batch. Cancelling ends the run and keeps its last
checkpoint, so that a cancelled stage can still be resumed; pausing holds it where it is.
"""

from __future__ import annotations

import threading
import time

from tsexplorer.errors import Cancelled
from tsexplorer.training.courtesy import Courtesy


class Control:
    """One run's steering wheel; every method may be called from any thread."""

    def __init__(self, courtesy: Courtesy | None = None) -> None:
        """Steer a run that gives way to whom ``courtesy`` knows of; without it, to nobody."""
        self._courtesy = courtesy or Courtesy()
        self._changed = threading.Condition()
        self._paused = False
        self._step = False
        self._cancelled = False
        self._attention = False

    def pause(self) -> None:
        """Hold at the next batch."""
        self._set(paused=True, step=False)

    def resume(self) -> None:
        """Go on."""
        self._set(paused=False, step=False)

    def step(self) -> None:
        """Go on to the end of the epoch under way, then hold."""
        self._set(paused=False, step=True)

    def cancel(self) -> None:
        """Stop at the next batch, also while held."""
        with self._changed:
            self._cancelled = self._attention = True
            self._changed.notify_all()

    @property
    def paused(self) -> bool:
        """Whether a pause is in force."""
        return self._paused

    @property
    def cancelled(self) -> bool:
        """Whether the run has been told to stop."""
        return self._cancelled

    def check(self) -> float:
        """Called by the run at each batch: hold while paused, and while a page is being drawn.

        Returns:
            Seconds held, 0.0 nearly always.

        Raises:
            Cancelled: the run has been told to stop.
        """
        waited = self._courtesy.give_way()
        if not self._attention:
            return waited
        began = time.monotonic()
        with self._changed:
            while self._paused and not self._cancelled:
                self._changed.wait()
            if self._cancelled:
                raise Cancelled
            self._attention = False
        return waited + time.monotonic() - began

    def epoch_ended(self) -> None:
        """Called by the run after each epoch: a step ends here."""
        with self._changed:
            if self._step:
                self._step, self._paused, self._attention = False, True, True

    def _set(self, *, paused: bool, step: bool) -> None:
        with self._changed:
            self._paused, self._step = paused, step
            self._attention = paused or self._cancelled
            self._changed.notify_all()
