"""The training thread: runs the jobs of the queue, oldest first."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from tsexplorer.errors import UserError
from tsexplorer.jobs.heartbeat import apply_request, on_this_machine, recover, this_process
from tsexplorer.jobs.progress import ProgressBoard
from tsexplorer.settings import Settings
from tsexplorer.store import JobSnapshot, Store
from tsexplorer.training.control import Control, PagePriority

if TYPE_CHECKING:
    from tsexplorer.jobs.study_run import StudySteps

log = logging.getLogger(__name__)
POLL_SECONDS = 1.0


class Worker:
    """Trains jobs one after the other on a daemon thread."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        page_priority: PagePriority,
        steps: Callable[[str], StudySteps],
    ) -> None:
        """Prepare a worker; :meth:`start` starts it.

        Args:
            store: has the queue.
            settings: of the process.
            page_priority: makes training wait while a page is drawn.
            steps: returns how a kind of study trains.
        """
        self._steps = steps
        self.board = ProgressBoard()
        self._page_priority = page_priority
        self._store, self._settings = store, settings
        self._owner = this_process()
        self._wake = threading.Event()
        self._stopping = False
        self._lock = threading.Lock()
        self._current: tuple[int, Control] | None = None
        self._thread = threading.Thread(target=self._run, name="trainer", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake_worker(self) -> None:
        """Read the queue now instead of within a second."""
        self._wake.set()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def stopping(self) -> bool:
        """Whether :meth:`stop` was called."""
        return self._stopping

    def apply_request(self, job: int, request: str) -> bool:
        """Pause, resume, step or cancel a job that this thread runs.

        Returns:
            False if this thread does not run the job.
        """
        with self._lock:
            if self._current is None or self._current[0] != job:
                return False
            control = self._current[1]
        apply_request(request, control)
        return True

    def stop(self, timeout: float = 10.0) -> None:
        """Cancel the running job, start no other job, and wait for the thread to end."""
        with self._lock:
            self._stopping = True
            if self._current is not None:
                self._current[1].cancel()
        self._wake.set()
        self._thread.join(timeout)

    def owns(self, job: JobSnapshot) -> bool:
        """Whether this process runs the job, or ran it last."""
        return job.owner == self._owner

    def _run(self) -> None:
        # Imported here because torch takes seconds, and before a job is claimed because a claimed
        # job needs a heartbeat.
        from tsexplorer.jobs.job_runner import JobRunner

        runner = JobRunner(self._store, self._settings, self.board, self._owner, self._steps)
        while not self._stopping:
            job = self.claim()
            if job is None:
                self._wake.wait(POLL_SECONDS)
                self._wake.clear()
                continue
            control = self.make_control(job)
            try:
                runner.run(job, control)
            except Exception:
                log.exception("the end of job %s could not be stored", job.id)
            finally:
                with self._lock:
                    self._current = None

    def make_control(self, job: JobSnapshot) -> Control:
        """Return the control of a claimed job, cancelled already if the worker is stopping."""
        control = Control(self._page_priority)
        with self._lock:
            self._current = (job.id, control)
            if self._stopping:
                control.cancel()
        return control

    def claim(self) -> JobSnapshot | None:
        """Claim the oldest job; None if there is none or another process trains here."""
        try:
            recover(self._store, self._settings)
            return None if self._machine_is_busy() else self._store.claim(self._owner)
        except UserError as error:
            log.warning("the queue cannot be read: %s", error)
        except Exception:  # the next attempt may succeed, and no other thread reads the queue
            log.exception("the queue cannot be read")
        return None

    def _machine_is_busy(self) -> bool:
        """Whether another process trains on this machine: two at once are many times slower."""
        return any(
            job.status == "running" and job.owner is not None and on_this_machine(job.owner)
            for job in self._store.jobs(active_only=True)
        )
