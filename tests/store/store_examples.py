"""What the tests of the store put into it, and what they run in processes of their own."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Barrier
from typing import Any

from tsexplorer.planning import plan
from tsexplorer.specs import ExperimentSpec, ObjectiveSpec
from tsexplorer.store import EpochRow, ExperimentSnapshot, Store

OWNER = "here:1:100"
OTHER = "there:2:200"
LONG_AGO = timedelta(hours=1)

_barrier: Barrier | None = None


def spec(name: str = "first", lam: float = 0.5, seeds: tuple[int, ...] = (0,)) -> ExperimentSpec:
    return ExperimentSpec(
        name=name, objective=ObjectiveSpec.model_validate({"lambda": lam}), seeds=seeds
    )


def add(store: Store, name: str = "first", **settings: Any) -> ExperimentSnapshot:
    asked = spec(name, **settings)
    return store.add_experiment(asked, plan(asked))


def run(store: Store, name: str = "first") -> tuple[ExperimentSnapshot, int]:
    """An experiment whose job is running."""
    experiment = add(store, name)
    job = store.enqueue(experiment.id)
    assert store.claim(OWNER, job.id) is not None
    return experiment, job.id


def epoch(number: int, **figures: Any) -> EpochRow:
    usual: dict[str, Any] = {
        "train_loss": 2.0**-number,
        "terms": {"hard": 0.25, "soft": 0.75},
        "train_accuracy": 0.9,
        "validation_loss": 0.3,
        "validation_accuracy": 0.91,
        "learning_rate": 1e-3,
        "seconds": 0.8,
    }
    return EpochRow(epoch=number, **(usual | figures))


def at_once(count: int, task: Callable[..., Any], *arguments: Any) -> list[Any]:
    """What ``count`` processes get that all begin ``task`` at the same time."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(count)
    with ProcessPoolExecutor(count, context, _meet, (barrier,)) as pool:
        return [found.result() for found in [pool.submit(task, *arguments) for _ in range(count)]]


def _meet(barrier: Barrier) -> None:
    global _barrier
    _barrier = barrier


def _wait() -> None:
    assert _barrier is not None
    _barrier.wait(timeout=30)


def open_and_add(url: str) -> int:
    """How many experiments a store has that was opened by several processes at once."""
    _wait()
    store = Store.open(url)
    add(store, f"by process {os.getpid()}")
    _wait()
    return len(store.experiments())


def claim_all(url: str) -> list[int]:
    """Jobs that this process got out of a queue that others empty as well."""
    store = Store.open(url)
    _wait()
    claimed = []
    while (job := store.claim(f"here:{os.getpid()}:1")) is not None:
        claimed.append(job.id)
    return claimed


def interrupt_all(url: str) -> list[int]:
    """Stale jobs that this process marked."""
    store = Store.open(url)

    def dead(owner: str) -> bool:
        _wait()  # both have seen the job running before either marks it
        return False

    return store.interrupt_stale(datetime.now(UTC), LONG_AGO, dead)


def add_same(url: str) -> str:
    """The id of an experiment that several processes add at once."""
    store = Store.open(url)
    _wait()
    return add(store, "wanted by all").id
