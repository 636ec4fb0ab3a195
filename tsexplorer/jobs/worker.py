"""The one thread that trains: takes the oldest job of the queue, runs it, takes the next."""

from __future__ import annotations

import logging
import threading

from tsexplorer.errors import UserError
from tsexplorer.jobs.heartbeat import apply, on_this_machine, recover, this_process
from tsexplorer.jobs.progress import ProgressBoard
from tsexplorer.settings import Settings
from tsexplorer.store import JobSnapshot, Store
from tsexplorer.training.control import Control, PagePriority

log = logging.getLogger(__name__)
POLL_SECONDS = 1.0


class Worker:
    """Trains jobs one after the other on a daemon thread."""

    def __init__(self, store: Store, settings: Settings, page_priority: PagePriority) -> None:
        """Train what ``store`` has queued, giving way to whom ``page_priority`` knows of."""
        self.board = ProgressBoard()
        self._courtesy = page_priority
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

    def wake_worker(self) -> None:
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
        with self._lock:
            self._stop = True
            if self._current is not None:
                self._current[1].cancel()
        self._wake.set()
        self._thread.join(timeout)

    def owns(self, job: JobSnapshot) -> bool:
        """Whether this process runs the job, or ran it last."""
        return job.owner == self._owner

    def _work(self) -> None:
        # Here rather than above: torch takes seconds to import, and the first page goes first.
        # Before a job is claimed, because from then on its heart has to beat.
        from tsexplorer.jobs.job_runner import Runner

        runner = Runner(self._store, self._settings, self.board, self._owner)
        while not self._stop:
            job = self._claim()
            if job is None:
                self._wake.wait(POLL_SECONDS)
                self._wake.clear()
                continue
            control = self._taken(job)
            try:
                runner.run(job, control)
            except Exception:
                log.exception("job %s could not be ended properly", job.id)
            finally:
                with self._lock:
                    self._current = None

    def _taken(self, job: JobSnapshot) -> Control:
        """The steering wheel of a job that has been claimed; turned already when it is late."""
        control = Control(self._courtesy)
        with self._lock:
            self._current = (job.id, control)
            if self._stop:
                control.cancel()
        return control

    def _claim(self) -> JobSnapshot | None:
        try:
            recover(self._store, self._settings)
            return None if self._busy_machine() else self._store.claim(self._owner)
        except UserError as error:
            log.warning("the queue cannot be read: %s", error)
        except Exception:  # whatever it is, the next look may be better; without us nobody looks
            log.exception("the queue cannot be read")
        return None

    def _busy_machine(self) -> bool:
        """Whether another process trains here: two at once take many times as long."""
        return any(
            job.status == "running" and job.owner is not None and on_this_machine(job.owner)
            for job in self._store.jobs(active_only=True)
        )
