"""Example data for the tests of the store, and functions that they run in other processes."""

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
    experiment = spec(name, **settings)
    return store.add_experiment(experiment, plan(experiment))


def run(store: Store, name: str = "first") -> tuple[ExperimentSnapshot, int]:
    """Add an experiment and claim its job; returns both."""
    experiment = add(store, name)
    job = store.enqueue(experiment.id)
    assert store.claim(OWNER, job.id) is not None
    return experiment, job.id


def epoch(number: int, **figures: Any) -> EpochRow:
    defaults: dict[str, Any] = {
        "train_loss": 2.0**-number,
        "terms": {"hard": 0.25, "soft": 0.75},
        "train_accuracy": 0.9,
        "validation_loss": 0.3,
        "validation_accuracy": 0.91,
        "learning_rate": 1e-3,
        "seconds": 0.8,
    }
    return EpochRow(epoch=number, **(defaults | figures))


def run_in_processes(count: int, task: Callable[..., Any], *arguments: Any) -> list[Any]:
    """Run ``task`` in ``count`` processes at the same time; returns their results."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(count)
    with ProcessPoolExecutor(count, context, _set_barrier, (barrier,)) as pool:
        futures = [pool.submit(task, *arguments) for _ in range(count)]
        return [future.result() for future in futures]


def _set_barrier(barrier: Barrier) -> None:
    global _barrier
    _barrier = barrier


def _wait() -> None:
    assert _barrier is not None
    _barrier.wait(timeout=30)


def open_and_add(url: str) -> int:
    """Open a store together with other processes; returns the number of its experiments."""
    _wait()
    store = Store.open(url)
    add(store, f"by process {os.getpid()}")
    _wait()
    return len(store.experiments())


def claim_all(url: str) -> list[int]:
    """Claim jobs together with other processes; returns the ids of those claimed here."""
    store = Store.open(url)
    _wait()
    claimed = []
    while (job := store.claim(f"here:{os.getpid()}:1")) is not None:
        claimed.append(job.id)
    return claimed


def interrupt_all(url: str) -> list[int]:
    """Mark stale jobs together with other processes; returns the ids of those marked here."""
    store = Store.open(url)

    def is_alive(owner: str) -> bool:
        _wait()  # both processes read the running job before one marks it
        return False

    return store.interrupt_stale_jobs(datetime.now(UTC), LONG_AGO, is_alive)


def add_same(url: str) -> str:
    """Add the same experiment as other processes; returns its id."""
    store = Store.open(url)
    _wait()
    return add(store, "shared").id
