"""Several teachers: what keeping their answers saves, and what each further one costs an epoch.

The teachers have not learnt, and answer as fast.
"""

from __future__ import annotations

import tempfile
import time
from math import ceil
from pathlib import Path

from tests.benchmarks.base import Benchmark, Finding, Outcome, Target, in_turns, speed_up, use_cores
from tests.benchmarks.epochs import BATCH, Teachers, our_epoch, task_of
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
"""The second where the answers are computed before the clock runs, so that any net will do."""
SOFT = ObjectiveSpec(name="hinton", temperature=4.0, lam=0.3)
EPOCHS = 5
# Teachers' answers to a batch of another size are rounded in another way.
TOLERANCE = 1e-3


def run_cache(pairs: int) -> Finding:
    """Measure whole stages, the computing of the cache within the clock."""
    cores, splits = use_cores(), _splits()
    teachers = _teachers(TEACHER, MANY)

    def cached(number: int) -> Outcome:
        return _stage(_task(splits, number, teachers))

    def online(number: int) -> Outcome:
        return _stage(_without_cache(_task(splits, number, teachers)))

    in_turns(cached, online, 1, tolerance=TOLERANCE)  # a first time, off the record
    done = in_turns(cached, online, pairs, tolerance=TOLERANCE)
    return speed_up(done, "cached", "online", work=_work(TEACHER, splits), threads=str(cores))


def run_cost(pairs: int) -> Finding:
    """Measure epochs alone, the cache computed before.

    The three teachers are one net three times: their mean is that net's answer, so that both
    sides must end in the same loss.
    """
    cores, splits = use_cores(), _splits()
    one, three = _teachers(CHEAP, 1), _teachers(CHEAP, MANY, alike=True)

    def under_one(number: int) -> Outcome:
        return our_epoch(_task(splits, number, one))

    def under_three(number: int) -> Outcome:
        return our_epoch(_task(splits, number, three))

    in_turns(under_one, under_three, 1, tolerance=TOLERANCE)  # a first time, off the record
    done = in_turns(under_one, under_three, pairs, tolerance=TOLERANCE)
    return speed_up(done, "1 teacher", "3 teachers", work=_work(CHEAP, splits), threads=str(cores))


def _splits() -> Splits:
    return load_splits("mnist-5k", get_settings().data_folder)


def _work(teacher: str, splits: Splits) -> str:
    return f"{STUDENT} under {teacher}, {EPOCHS} epochs of {len(splits.train):,} images"


def _task(splits: Splits, seed: int, teachers: Teachers) -> Task:
    return task_of(STUDENT, splits, seed, epochs=EPOCHS, objective=SOFT, teachers=teachers)


def _teachers(net: str, count: int, *, alike: bool = False) -> Teachers:
    """So many stages and weights, by hash; ``alike`` gives all of them the first's weights."""
    model = ModelSpec(name=net)
    known = {}
    for seed in range(count):
        spec = StageSpec(
            data=DataSpec(), model=model, objective=LABELS, train=TrainSpec(), seed=seed
        )
        weights = build(model, 10, 0 if alike else seed).state_dict()
        known[spec.hash] = (spec, weights)
    return known


def _without_cache(task: Task) -> Task:
    """The same task, whose teachers look at each batch."""
    assert task.teacher_net is not None
    task.teacher = OnlineTeacher(task.teacher_net, bf16=task.teacher_bf16)
    task.prepare_teacher = lambda *_: None  # type: ignore[method-assign]
    return task


def _stage(task: Task) -> Outcome:
    """A stage from its start to its end, validation and test included on both sides."""
    losses: list[float] = []

    def listen(event: Event) -> None:
        if isinstance(event, EpochEnded):
            losses.append(event.train_loss)

    images = len(task.splits.train)
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        train(task, Path(folder), listen, Control())
        seconds = time.perf_counter() - began
    return Outcome(seconds, len(losses) * ceil(images / BATCH), len(losses) * images, losses[-1])


BENCHMARK = (
    Benchmark(
        name="ensemble-cache",
        title=f"a student's {EPOCHS} epochs under {MANY} teachers: asked batch by batch / once",
        unit="×",
        target=Target(2),
        count=3,
        run=run_cache,
    ),
    Benchmark(
        name="ensemble-cost",
        title=f"a student's epochs, answers computed before: under {MANY} teachers / under one",
        unit="×",
        target=Target(1.05, at_least=False),
        count=5,
        run=run_cost,
    ),
)
