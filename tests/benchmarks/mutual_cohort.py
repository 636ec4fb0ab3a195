"""A cohort's peers side by side against the same peers one after the other."""

from __future__ import annotations

from tests.benchmarks.base import Benchmark, Finding, Outcome, Target, in_turns, speed_up, use_cores
from tests.benchmarks.epochs import our_epoch, task_of
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


def run(pairs: int) -> Finding:
    """Measure on ``mnist-5k``; both sides have the loss of all members at once."""
    cores = use_cores()
    splits = load_splits("mnist-5k", get_settings().data_folder)
    _pairs(splits, 1)  # a first time, off the record
    return speed_up(
        _pairs(splits, pairs),
        "stacked",
        "looped",
        work=f"{1 + PEERS} nets, {EPOCHS} epochs of {len(splits.train):,} images",
        threads=str(cores),
    )


def _pairs(splits: Splits, pairs: int) -> list[tuple[Outcome, Outcome]]:
    def stacked(number: int) -> Outcome:
        return our_epoch(_task(splits, number))

    def looped(number: int) -> Outcome:
        task = _task(splits, number)
        task.auxiliary_module = _as_looped(task)
        return our_epoch(task)

    return in_turns(stacked, looped, pairs, tolerance=TOLERANCE)


def _task(splits: Splits, seed: int) -> Task:
    objective = ObjectiveSpec(name="mutual", options={"peers": PEERS})
    return task_of(NET, splits, seed, epochs=EPOCHS, objective=objective)


def _as_looped(task: Task) -> Cohort:
    """The task's peers, from the same first weights, as nets of their own."""
    assert isinstance(task.auxiliary_module, StackedCohort)
    nets = [build(ModelSpec(name=NET), 10, seed=0) for _ in range(PEERS)]
    for place, net in enumerate(nets):
        for own, value_K in zip(net.parameters(), task.auxiliary_module.weights, strict=True):
            own.data.copy_(value_K[place])
    return LoopedCohort(nets)


BENCHMARK = Benchmark(
    name="mutual-cohort",
    title="epochs of a mutual-learning cohort of four 784-64-10, batch 64: looped / stacked peers",
    unit="×",
    target=Target(1.1),
    count=3,
    run=run,
)
