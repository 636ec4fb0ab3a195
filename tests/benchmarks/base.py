"""Benchmarks, their results, and alternating runs of the two sides of a ratio."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import isclose
from statistics import median

import torch

from tsexplorer.plugins import discover
from tsexplorer.settings import get_settings
from tsexplorer.training.device import allowed_cores

CPU = torch.device("cpu")


class UnequalWorkError(Exception):
    """The two sides of a pair did not do the same work, so their ratio means nothing."""


class BenchmarkError(Exception):
    """A benchmark cannot run here; the text is one sentence that says what to do."""


@dataclass(frozen=True)
class Target:
    """The bound that a figure should reach."""

    value: float
    at_least: bool = True

    def reached(self, figure: float) -> bool:
        """Whether the figure reaches the bound."""
        return figure >= self.value if self.at_least else figure <= self.value


@dataclass(frozen=True)
class BenchmarkResult:
    """The result of a benchmark.

    Attributes:
        value: the figure, in the benchmark's unit.
        low: the smallest measurement.
        high: the largest measurement.
        count: number of measurements.
        details: further figures and the conditions, by name.
    """

    value: float
    low: float
    high: float
    count: int
    details: dict[str, str] = field(default_factory=dict)

    @classmethod
    def typical(cls, values: Sequence[float], **details: str) -> BenchmarkResult:
        """The median and the range of measurements."""
        return cls(median(values), min(values), max(values), len(values), details)


@dataclass(frozen=True)
class Benchmark:
    """A benchmark.

    Attributes:
        name: on the command line.
        title: what is measured, in a few words.
        unit: "×" for a ratio, "s" for seconds.
        target: of the figure, or None.
        count: default number of measurements (pairs, servers, rounds) of a few seconds each.
        run: takes that many measurements. It is called in a new process, so it must be a function
            of a module.
    """

    name: str
    title: str
    unit: str
    target: Target | None
    count: int
    run: Callable[[int], BenchmarkResult]


@dataclass(frozen=True)
class TimedRun:
    """One run of one side of a pair.

    Attributes:
        seconds: duration.
        steps: of the optimiser.
        samples: training images, each counted once an epoch.
        loss: at the end, in nats.
    """

    seconds: float
    steps: int
    samples: int
    loss: float


Side = Callable[[int], TimedRun]
"""Runs one side of a pair; its argument, the pair's number, is the random seed of both sides."""
Pair = tuple[TimedRun, TimedRun]


def benchmarks() -> dict[str, Benchmark]:
    """All benchmarks of this folder by name."""
    return discover(__package__ or "", "BENCHMARK", Benchmark)


def run_alternately(ours: Side, other: Side, pairs: int, *, tolerance: float) -> list[Pair]:
    """Run the sides alternately, so that both are measured under the same conditions.

    Args:
        ours: this project's side.
        other: the side that it is compared with.
        pairs: number of runs of each side.
        tolerance: largest relative difference of the losses by rounding.

    Raises:
        UnequalWorkError: the sides of a pair did not do the same work.
    """
    runs = []
    for number in range(1, pairs + 1):
        pair = ours(number), other(number)
        check_equal_work(*pair, tolerance)
        print_progress(
            f"pair {number} of {pairs}: {pair[0].seconds:.3f} s against {pair[1].seconds:.3f} s"
        )
        runs.append(pair)
    return runs


def check_equal_work(ours: TimedRun, other: TimedRun, tolerance: float) -> None:
    """Check that steps, samples and loss of both sides are equal.

    Raises:
        UnequalWorkError: they differ, no step was taken, or the loss is NaN.
    """
    equal = (ours.steps, ours.samples) == (other.steps, other.samples) and ours.steps > 0
    if not equal or not isclose(ours.loss, other.loss, rel_tol=tolerance):
        raise UnequalWorkError(f"The sides did not do the same work: {ours} and {other}.")


def make_ratio(pairs: Sequence[Pair], ours: str, other: str, **details: str) -> BenchmarkResult:
    """Return the ratio of the other side's time to ours; ``ours`` and ``other`` are names."""
    sides = {
        name: f"{median(pair[side].seconds for pair in pairs):.3f} s"
        for side, name in enumerate((ours, other))
    }
    loss = " and ".join(f"{outcome.loss:.4f}" for outcome in pairs[-1])
    return BenchmarkResult.typical(
        [other.seconds / ours.seconds for ours, other in pairs], **sides, loss=loss, **details
    )


def set_threads() -> int:
    """Use as many threads as the trainer of the app; returns their number."""
    cores = get_settings().threads or allowed_cores()
    torch.set_num_threads(cores)
    return cores


def print_progress(text: str) -> None:
    """Print a line on standard error."""
    print(f"  {text}", file=sys.stderr, flush=True)
