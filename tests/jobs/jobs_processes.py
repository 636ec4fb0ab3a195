"""What the tests of jobs run in processes of their own, and how those come to their end."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import torch

import tsexplorer.jobs.job_runner as runner_module
import tsexplorer.jobs.local_chunks as sweeper_module
from tests.examples import start_study
from tests.jobs.jobs_examples import PATIENCE, ended, load_few, settings, spec, wait_until
from tsexplorer.jobs.stage_files import stage_lock
from tsexplorer.jobs.student_results import StudentResultWriter
from tsexplorer.services.service import Service
from tsexplorer.specs import ExperimentSpec, TrainSpec
from tsexplorer.store import Store
from tsexplorer.studies.sweep.spec import SweepSpec
from tsexplorer.studies.tuning.spec import TuneSpec
from tsexplorer.training import checkpoints, loop, task
from tsexplorer.training.learner import Learner

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

USUAL: dict[str, Any] = {"batch_size": 30, "learning_rate": 0.02, "precision": "fp32"}
VARIED = spec(
    "varied",
    teacher_train=TrainSpec(epochs=3, jitter=2, keep="best", **(USUAL | {"precision": "bf16"})),
    baseline_train=TrainSpec(epochs=4, optimiser="sgd", schedule="plateau", averaging=0.8, **USUAL),
    distilled_train=TrainSpec(
        epochs=5, optimiser="adadelta", jitter=1, keep="best", averaging=0.6, **USUAL
    ),
)
"""All that a checkpoint must hold: dropout, jitter, an average, the best epoch, a plateau, a
teacher that runs along and one whose outputs are kept, in bf16."""


# The first optimiser of a process loads two seconds' worth of torch: once, before they part.
torch.optim.SGD([torch.zeros(1, requires_grad=True)])


def context() -> ForkServerContext:
    """Processes that begin with torch in memory, each from the same clean start."""
    found = multiprocessing.get_context("forkserver")
    os.environ["PYTHONPATH"] = os.pathsep.join((str(ROOT), str(HERE)))
    found.set_forkserver_preload(["tests.jobs.jobs_processes"])
    return found


def run_elsewhere(target: Callable[..., None], *arguments: Any) -> int | None:
    """How a process ended that ran ``target``: 0, or minus the signal that killed it."""
    process = context().Process(target=target, args=arguments)
    process.start()
    process.join(PATIENCE)
    if process.is_alive():
        process.kill()
        process.join()
        raise AssertionError("the process did not come to its end")
    return process.exitcode


# -- killed at a certain moment -----------------------------------------------------------------


def train_until_killed(
    home: Path, moment: str, count: int, wanted: ExperimentSpec = VARIED
) -> None:
    """Start a job as an app does, in a process that kills itself at the moment's n-th coming."""
    runner_module.load_splits = load_few
    MOMENTS[moment](_Countdown(count))
    service = Service(settings(home))
    ended(service, service.start(wanted))
    sys.exit("the job was over before the moment came")


def sweep_until_killed(home: Path, asked: SweepSpec, moment: str, count: int) -> None:
    """As :func:`train_until_killed`, for a sweep."""
    runner_module.load_splits = load_few
    SWEEP_MOMENTS[moment](_Countdown(count))
    service = Service(settings(home))
    job = start_study(service, asked, "map").job
    ended(service, service.store.job(job or 0))
    sys.exit("the job was over before the moment came")


def tune_until_killed(home: Path, asked: TuneSpec, moment: str, count: int) -> None:
    """As :func:`train_until_killed`, for a tuning."""
    runner_module.load_splits = load_few
    SWEEP_MOMENTS[moment](_Countdown(count))
    service = Service(settings(home))
    job = start_study(service, asked, "tuned").job
    ended(service, service.store.job(job or 0))
    sys.exit("the job was over before the moment came")


class _Countdown:
    def __init__(self, count: int) -> None:
        self.count = count

    def tick(self) -> None:
        self.count -= 1
        if self.count == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def _after(place: Any, name: str, countdown: _Countdown, counts=lambda *_, **__: True) -> None:
    """Tick after each call that counts."""
    real = getattr(place, name)

    def call(*arguments: Any, **settings: Any) -> Any:
        answer = real(*arguments, **settings)
        if counts(*arguments, **settings):
            countdown.tick()
        return answer

    setattr(place, name, call)


MOMENTS: dict[str, Callable[[_Countdown], None]] = {
    "step": lambda countdown: _after(Learner, "step", countdown),
    "validation": lambda countdown: _after(loop, "compute_metrics", countdown),
    "row": lambda countdown: _after(Store, "record_epoch", countdown),
    "half a file": lambda countdown: _after(checkpoints, "_write_through", countdown),
    "checkpoint": lambda countdown: _after(
        checkpoints, "write", countdown, lambda path, *_: path.name == checkpoints.CHECKPOINT
    ),
    "weights": lambda countdown: _after(
        checkpoints, "write", countdown, lambda path, *_: path.name == checkpoints.WEIGHTS
    ),
    "stage change": lambda countdown: _after(Store, "stage_ended", countdown),
    "stage begun": lambda countdown: _after(Store, "stage_started", countdown),
    "teacher outputs": lambda countdown: _after(task.CachedTeacher, "__init__", countdown),
}


SWEEP_MOMENTS: dict[str, Callable[[_Countdown], None]] = {
    "chunk written": lambda countdown: _after(sweeper_module, "_write_chunk", countdown),
    "rows": lambda countdown: _after(Store, "record_students", countdown),
    "chunk checkpoint": lambda countdown: _after(
        checkpoints, "write", countdown, lambda path, *_: "sweeps" in path.parts
    ),
    "student weights": lambda countdown: _after(StudentResultWriter, "_keep_weights", countdown),
    "student done": lambda countdown: _after(
        Store, "stage_ended", countdown, lambda *_, **figures: "agreement" in figures
    ),
}


# -- several at one home ------------------------------------------------------------------------


def start_and_finish(home: Path, wanted: list[ExperimentSpec], log: Path) -> None:
    """Start experiments as one of several apps; note each stage that is trained here."""
    runner_module.load_splits = load_few
    with noted(log):
        # Ten beats of silence are given up for dead: none must come of a busy machine here.
        service = Service(settings(home, heartbeat_seconds=5.0))
        for one in wanted:
            service.start(one)
        # Whoever is free takes the next job, also the other's; closing would cancel it.
        wait_until(lambda: not service.jobs(active_only=True))
        service.close()


@contextmanager
def noted(log: Path):
    """Write down each training: its stage, its process, when it began and ended."""
    real = runner_module.train

    def train(one, *arguments, **keywords):
        began = time.monotonic()
        try:
            return real(one, *arguments, **keywords)
        finally:
            with log.open("a") as file:
                file.write(f"{one.key} {os.getpid()} {began} {time.monotonic()}\n")

    runner_module.train = train
    yield
    runner_module.train = real


def train_endlessly(home: Path, wanted: ExperimentSpec) -> None:
    """Train until killed."""
    runner_module.load_splits = load_few
    service = Service(settings(home))
    ended(service, service.start(wanted))


def hold(folder: Path, held: Any, over: Any) -> None:
    """Have a stage's turn until ``over``, an event."""
    with stage_lock(folder, lambda: None):
        held.set()
        over.wait(PATIENCE)
