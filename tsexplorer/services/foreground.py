"""Run a job in this process, or follow a job that another process runs.

Two trainings at once on one machine are many times slower, so a queued job waits while another
process trains on this machine; the first free process takes it. Progress comes from memory if the
job runs in this process, else from its heartbeats in the store.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, sleep

from tsexplorer.errors import UserError
from tsexplorer.jobs.heartbeat import on_this_machine, recover, this_process
from tsexplorer.jobs.job_runner import JobRunner
from tsexplorer.jobs.progress import JobProgress, ProgressBoard
from tsexplorer.services.job_queue import ACTIVE
from tsexplorer.services.service import Service
from tsexplorer.store import ExperimentSnapshot, JobSnapshot
from tsexplorer.studies.kind import steps_of
from tsexplorer.training.control import Control

POLL_SECONDS = 0.1
RECOVER_SECONDS = 1.0


@dataclass(frozen=True)
class JobView:
    """A followed job at one moment.

    Attributes:
        experiment: its study with its stages.
        progress: of the job; stages are trained in the study's order.
        status: queued, running, paused or done.
    """

    experiment: ExperimentSnapshot
    progress: JobProgress
    status: str


class StillRunningError(Exception):
    """The user stopped following a job, which continues in another process."""


class EndNotStoredError(UserError):
    """A job ended, and the store did not accept its status."""


class ForegroundJob:
    """One job, from the queue to its end."""

    def __init__(
        self,
        service: Service,
        job: JobSnapshot,
        show: Callable[[JobView], None],
        notify: Callable[[str], None],
        interrupted: Callable[[], bool],
    ) -> None:
        """A job to run or to follow.

        Args:
            service: of the store.
            job: queued, running or paused.
            show: called about ten times a second with the job's state.
            notify: called with a sentence when the job waits for, or runs in, another process.
            interrupted: whether the user wants to stop.
        """
        self._service, self._store, self._job = service, service.store, job.id
        self._show_view, self._notify, self._interrupted = show, notify, interrupted
        self._experiment = service.study_of(job)
        self._recovered_at = -RECOVER_SECONDS
        self._last_notice = ""
        self._stages_done = 0

    def run(self) -> JobSnapshot:
        """Run or follow the job until it has ended; a job that waits or runs here can be stopped.

        Raises:
            StillRunningError: the user stopped following a job of another process.
            UserError: the store or the study is gone.
            EndNotStoredError: the job ended, and its status could not be stored.
        """
        while (job := self._store.job(self._job)).status in ACTIVE:
            if job.status == "queued":
                self._claim_or_wait()
            else:
                self._follow(job)
        if job.status == "done":
            stages = len(self._experiment.stages)
            self._show(JobProgress(stages_done=stages, stages=stages), job.status)
        return job

    def _claim_or_wait(self) -> None:
        if self._interrupted():
            self._store.cancel_queued(self._job)
            return
        other = self._job_of_another_process()
        if other is not None:
            self._notify_once(f"Waiting for job {other.id}, which another process trains.")
            sleep(POLL_SECONDS)
        elif (claimed := self._store.claim(this_process(), self._job)) is not None:
            self._train(claimed)

    def _job_of_another_process(self) -> JobSnapshot | None:
        """Return the job that another process trains on this machine, None if there is none."""
        self._recover()
        for job in self._service.jobs(active_only=True):
            if job.status == "running" and job.owner is not None and on_this_machine(job.owner):
                return job
        return None

    def _train(self, job: JobSnapshot) -> None:
        """Train on another thread, so that this one can show progress and read Ctrl-C at once."""
        board, control = ProgressBoard(), Control()
        runner = JobRunner(self._store, self._service.settings, board, this_process(), steps_of)
        trainer = _TrainerThread(runner, job, control)
        trainer.start()
        try:
            while trainer.is_alive():
                if self._interrupted():
                    control.cancel()
                self._show(board.read(job.id), "paused" if control.paused else "running")
                trainer.join(POLL_SECONDS)
        except Exception:  # for example the output is closed; wait for the checkpoint
            control.cancel()
            trainer.join()
            raise
        self._show(board.read(job.id), "running")
        trainer.reraise()
        stored = self._store.job(job.id)
        if stored.status in ACTIVE and stored.owner == job.owner:
            raise EndNotStoredError(f"The end of job {job.id} could not be stored.")

    def _follow(self, job: JobSnapshot) -> None:
        self._notify_once(f"Job {job.id} is trained by another process; following it.")
        if self._interrupted():
            raise StillRunningError
        self._recover()
        self._show(JobProgress.from_heartbeat(job.progress), job.status)
        sleep(POLL_SECONDS)

    def _recover(self) -> None:
        """Mark jobs whose process has ended as interrupted, at most once a second."""
        if monotonic() - self._recovered_at >= RECOVER_SECONDS:
            self._recovered_at = monotonic()
            recover(self._store, self._service.settings)

    def _show(self, progress: JobProgress, status: str) -> None:
        if progress.stages_done != self._stages_done:  # a stage has new figures
            self._stages_done = progress.stages_done
            self._experiment = self._store.experiment(self._experiment.id)
        self._show_view(JobView(self._experiment, progress, status))

    def _notify_once(self, notice: str) -> None:
        if notice != self._last_notice:
            self._last_notice = notice
            self._notify(notice)


class _TrainerThread(threading.Thread):
    """The thread that trains; its exception can be raised again in the waiting thread."""

    def __init__(self, runner: JobRunner, job: JobSnapshot, control: Control) -> None:
        super().__init__(name="trainer", daemon=True)
        self._runner, self._job, self._control = runner, job, control
        self._error: Exception | None = None

    def run(self) -> None:
        try:
            self._runner.run(self._job, self._control)
        except Exception as error:
            self._error = error

    def reraise(self) -> None:
        if self._error is not None:
            raise self._error
