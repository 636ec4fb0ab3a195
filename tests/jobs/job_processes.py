"""Jobs in processes of their own, some of which are killed at a given moment."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import torch

from tests.examples import start_study
from tests.jobs.experiment_examples import (
    PATIENCE,
    ended,
    load_few,
    settings,
    spec,
    wait_until,
)
from tsexplorer.jobs import job_runner, local_chunks
from tsexplorer.jobs.stage_files import stage_lock
from tsexplorer.jobs.student_results import StudentResultWriter
from tsexplorer.services.service import Service
from tsexplorer.specs import ExperimentSpec, Spec, TrainSpec
from tsexplorer.store import Store
from tsexplorer.training import checkpoints, loop, task
from tsexplorer.training.learner import Learner

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]

TRAINING: dict[str, Any] = {"batch_size": 30, "learning_rate": 0.02, "precision": "fp32"}
VARIED = spec(
    "varied",
    teacher_train=TrainSpec(epochs=3, jitter=2, keep="best", **(TRAINING | {"precision": "bf16"})),
    baseline_train=TrainSpec(
        epochs=4, optimiser="sgd", schedule="plateau", averaging=0.8, **TRAINING
    ),
    distilled_train=TrainSpec(
        epochs=5, optimiser="adadelta", jitter=1, keep="best", averaging=0.6, **TRAINING
    ),
)
"""Stages that use all parts of a checkpoint: dropout, jitter, weight averaging, the best epoch, a
plateau schedule, and teacher logits in bf16, computed during training or cached before."""


# The first optimiser of a process takes two seconds; made here, it is shared by all processes.
torch.optim.SGD([torch.zeros(1, requires_grad=True)])


def process_context() -> ForkServerContext:
    """Return a context whose processes start with torch imported and nothing else changed."""
    context = multiprocessing.get_context("forkserver")
    os.environ["PYTHONPATH"] = os.pathsep.join((str(ROOT), str(FOLDER)))
    context.set_forkserver_preload(["tests.jobs.job_processes"])
    return context


def run_in_process(target: Callable[..., None], *arguments: Any) -> int | None:
    """Run ``target`` in another process; return 0, or minus the signal that killed it."""
    process = process_context().Process(target=target, args=arguments)
    process.start()
    process.join(PATIENCE)
    if process.is_alive():
        process.kill()
        process.join()
        raise AssertionError(f"the process did not end within {PATIENCE} s")
    return process.exitcode


# -- processes that kill themselves -------------------------------------------------------------


def train_until_killed(
    home: Path, moment: str, count: int, study: Spec = VARIED, name: str = "map"
) -> None:
    """Start a study as an app does, in a process that kills itself.

    Args:
        home: folder of the store.
        moment: key of ``MOMENTS`` or ``CHUNK_MOMENTS``.
        count: how often the moment must occur before the process is killed.
        study: to train.
        name: of the study, if it is not an experiment.
    """
    job_runner.load_splits = load_few
    (MOMENTS | CHUNK_MOMENTS)[moment](_Countdown(count))
    service = Service(settings(home))
    if isinstance(study, ExperimentSpec):
        job = service.start(study)
    else:
        job = service.store.job(start_study(service, study, name).job or 0)
    ended(service, job)
    sys.exit(f"the job ended before the moment {moment!r} occurred {count} times")


class _Countdown:
    """Kills this process on the n-th call."""

    def __init__(self, count: int) -> None:
        self.count = count

    def tick(self) -> None:
        self.count -= 1
        if self.count == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def _kill_after(
    owner: Any, name: str, countdown: _Countdown, counts: Callable[..., bool] | None = None
) -> None:
    """Count calls of a function; the process is killed after the last of them.

    Args:
        owner: class or module with the function.
        name: of the function.
        countdown: counts the calls.
        counts: receives the arguments and returns whether the call counts; None for all.
    """
    original = getattr(owner, name)

    def call(*arguments: Any, **keywords: Any) -> Any:
        result = original(*arguments, **keywords)
        if counts is None or counts(*arguments, **keywords):
            countdown.tick()
        return result

    setattr(owner, name, call)


MOMENTS: dict[str, Callable[[_Countdown], None]] = {
    "optimiser step": lambda countdown: _kill_after(Learner, "step", countdown),
    "validation": lambda countdown: _kill_after(loop, "compute_metrics", countdown),
    "epoch stored": lambda countdown: _kill_after(Store, "record_epoch", countdown),
    "temporary file": lambda countdown: _kill_after(checkpoints, "write_through", countdown),
    "checkpoint": lambda countdown: _kill_after(
        checkpoints, "write", countdown, lambda path, *_: path.name == checkpoints.CHECKPOINT
    ),
    "weights": lambda countdown: _kill_after(
        checkpoints, "write", countdown, lambda path, *_: path.name == checkpoints.WEIGHTS
    ),
    "stage ended": lambda countdown: _kill_after(Store, "record_stage_ended", countdown),
    "stage started": lambda countdown: _kill_after(Store, "record_stage_started", countdown),
    "teacher logits": lambda countdown: _kill_after(task.CachedTeacher, "__init__", countdown),
}


CHUNK_MOMENTS: dict[str, Callable[[_Countdown], None]] = {
    "chunk file": lambda countdown: _kill_after(local_chunks, "write_chunk_file", countdown),
    "epochs stored": lambda countdown: _kill_after(Store, "record_student_epochs", countdown),
    "chunk checkpoint": lambda countdown: _kill_after(
        checkpoints, "write", countdown, lambda path, *_: "sweeps" in path.parts
    ),
    "student weights": lambda countdown: _kill_after(
        StudentResultWriter, "write_weights", countdown
    ),
    "student done": lambda countdown: _kill_after(
        Store, "record_stage_ended", countdown, lambda *_, **figures: "agreement" in figures
    ),
}


# -- several processes with one home ------------------------------------------------------------


def start_and_finish(home: Path, experiments: list[ExperimentSpec], log: Path) -> None:
    """Start experiments as one of several apps; log the stages that this process trains."""
    job_runner.load_splits = load_few
    with logged_trainings(log):
        # Jobs become interrupted after ten missed heartbeats, which a busy machine must not cause.
        service = Service(settings(home, heartbeat_seconds=5.0))
        for experiment in experiments:
            service.start(experiment)
        # This process also trains jobs of the others; closing the service would cancel them.
        wait_until(lambda: not service.jobs(active_only=True))
        service.close()


@contextmanager
def logged_trainings(log: Path) -> Iterator[None]:
    """Write a line for each stage that is trained: hash, process, start and end."""
    original = job_runner.train

    def train(task: Any, *arguments: Any, **keywords: Any) -> Any:
        start = time.monotonic()
        try:
            return original(task, *arguments, **keywords)
        finally:
            with log.open("a") as file:
                file.write(f"{task.key} {os.getpid()} {start} {time.monotonic()}\n")

    job_runner.train = train
    yield
    job_runner.train = original


def train_endlessly(home: Path, experiment: ExperimentSpec) -> None:
    """Train until killed."""
    job_runner.load_splits = load_few
    service = Service(settings(home))
    ended(service, service.start(experiment))


def hold_lock(folder: Path, locked: Any, release: Any) -> None:
    """Hold a stage's lock: set the event ``locked``, and wait for the event ``release``."""
    with stage_lock(folder, lambda: None):
        locked.set()
        release.wait(PATIENCE)
