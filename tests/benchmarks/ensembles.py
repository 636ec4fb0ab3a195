"""Several teachers: the time that cached logits save, and the time that more teachers take.

The teachers are not trained; this does not change their speed.
"""

from __future__ import annotations

import tempfile
import time
from math import ceil
from pathlib import Path

from tests.benchmarks.base import (
    Benchmark,
    BenchmarkResult,
    Target,
    TimedRun,
    make_ratio,
    run_alternately,
    set_threads,
)
from tests.benchmarks.epochs import BATCH, Teachers, make_task, train_epochs
from tsexplorer.data.base import ImageTask
from tsexplorer.data.registry import Splits, load_splits
from tsexplorer.models import build
from tsexplorer.settings import get_settings
from tsexplorer.specs import LABELS, DataSpec, ModelSpec, ObjectiveSpec, StageSpec, TrainSpec
from tsexplorer.training.control import Control
from tsexplorer.training.events import EpochEnded, Event
from tsexplorer.training.loop import train
from tsexplorer.training.task import Task
from tsexplorer.training.teacher_logits import OnlineTeacher

STUDENT, MANY = "mlp-64", 3
TEACHER, CHEAP = "hinton-teacher", "mlp-64"
"""``CHEAP`` is for runs whose logits are computed before the clock starts."""
OBJECTIVE = ObjectiveSpec(name="hinton", temperature=4.0, lam=0.3)
EPOCHS = 5
# Logits of batches of different sizes differ by rounding.
TOLERANCE = 1e-3


def run_cache(pairs: int) -> BenchmarkResult:
    """Measure whole stages, including the computation of the cache."""
    cores, splits = set_threads(), _splits()
    teachers = _teachers(TEACHER, MANY)

    def cached(number: int) -> TimedRun:
        return _stage(_task(splits, number, teachers))

    def online(number: int) -> TimedRun:
        return _stage(_without_cache(_task(splits, number, teachers)))

    run_alternately(cached, online, 1, tolerance=TOLERANCE)  # a warm-up
    pairs_run = run_alternately(cached, online, pairs, tolerance=TOLERANCE)
    return make_ratio(
        pairs_run, "cached", "online", work=_work(TEACHER, splits), threads=str(cores)
    )


def run_cost(pairs: int) -> BenchmarkResult:
    """Measure epochs only; the cache is computed before.

    The three teachers have the same weights, so that both sides must end with the same loss.
    """
    cores, splits = set_threads(), _splits()
    single, several = _teachers(CHEAP, 1), _teachers(CHEAP, MANY, equal=True)

    def under_one(number: int) -> TimedRun:
        return train_epochs(_task(splits, number, single))

    def under_three(number: int) -> TimedRun:
        return train_epochs(_task(splits, number, several))

    run_alternately(under_one, under_three, 1, tolerance=TOLERANCE)  # a warm-up
    pairs_run = run_alternately(under_one, under_three, pairs, tolerance=TOLERANCE)
    return make_ratio(
        pairs_run, "1 teacher", "3 teachers", work=_work(CHEAP, splits), threads=str(cores)
    )


def _splits() -> Splits:
    return load_splits("mnist-5k", get_settings().data_folder)


def _work(teacher: str, splits: Splits) -> str:
    return f"{STUDENT} under {teacher}, {EPOCHS} epochs of {len(splits.train):,} images"


def _task(splits: Splits, seed: int, teachers: Teachers) -> Task:
    return make_task(STUDENT, splits, seed, epochs=EPOCHS, objective=OBJECTIVE, teachers=teachers)


def _teachers(net: str, count: int, *, equal: bool = False) -> Teachers:
    """Stages and weights by hash; with ``equal`` all have the same weights."""
    model = ModelSpec(name=net)
    teachers = {}
    for seed in range(count):
        spec = StageSpec(
            data=DataSpec(), model=model, objective=LABELS, train=TrainSpec(), seed=seed
        )
        weights = build(model, ImageTask(10), 0 if equal else seed).state_dict()
        teachers[spec.hash] = (spec, weights)
    return teachers


def _without_cache(task: Task) -> Task:
    """The same task with teachers that compute logits for each batch."""
    assert task.teacher_net is not None
    task.teacher = OnlineTeacher(task.teacher_net, bf16=task.teacher_bf16)
    task.prepare_teacher = lambda *_: None  # type: ignore[method-assign]
    return task


def _stage(task: Task) -> TimedRun:
    """Train a stage, including validation and test."""
    losses: list[float] = []

    def listen(event: Event) -> None:
        if isinstance(event, EpochEnded):
            losses.append(event.train_loss)

    images = len(task.splits.train)
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        train(task, Path(folder), listen, Control())
        seconds = time.perf_counter() - began
    return TimedRun(seconds, len(losses) * ceil(images / BATCH), len(losses) * images, losses[-1])


BENCHMARK = (
    Benchmark(
        name="ensemble-cache",
        title=f"a student's {EPOCHS} epochs under {MANY} teachers: logits online / cached",
        unit="×",
        target=Target(2),
        count=3,
        run=run_cache,
    ),
    Benchmark(
        name="ensemble-cost",
        title=f"a student's epochs, cached logits: under {MANY} teachers / under one",
        unit="×",
        target=Target(1.05, at_least=False),
        count=5,
        run=run_cost,
    ),
)
