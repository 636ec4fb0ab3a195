"""Memory of the process after many experiments compared with that after the first."""

from __future__ import annotations

import gc
import os
from pathlib import Path

from tests.benchmarks.base import (
    Benchmark,
    BenchmarkError,
    BenchmarkResult,
    print_progress,
    set_threads,
)
from tests.benchmarks.machinery import open_service, run_job
from tsexplorer.recipes import get_recipe
from tsexplorer.services.service import Service
from tsexplorer.specs import ExperimentSpec

STATM = Path("/proc/self/statm")
MEGA = 10**6


def run(experiments: int) -> BenchmarkResult:
    """Run experiments of one epoch a stage, after a first one that is not counted."""
    if not STATM.exists():
        raise BenchmarkError(f"Memory is read from {STATM}, which only Linux has; use Linux.")
    cores = set_threads()
    with open_service(cores) as app:
        sizes = [_after(app, number) for number in range(experiments + 1)]
    ratios = [size / sizes[0] for size in sizes[1:]]
    return BenchmarkResult(
        value=ratios[-1],
        low=min(ratios),
        high=max(ratios),
        count=experiments,
        details={
            "start": f"{sizes[0]:.0f} MB",
            "end": f"{sizes[-1]:.0f} MB",
            "each experiment": f"{(sizes[-1] - sizes[0]) / experiments:+.2f} MB",
            "threads": str(cores),
        },
    )


def resident_megabytes() -> float:
    """Memory of this process that is in RAM, in 10⁶ bytes."""
    gc.collect()
    pages = int(STATM.read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MEGA


def _after(app: Service, number: int) -> float:
    run_job(app, one_epoch(number))
    megabytes = resident_megabytes()
    print_progress(f"experiment {number}: {megabytes:.0f} MB")
    return megabytes


def one_epoch(number: int) -> ExperimentSpec:
    """``quick`` with one epoch a stage; the number is the seed, so that no net is reused."""
    quick = get_recipe("quick").spec
    trains = {
        name: getattr(quick, name).model_copy(update={"epochs": 1})
        for name in ("teacher_train", "baseline_train", "distilled_train")
    }
    return quick.model_copy(update={"name": f"small {number}", "seeds": (number,), **trains})


BENCHMARK = Benchmark(
    name="memory",
    title="resident memory: after all experiments / after the first one",
    unit="×",
    target=None,
    count=20,
    run=run,
)
