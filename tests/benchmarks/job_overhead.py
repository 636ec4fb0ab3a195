"""A job of the app compared with a bare training loop: the cost of the app's machinery."""

from __future__ import annotations

from datetime import UTC, datetime
from math import ceil

from tests.benchmarks.bare import train_bare
from tests.benchmarks.base import (
    Benchmark,
    BenchmarkResult,
    Pair,
    Target,
    TimedRun,
    make_ratio,
    run_alternately,
    set_threads,
)
from tests.benchmarks.machinery import open_service, run_job
from tsexplorer.data.registry import Splits, load_splits
from tsexplorer.recipes import get_recipe
from tsexplorer.services.service import Service
from tsexplorer.specs import ExperimentSpec, TrainSpec

# Both sides compute the same sums in the same order.
TOLERANCE = 1e-6
SHARE = 4
"""The epochs of the recipe are divided by this, so that a pair takes seconds."""


def run(pairs: int) -> BenchmarkResult:
    """Measure on the three stages of ``quick``, with fewer epochs."""
    cores = set_threads()
    with open_service(cores) as app:
        splits = load_splits(shortened(0, SHARE).data.name, app.settings.data_folder)
        _pairs(app, splits, 1, epochs_by=100)  # a warm-up: torch is imported
        pairs_run = _pairs(app, splits, pairs, epochs_by=SHARE)
    return make_ratio(
        pairs_run,
        "job",
        "bare loop",
        work=f"quick with 1/{SHARE} of its epochs, {pairs_run[0][0].steps:,} steps",
        threads=str(cores),
    )


def shortened(number: int, epochs_by: int) -> ExperimentSpec:
    """``quick`` with fewer epochs; the number is the seed, so that no net is reused."""
    quick = get_recipe("quick").spec

    def fewer(train: TrainSpec) -> TrainSpec:
        return train.model_copy(update={"epochs": ceil(train.epochs / epochs_by)})

    return quick.model_copy(
        update={
            "name": f"quick {number} by {epochs_by}",
            "teacher_train": fewer(quick.teacher_train),
            "baseline_train": fewer(quick.baseline_train),
            "distilled_train": fewer(quick.distilled_train),
            "seeds": (number,),
        }
    )


def _pairs(app: Service, splits: Splits, pairs: int, *, epochs_by: int) -> list[Pair]:
    def job(number: int) -> TimedRun:
        return _train_in(app, shortened(number, epochs_by), splits)

    def bare(number: int) -> TimedRun:
        return train_bare(shortened(number, epochs_by), splits)

    return run_alternately(job, bare, pairs, tolerance=TOLERANCE)


def _train_in(app: Service, experiment: ExperimentSpec, splits: Splits) -> TimedRun:
    """Time from queueing the job until the store says that it is done."""
    began = datetime.now(UTC)
    job = run_job(app, experiment)
    assert job.ended_at is not None
    watch = app.watch(job.experiment_id)
    images = len(splits.train)
    epochs = [(link.stage, len(watch.epochs[link.stage.hash])) for link in watch.experiment.stages]
    return TimedRun(
        seconds=(job.ended_at - began).total_seconds(),
        steps=sum(n * ceil(images / stage.spec.train.batch_size) for stage, n in epochs),
        samples=sum(n * images for _, n in epochs),
        loss=sum(stage.validation_loss or 0.0 for stage, _ in epochs),
    )


BENCHMARK = Benchmark(
    name="job-overhead",
    title="quick, shortened: bare training loop / job in the app",
    unit="×",
    target=Target(0.95),
    count=3,
    run=run,
)
