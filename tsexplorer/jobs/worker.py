"""The one thread that trains: takes the oldest job of the queue, runs it, takes the next."""

from __future__ import annotations

import logging
import threading

from tsexplorer.errors import UserError
from tsexplorer.jobs.board import Board
from tsexplorer.jobs.heart import apply
from tsexplorer.jobs.owner import this_process
from tsexplorer.jobs.recovery import recover
from tsexplorer.settings import Settings
from tsexplorer.store import JobSnapshot, Store
from tsexplorer.training.control import Control

log = logging.getLogger(__name__)
POLL_SECONDS = 1.0


class Worker:
    """Trains jobs one after the other on a daemon thread."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.board = Board()
        self._store, self._settings = store, settings
        self._owner = this_process()
        self._wake = threading.Event()
        self._stop = False
        self._lock = threading.Lock()
        self._current: tuple[int, Control] | None = None
        self._thread = threading.Thread(target=self._work, name="trainer", daemon=True)

    def start(self) -> None:
        """Begin to take jobs."""
        self._thread.start()

    def nudge(self) -> None:
        """There is something new in the queue."""
        self._wake.set()

    def steer(self, job: int, request: str) -> bool:
        """Pause, resume, step or cancel the job if it is ours and running.

        Returns:
            False where it is not.
        """
        with self._lock:
            if self._current is None or self._current[0] != job:
                return False
            control = self._current[1]
        apply(request, control)
        return True

    def stop(self, timeout: float = 10.0) -> None:
        """Cancel what runs, take no more, and wait for the thread."""
        self._stop = True
        with self._lock:
            if self._current is not None:
                self._current[1].cancel()
        self._wake.set()
        self._thread.join(timeout)

    def _work(self) -> None:
        # Here rather than above: torch takes seconds to import, and the first page goes first.
        from tsexplorer.jobs.runner import Runner

        runner = Runner(self._store, self._settings, self.board, self._owner)
        while not self._stop:
            job = self._claim()
            if job is None:
                self._wake.wait(POLL_SECONDS)
                self._wake.clear()
                continue
            control = Control()
            with self._lock:
                self._current = (job.id, control)
            try:
                runner.run(job, control)
            except Exception:
                log.exception("job %s could not be ended properly", job.id)
            finally:
                with self._lock:
                    self._current = None

    def _claim(self) -> JobSnapshot | None:
        try:
            recover(self._store, self._settings)
            return self._store.claim(self._owner)
        except UserError as error:
            log.warning("the queue cannot be read: %s", error)
            return None
