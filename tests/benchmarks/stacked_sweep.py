"""Students of a sweep in one stack compared with the same students one after the other."""

from __future__ import annotations

import tempfile
import time
from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.base import (
    Benchmark,
    BenchmarkResult,
    Target,
    TimedRun,
    make_ratio,
    run_alternately,
    set_threads,
)
from tests.benchmarks.memory import resident_megabytes
from tsexplorer.data.base import ImageTask
from tsexplorer.data.registry import Splits, load_splits
from tsexplorer.models import build
from tsexplorer.settings import get_settings
from tsexplorer.specs import ExperimentSpec, StageSpec, TrainSpec
from tsexplorer.students.chunks import Chunk, ChunkRequest, as_arrays
from tsexplorer.students.run_chunk import run_chunk
from tsexplorer.studies.sweep.spec import SweepSpec
from tsexplorer.training.control import Control
from tsexplorer.training.events import Event

# Matrix products in another order, over some hundred steps of Adam.
TOLERANCE = 1e-3
EPOCHS = 3
TRAIN = TrainSpec(epochs=EPOCHS, batch_size=64, learning_rate=1e-3)


def run(pairs: int) -> BenchmarkResult:
    """Measure on ``mnist-5k``, with events, checkpoints and metrics of each epoch."""
    cores = set_threads()
    splits = load_splits("mnist-5k", get_settings().data_folder)
    _side(splits, 100, 5, stacked=True)  # a warm-up
    _side(splits, 100, 5, stacked=False)
    before = resident_megabytes()

    def stacked(number: int) -> TimedRun:
        return _side(splits, number, 25, stacked=True)

    def one_by_one(number: int) -> TimedRun:
        return _side(splits, number, 25, stacked=False)

    pairs_run = run_alternately(stacked, one_by_one, pairs, tolerance=TOLERANCE)
    return make_ratio(
        pairs_run,
        "stacked",
        "one by one",
        work=f"25 students, {EPOCHS} epochs of {len(splits.train):,} images",
        memory=f"{resident_megabytes() - before:+.0f} MB after all pairs",
        threads=str(cores),
    )


def _side(splits: Splits, seed: int, count: int, *, stacked: bool) -> TimedRun:
    """Time from the request to the result.

    The teacher is not trained; this does not change its speed. All pairs have the teacher of seed
    0, whose logits are cached by the first run.
    """
    sweep = SweepSpec(
        base=ExperimentSpec(distilled_train=TRAIN),
        temperatures=(1, 2, 4, 8, 16),
        lambdas=(0, 0.2, 0.4, 0.6, 0.8),
        seeds=(0, seed),
    )
    students = tuple(sweep.student(cell, seed) for cell in sweep.cells)[:count]
    with tempfile.TemporaryDirectory(dir=_home()) as folder:
        request = ChunkRequest(
            Chunk(students, stacked, ""), _teacher(sweep.teacher(0)), Path(), Path(folder)
        )
        began = time.perf_counter()
        result = run_chunk(request, _ignore, Control(), splits)
        seconds = time.perf_counter() - began
    epochs = sum(len(student.epochs) for student in result.students)
    return TimedRun(
        seconds=seconds,
        steps=epochs * ceil(len(splits.train) / TRAIN.batch_size),
        samples=epochs * len(splits.train),
        loss=sum(student.validation.loss for student in result.students),
    )


def _teacher(stage: StageSpec) -> dict[str, tuple[StageSpec, dict[str, NDArray[np.float32]]]]:
    weights = build(stage.model, ImageTask(10), seed=0).state_dict()
    return {stage.hash: (stage, as_arrays(weights))}


def _home() -> Path:
    home = get_settings().home
    home.mkdir(parents=True, exist_ok=True)
    return home


def _ignore(event: Event) -> None:
    """A listener that does nothing."""


BENCHMARK = Benchmark(
    name="stacked-sweep",
    title="25 students of 784-64-10 (5 T × 5 λ), batch 64: one by one / in one stack",
    unit="×",
    target=Target(4.5),
    count=3,
    run=run,
)
