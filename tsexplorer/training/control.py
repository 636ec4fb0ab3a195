"""Control of a training run from other threads: pause, resume, run one epoch, cancel.

The run calls :meth:`Control.check` before each batch. A paused run waits there. A cancelled run
ends and keeps its last checkpoint, so that it can be resumed.

Training also waits while a page is being drawn (:class:`PagePriority`). Both need Python's
interpreter lock, which changes hands every few milliseconds at best: a page that takes 0.25 s
alone took 0.9 s beside a training run, whatever the priority of the training thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tsexplorer.errors import Cancelled

MAX_WAIT_SECONDS = 0.5
"""Longest time that training waits for one page."""


class Control:
    """Control of one training run; any thread may call any method."""

    def __init__(self, page_priority: PagePriority | None = None) -> None:
        """Make the control of one run.

        Args:
            page_priority: pages that the run waits for; None if it waits for no page.
        """
        self._page_priority = page_priority or PagePriority()
        self._changed = threading.Condition()
        self._paused = False
        self._pause_after_epoch = False
        self._cancelled = False
        self._must_wait_or_stop = False

    def pause(self) -> None:
        """Pause before the next batch."""
        self._set(paused=True, pause_after_epoch=False)

    def resume(self) -> None:
        """Continue a paused run."""
        self._set(paused=False, pause_after_epoch=False)

    def step(self) -> None:
        """Continue to the end of the current epoch, then pause."""
        self._set(paused=False, pause_after_epoch=True)

    def cancel(self) -> None:
        """Stop before the next batch; a paused run stops at once."""
        with self._changed:
            self._cancelled = self._must_wait_or_stop = True
            self._changed.notify_all()

    @property
    def paused(self) -> bool:
        """Whether the run is paused."""
        return self._paused

    @property
    def cancelled(self) -> bool:
        """Whether the run is cancelled."""
        return self._cancelled

    def check(self) -> float:
        """Wait while the run is paused or a page is being drawn; the run calls this at each batch.

        Returns:
            Seconds waited, 0.0 in nearly all calls.

        Raises:
            Cancelled: the run is cancelled.
        """
        waited = self._page_priority.yield_to_page()
        if not self._must_wait_or_stop:
            return waited
        start = time.monotonic()
        with self._changed:
            while self._paused and not self._cancelled:
                self._changed.wait()
            if self._cancelled:
                raise Cancelled
            self._must_wait_or_stop = False
        return waited + time.monotonic() - start

    def epoch_ended(self) -> None:
        """Pause if :meth:`step` asked for one epoch; the run calls this after an epoch."""
        with self._changed:
            if self._pause_after_epoch:
                self._pause_after_epoch = False
                self._paused = self._must_wait_or_stop = True

    def _set(self, *, paused: bool, pause_after_epoch: bool) -> None:
        with self._changed:
            self._paused, self._pause_after_epoch = paused, pause_after_epoch
            self._must_wait_or_stop = paused or self._cancelled
            self._changed.notify_all()


class PagePriority:
    """Lets training wait while pages are being drawn; any thread may call any method."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._pages = 0
        self._wait_until = 0.0
        self._next_wait = 0.0

    @contextmanager
    def drawing_page(self) -> Iterator[None]:
        """Mark that a page is being drawn inside the ``with`` block."""
        with self._changed:
            self._pages += 1
            self._wait_until = time.monotonic() + MAX_WAIT_SECONDS
        try:
            yield
        finally:
            with self._changed:
                self._pages -= 1
                self._changed.notify_all()

    def yield_to_page(self) -> float:
        """Wait until no page is being drawn, at most :data:`MAX_WAIT_SECONDS`.

        After a wait, training runs at least as long as it waited. So training gets half of the
        time, however many pages are requested.

        Returns:
            Seconds waited, 0.0 in nearly all calls.
        """
        if not self._pages:
            return 0.0
        start = time.monotonic()
        if start < self._next_wait:
            return 0.0
        with self._changed:
            while self._pages and (remaining := self._wait_until - time.monotonic()) > 0:
                self._changed.wait(remaining)
        end = time.monotonic()
        self._next_wait = end + (end - start)
        return end - start
