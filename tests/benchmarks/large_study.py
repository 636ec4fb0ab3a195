"""A map of 2,500 students: the time to queue it, and the time to read it for its page."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from tests.benchmarks.base import Benchmark, BenchmarkError, BenchmarkResult, Target
from tests.benchmarks.machinery import open_service
from tsexplorer.recipes import get_recipe
from tsexplorer.services.service import Service
from tsexplorer.store.snapshots import EpochRow, StudentRow
from tsexplorer.studies.sweep.spec import SweepSpec

STUDENTS = 2_500
MACHINE = "benchmark"


def large_sweep(number: int) -> SweepSpec:
    """A sweep of ``quick`` with 10 T × 10 λ × 25 seeds; each number has other temperatures."""
    base = get_recipe("quick").spec
    sweep = SweepSpec(
        base=base.model_copy(update={"seeds": (0,)}),
        temperatures=tuple(1.0 + number / 100 + step for step in range(10)),
        lambdas=tuple(step / 10 for step in range(10)),
        seeds=tuple(range(25)),
    )
    if len(sweep.cells) * len(sweep.seeds) != STUDENTS:
        raise BenchmarkError(f"The grid has {len(sweep.cells)} cells; adapt large_sweep().")
    return sweep


def queue(rounds: int) -> BenchmarkResult:
    """Time of the check and the queueing of a new map."""
    with open_service(threads=1) as app:
        seconds = [_queue(app, number)[0] for number in range(rounds)]
    return BenchmarkResult.typical(seconds, students=f"{STUDENTS:,}")


def watch(rounds: int) -> BenchmarkResult:
    """Measure the reading of a map of which half the students are trained."""
    with open_service(threads=1) as app:
        _, key = _queue(app, 0)
        _finish_half(app, key)
        app.studies.state(key)  # the first reading computes the stages of the spec
        seconds = [_timed(lambda: app.studies.state(key)) for _ in range(rounds)]
    return BenchmarkResult.typical(seconds, students=f"{STUDENTS:,}, half of them trained")


def _queue(app: Service, number: int) -> tuple[float, str]:
    sweep = large_sweep(number)
    keys: list[str] = []

    def check_and_queue() -> None:
        # enqueue() and not start(): the worker would begin to train.
        keys.append(app.studies.enqueue(app.studies.check(sweep), f"map {number}").experiment_id)

    return _timed(check_and_queue), keys[0]


def _finish_half(app: Service, key: str) -> None:
    """Record results of half the students, and an epoch of each of the other half."""
    students = app.studies.get(key).spec.students
    for student in students[::2]:
        app.store.record_stage_started(
            student.hash, parameters=50_890, macs=50_816, machine=MACHINE
        )
        app.store.record_stage_ended(
            student.hash,
            "done",
            validation_accuracy=0.9 + student.seed / 1000,
            validation_loss=0.3,
            test_accuracy=0.9,
            train_seconds=1.0,
            kept_epoch=1,
        )
    row = EpochRow(
        epoch=1,
        train_loss=0.5,
        terms={},
        train_accuracy=0.9,
        validation_loss=0.4,
        validation_accuracy=0.88,
        learning_rate=1e-3,
        seconds=1.0,
    )
    app.store.record_student_epochs(
        [StudentRow(student.hash, row, None, None) for student in students[1::2]]
    )


def _timed(call: Callable[[], object]) -> float:
    began = perf_counter()
    call()
    return perf_counter() - began


BENCHMARK = (
    Benchmark(
        name="large-map-queue",
        title=f"check and queue a map of {STUDENTS:,} students",
        unit="s",
        target=Target(1.0, at_least=False),
        count=5,
        run=queue,
    ),
    Benchmark(
        name="large-map-watch",
        title=f"read a watched map of {STUDENTS:,} students",
        unit="s",
        target=Target(0.05, at_least=False),
        count=20,
        run=watch,
    ),
)
