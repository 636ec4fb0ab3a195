"""A job seen through to its end from this process: run here, or followed where another runs it.

Two trainings at once on one machine slow each other down many times over, so a job waits in the
queue while another process trains; whoever is free first takes it. What is shown comes from
memory where the job runs here, and from its heartbeats in the store where it does not.

An experiment queued and trained to its end, in the foreground.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from time import monotonic, sleep
from types import FrameType
from typing import TYPE_CHECKING, Self

from tsexplorer.cli.output import say
from tsexplorer.cli.progress import Reporter, View
from tsexplorer.cli.shell import INTERRUPTED, Ending
from tsexplorer.errors import UserError
from tsexplorer.jobs.heartbeat import on_this_machine, recover, this_process
from tsexplorer.jobs.job_runner import Runner
from tsexplorer.jobs.progress import JobProgress, ProgressBoard
from tsexplorer.services.service import ACTIVE, Service
from tsexplorer.store import JobSnapshot
from tsexplorer.training.control import Control

if TYPE_CHECKING:
    from tsexplorer.services.service import Service
    from tsexplorer.store import ExperimentSnapshot, JobSnapshot

POLL_SECONDS = 0.1
RECOVER_SECONDS = 1.0
RESUME = "python -m tsexplorer resume"


def see_through(service: Service, job: JobSnapshot, reporter: Reporter, interrupt: CtrlC) -> None:
    """Run or follow a queued or running job until it is done.

    Ctrl-C cancels a job that waits or runs here, and stops following one that runs elsewhere.

    Raises:
        Ending: it was not done; says why, and how to go on.
    """
    try:
        ended = _Foreground(service, job, reporter, interrupt).until_ended()
    except UserError as error:  # the store or the experiment is gone in the midst of it
        raise Ending(str(error)) from error
    if ended.status == "cancelled" and interrupt.asked:
        raise Ending(f"Cancelled. {_go_on(ended.id)}", INTERRUPTED)
    if ended.status == "failed":
        raise Ending(ended.error or "The job failed.")
    if ended.status != "done":
        raise Ending(f"Job {ended.id} was {ended.status}. {_go_on(ended.id)}")


class CtrlC:
    """While it is entered, the first Ctrl-C is noted, and the second one breaks off."""

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> Self:
        self._before = signal.getsignal(signal.SIGINT)
        if self._before is not signal.SIG_IGN:  # as in the background of a script
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


class _Foreground:
    """One job, from the queue to its end."""

    def __init__(
        self, service: Service, job: JobSnapshot, reporter: Reporter, interrupt: CtrlC
    ) -> None:
        self._service, self._store, self._job = service, service.store, job.id
        self._reporter, self._interrupt = reporter, interrupt
        self._experiment = service.subject(job)
        self._looked = -RECOVER_SECONDS
        self._said = ""
        self._done = 0

    def until_ended(self) -> JobSnapshot:
        while (job := self._store.job(self._job)).status in ACTIVE:
            if job.status == "queued":
                self._take_or_wait()
            else:
                self._follow(job)
        if job.status == "done":
            nets = len(self._experiment.stages)
            self._show(JobProgress(stages_done=nets, stages=nets), job.status)
        return job

    def _take_or_wait(self) -> None:
        if self._interrupt.asked:
            self._store.cancel_queued(self._job)
            return
        busy = self._running_elsewhere()
        if busy is not None:
            self._say_once(f"Waiting until job {busy.id} is done, which another process trains.")
            sleep(POLL_SECONDS)
        elif (mine := self._store.claim(this_process(), self._job)) is not None:
            self._run(mine)

    def _running_elsewhere(self) -> JobSnapshot | None:
        """A job that keeps this machine's cores busy."""
        self._recover()
        for job in self._service.jobs(active_only=True):
            if job.status == "running" and job.owner is not None and on_this_machine(job.owner):
                return job
        return None

    def _run(self, job: JobSnapshot) -> None:
        """Train on a thread of its own, so that this one can draw and hear Ctrl-C at once."""
        board, control = ProgressBoard(), Control()
        runner = Runner(self._store, self._service.settings, board, this_process())
        trainer = _Trainer(runner, job, control)
        trainer.start()
        try:
            while trainer.is_alive():
                if self._interrupt.asked:
                    control.cancel()
                self._show(board.read(job.id), "paused" if control.paused else "running")
                trainer.join(POLL_SECONDS)
        except Exception:  # nobody reads what is shown, say; the checkpoint is worth the wait
            control.cancel()
            trainer.join()
            raise
        self._show(board.read(job.id), "running")
        trainer.reraise()
        if (left := self._store.job(job.id)).status in ACTIVE and left.owner == job.owner:
            raise Ending(f"Job {job.id} could not be noted as ended. {_go_on(job.id)}")

    def _follow(self, job: JobSnapshot) -> None:
        self._say_once(f"Job {job.id} is trained by another process; following it.")
        if self._interrupt.asked:
            raise Ending(
                f"Job {job.id} goes on in the other process; "
                f"to stop it: python -m tsexplorer cancel {job.id}",
                INTERRUPTED,
            )
        self._recover()
        self._show(JobProgress.reported(job.progress), job.status)
        sleep(POLL_SECONDS)

    def _recover(self) -> None:
        """Notice processes that are gone, now and then."""
        if monotonic() - self._looked >= RECOVER_SECONDS:
            self._looked = monotonic()
            recover(self._store, self._service.settings)

    def _show(self, standing: JobProgress, status: str) -> None:
        if standing.stages_done != self._done:  # another net has its figures
            self._done = standing.stages_done
            self._experiment = self._store.experiment(self._experiment.id)
        self._reporter.show(View(self._experiment, standing, status))

    def _say_once(self, sentence: str) -> None:
        if sentence != self._said:
            self._said = sentence
            self._reporter.say(sentence)


class _Trainer(threading.Thread):
    """The thread that trains; what it raises is raised again where it is waited for."""

    def __init__(self, runner: Runner, job: JobSnapshot, control: Control) -> None:
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


def _go_on(job: int) -> str:
    return f"What was trained is kept; to go on: {RESUME} {job}"


def trained(service: Service, take: Callable[[], JobSnapshot]) -> ExperimentSnapshot:
    """Queue a job and see it through; returns its experiment as it is then.

    Args:
        service: of the store.
        take: queues the job.

    Raises:
        UserError: it could not be queued.
        Ending: it was not done.
    """
    # Imports torch before the job is taken: one whose process is silent for seconds looks
    # abandoned.
    from tsexplorer.cli.progress import reporter
    from tsexplorer.cli.run_job import CtrlC, see_through

    with CtrlC() as interrupt:
        job = take()
        experiment = service.experiment(job.experiment_id)
        say(f'Training "{experiment.name}" as job {job.id}.')
        with reporter(experiment) as shown:
            see_through(service, job, shown, interrupt)
    return service.experiment(experiment.id)
