"""What the machinery costs: a job on the worker's thread against its training alone."""

from __future__ import annotations

from datetime import UTC, datetime
from math import ceil

from tests.benchmarks.bare import train_bare
from tests.benchmarks.base import (
    Benchmark,
    Finding,
    Outcome,
    Pair,
    Target,
    in_turns,
    speed_up,
    use_cores,
)
from tests.benchmarks.machinery import run_job, service
from tsexplorer.data.registry import Splits, load_splits
from tsexplorer.recipes import get_recipe
from tsexplorer.services.service import Service
from tsexplorer.specs import ExperimentSpec, TrainSpec

# Both sides do the same sums in the same order.
TOLERANCE = 1e-6
SHARE = 4
"""The recipe's epochs are divided by this, so that a pair takes seconds."""


def run(pairs: int) -> Finding:
    """Measure on ``quick``, shortened, with its three stages."""
    cores = use_cores()
    with service(cores) as app:
        splits = load_splits(shortened(0, SHARE).data.name, app.settings.data_folder)
        _pairs(app, splits, 1, epochs_by=100)  # a first time, off the record: torch is imported
        done = _pairs(app, splits, pairs, epochs_by=SHARE)
    return speed_up(
        done,
        "job",
        "bare loop",
        work=f"quick with 1/{SHARE} of its epochs, {done[0][0].steps:,} steps",
        threads=str(cores),
    )


def shortened(number: int, epochs_by: int) -> ExperimentSpec:
    """``quick`` with fewer epochs; every number is another experiment, with nets of its own."""
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
    def job(number: int) -> Outcome:
        return _train_in(app, shortened(number, epochs_by), splits)

    def bare(number: int) -> Outcome:
        return train_bare(shortened(number, epochs_by), splits)

    return in_turns(job, bare, pairs, tolerance=TOLERANCE)


def _train_in(app: Service, experiment: ExperimentSpec, splits: Splits) -> Outcome:
    """From the call that queues the job to the moment at which the store calls it done."""
    began = datetime.now(UTC)
    job = run_job(app, experiment)
    assert job.ended_at is not None
    watch = app.watch(job.experiment_id)
    images = len(splits.train)
    epochs = [(link.stage, len(watch.epochs[link.stage.hash])) for link in watch.experiment.stages]
    return Outcome(
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
