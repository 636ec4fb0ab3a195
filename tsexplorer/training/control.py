"""How other threads steer a training run: pause, resume, step one epoch, cancel.

The run calls :meth:`Control.check` at each batch. Cancelling ends the run and keeps its last
checkpoint, so that a cancelled stage can still be resumed; pausing holds it where it is.

Training gives way to people: while a page is being drawn, the trainer holds between batches.

Both need the interpreter, which hands itself over every few milliseconds at best: a page that takes
0.25 s alone took 0.9 s beside a trainer, whatever the niceness of its thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tsexplorer.errors import Cancelled


class Control:
    """One run's steering wheel; every method may be called from any thread."""

    def __init__(self, page_priority: PagePriority | None = None) -> None:
        """Steer a run that gives way to whom ``page_priority`` knows of; without it, to nobody."""
        self._courtesy = page_priority or PagePriority()
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
        waited = self._courtesy.yield_to_page()
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


LONGEST_SECONDS = 0.5
"""A page that takes longer is drawn beside the trainer from then on."""


class PagePriority:
    """Who is being served, and how long training waits for it; every method from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._visits = 0
        self._until = 0.0
        self._not_before = 0.0

    @contextmanager
    def visit(self) -> Iterator[None]:
        """A page is being drawn."""
        with self._changed:
            self._visits += 1
            self._until = time.monotonic() + LONGEST_SECONDS
        try:
            yield
        finally:
            with self._changed:
                self._visits -= 1
                self._changed.notify_all()

    def yield_to_page(self) -> float:
        """Wait until no page is being drawn, but not for long.

        However many people come, training has half of the time: what was waited is not waited
        again before as much time has passed.

        Returns:
            Seconds waited, 0.0 nearly always.
        """
        if not self._visits:
            return 0.0
        began = time.monotonic()
        if began < self._not_before:
            return 0.0
        with self._changed:
            while self._visits and (left := self._until - time.monotonic()) > 0:
                self._changed.wait(left)
        ended = time.monotonic()
        self._not_before = ended + (ended - began)
        return ended - began
