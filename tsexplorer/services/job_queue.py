"""The queue of jobs: list them, control them, and start the thread that trains them."""

from __future__ import annotations

import threading
from time import monotonic, sleep

from tsexplorer.errors import UserError
from tsexplorer.jobs.progress import JobProgress
from tsexplorer.jobs.worker import Worker
from tsexplorer.settings import Settings
from tsexplorer.store import JobSnapshot, Store
from tsexplorer.studies.kind import steps_of
from tsexplorer.training.control import PagePriority

ACTIVE = ("queued", "running", "paused")
RESUMABLE = ("interrupted", "cancelled", "failed")
PAST_TENSE = {"pause": "paused", "resume": "resumed", "step": "stepped", "cancel": "cancelled"}
POLL_SECONDS = 0.05
HEARTBEATS_TO_CANCEL = 5
"""Heartbeats that a running job has to react to a cancel request."""


class JobQueue:
    """The jobs of a store; safe to call from any thread."""

    def __init__(self, store: Store, settings: Settings, page_priority: PagePriority) -> None:
        self._store, self._settings, self._page_priority = store, settings, page_priority
        self._worker: Worker | None = None
        self._lock = threading.Lock()

    # -- control --------------------------------------------------------------------------------

    def pause(self, job: int) -> None:
        """Pause a running job.

        Raises:
            UserError: the job has ended.
        """
        self._control(job, "pause", "paused")

    def step(self, job: int) -> None:
        """Run a paused job to the end of its epoch, then pause it again.

        Raises:
            UserError: the job has ended.
        """
        self._control(job, "step", "running")

    def cancel(self, job: int) -> None:
        """Cancel a queued, running, paused or interrupted job; its finished stages are kept.

        Raises:
            UserError: the job has ended.
        """
        if self._store.cancel_queued(job):
            return
        if self._store.job(job).status == "interrupted":
            self._store.set_job_status(job, "cancelled")
            return
        self._control(job, "cancel", None)

    def cancel_and_wait(self, job: int) -> JobSnapshot:
        """Cancel a job, wait up to five heartbeats for its process to stop, and return the job.

        Raises:
            UserError: the job has ended.
        """
        self.cancel(job)
        deadline = monotonic() + HEARTBEATS_TO_CANCEL * self._settings.heartbeat_seconds
        while (snapshot := self._store.job(job)).status in ACTIVE and monotonic() < deadline:
            sleep(POLL_SECONDS)
        return snapshot

    def resume(self, job: int) -> None:
        """Continue a paused job, or queue a job that was interrupted or cancelled, or failed.

        Resuming a running or queued job does nothing, because two tabs may send the same request.

        Raises:
            UserError: the job is done, or its study is in the queue as another job.
        """
        status = self._store.job(job).status
        if status in ("paused", "running"):
            self._control(job, "resume", "running")
            return
        if status != "queued":
            try:
                self._store.requeue(job)
            except UserError:
                if self._store.job(job).status not in ACTIVE:  # active: another tab resumed it
                    raise
        self.worker.wake_worker()

    def requeue(self, job: int) -> JobSnapshot:
        """Queue a job that stopped early, for a caller that runs it; return other jobs unchanged.

        Raises:
            NotFoundError: there is no such job.
            UserError: its study is in the queue as another job.
        """
        snapshot = self._store.job(job)
        return self._store.requeue(job) if snapshot.status in RESUMABLE else snapshot

    # -- reading --------------------------------------------------------------------------------

    def job(self, job: int) -> JobSnapshot:
        """Return a job.

        Raises:
            NotFoundError: there is none.
        """
        return self._store.job(job)

    def jobs(self, *, active_only: bool = False) -> tuple[JobSnapshot, ...]:
        """Return the jobs, newest first; active jobs are queued, running or paused."""
        return tuple(self._store.jobs(active_only=active_only))

    def progress(self, job: JobSnapshot) -> JobProgress:
        """Return a job's progress: from memory if this process runs it, else from its heartbeat."""
        if self._worker is not None and self._worker.owns(job):
            return self._worker.board.read(job.id)
        return JobProgress.from_heartbeat(job.progress)

    # -- the worker -----------------------------------------------------------------------------

    @property
    def has_worker(self) -> bool:
        """Whether the training thread was started."""
        return self._worker is not None

    @property
    def worker(self) -> Worker:
        """The training thread, started on first use."""
        with self._lock:
            if self._worker is None:
                self._worker = Worker(self._store, self._settings, self._page_priority, steps_of)
                self._worker.start()
            return self._worker

    def serve(self) -> None:
        """Train the jobs that are in the queue already."""
        if self._store.jobs(active_only=True):
            self.worker.wake_worker()

    def close(self) -> None:
        """Stop training and wait for the thread."""
        if self._worker is not None:
            self._worker.stop()

    def _control(self, job: int, request: str, status: str | None) -> None:
        snapshot = self._store.job(job)
        if snapshot.status not in ACTIVE:
            raise UserError(
                f"Job {job} is {snapshot.status}, so it cannot be {PAST_TENSE[request]}."
            )
        if self._worker is not None and self._worker.apply_request(job, request):
            if status is not None:
                self._store.set_job_status(job, status)
            return
        self._store.request(job, request)
