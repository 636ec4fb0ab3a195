"""Stacked peers of a cohort compared with the same peers one after the other."""

from __future__ import annotations

from tests.benchmarks.base import (
    Benchmark,
    BenchmarkResult,
    Target,
    TimedRun,
    make_ratio,
    run_alternately,
    set_threads,
)
from tests.benchmarks.epochs import make_task, train_epochs
from tsexplorer.data.base import ImageTask
from tsexplorer.data.registry import Splits, load_splits
from tsexplorer.models import build
from tsexplorer.models.stacked import Cohort, LoopedCohort, StackedCohort
from tsexplorer.settings import get_settings
from tsexplorer.specs import ModelSpec, ObjectiveSpec
from tsexplorer.training.task import Task

NET, PEERS = "mlp-64", 3
EPOCHS = 3
# Matrix products in another order, over some hundred steps of Adam.
TOLERANCE = 1e-3


def run(pairs: int) -> BenchmarkResult:
    """Measure on ``mnist-5k``; both sides compute the loss of all members at once."""
    cores = set_threads()
    splits = load_splits("mnist-5k", get_settings().data_folder)
    _pairs(splits, 1)  # a warm-up
    return make_ratio(
        _pairs(splits, pairs),
        "stacked",
        "looped",
        work=f"{1 + PEERS} nets, {EPOCHS} epochs of {len(splits.train):,} images",
        threads=str(cores),
    )


def _pairs(splits: Splits, pairs: int) -> list[tuple[TimedRun, TimedRun]]:
    def stacked(number: int) -> TimedRun:
        return train_epochs(_task(splits, number))

    def looped(number: int) -> TimedRun:
        task = _task(splits, number)
        task.auxiliary_module = _as_looped(task)
        return train_epochs(task)

    return run_alternately(stacked, looped, pairs, tolerance=TOLERANCE)


def _task(splits: Splits, seed: int) -> Task:
    objective = ObjectiveSpec(name="mutual", options={"peers": PEERS})
    return make_task(NET, splits, seed, epochs=EPOCHS, objective=objective)


def _as_looped(task: Task) -> Cohort:
    """The task's peers with the same initial weights, as separate nets."""
    assert isinstance(task.auxiliary_module, StackedCohort)
    nets = [build(ModelSpec(name=NET), ImageTask(10), seed=0) for _ in range(PEERS)]
    for peer, net in enumerate(nets):
        for weight, value_K in zip(net.parameters(), task.auxiliary_module.weights, strict=True):
            weight.data.copy_(value_K[peer])
    return LoopedCohort(nets)


BENCHMARK = Benchmark(
    name="mutual-cohort",
    title="epochs of a mutual-learning cohort of four 784-64-10, batch 64: looped / stacked peers",
    unit="×",
    target=Target(1.1),
    count=3,
    run=run,
)
