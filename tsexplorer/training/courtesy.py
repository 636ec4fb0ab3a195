"""Training gives way to people: while a page is being drawn, the trainer holds between batches.

Both need the interpreter, which hands itself over every few milliseconds at best: a page that takes
0.25 s alone took 0.9 s beside a trainer, whatever the niceness of its thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

LONGEST_SECONDS = 0.5
"""A page that takes longer is drawn beside the trainer from then on."""


class Courtesy:
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

    def give_way(self) -> float:
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
