"""Memory: what the process holds after many experiments against what it held after the first."""

from __future__ import annotations

import gc
import os
from pathlib import Path

from tests.benchmarks.base import Benchmark, BenchmarkError, Finding, say, use_cores
from tests.benchmarks.machinery import run_job, service
from tsexplorer.recipes import get_recipe
from tsexplorer.services.service import Service
from tsexplorer.specs import ExperimentSpec

STATM = Path("/proc/self/statm")
MEGA = 10**6


def run(experiments: int) -> Finding:
    """Run so many experiments of one epoch a stage, after one that is not counted."""
    if not STATM.exists():
        raise BenchmarkError(f"Memory is read from {STATM}, which Linux has; run this there.")
    cores = use_cores()
    with service(cores) as app:
        held = [_after(app, number) for number in range(experiments + 1)]
    ratios = [megabytes / held[0] for megabytes in held[1:]]
    return Finding(
        value=ratios[-1],
        low=min(ratios),
        high=max(ratios),
        count=experiments,
        details={
            "start": f"{held[0]:.0f} MB",
            "end": f"{held[-1]:.0f} MB",
            "each experiment": f"{(held[-1] - held[0]) / experiments:+.2f} MB",
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
    say(f"experiment {number}: {megabytes:.0f} MB")
    return megabytes


def one_epoch(number: int) -> ExperimentSpec:
    """``quick`` with one epoch a stage; every number trains nets of its own."""
    quick = get_recipe("quick").spec
    once = {
        name: getattr(quick, name).model_copy(update={"epochs": 1})
        for name in ("teacher_train", "baseline_train", "distilled_train")
    }
    return quick.model_copy(update={"name": f"small {number}", "seeds": (number,), **once})


BENCHMARK = Benchmark(
    name="memory",
    title="resident memory: after so many experiments / after a first one",
    unit="×",
    target=None,
    count=20,
    run=run,
)
