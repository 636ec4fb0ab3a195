"""What a benchmark is, what it finds, and how two sides of a ratio are run in turns."""

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
    """The two sides of a pair did not do the same; their ratio would mean nothing."""


class BenchmarkError(Exception):
    """A benchmark cannot be run here; the text is one sentence that says what to do."""


@dataclass(frozen=True)
class Target:
    """What a figure should reach."""

    value: float
    at_least: bool = True

    def reached(self, figure: float) -> bool:
        """Whether ``figure`` is on the right side, the bound itself included."""
        return figure >= self.value if self.at_least else figure <= self.value


@dataclass(frozen=True)
class Finding:
    """What came of a benchmark.

    Attributes:
        value: the headline, in the benchmark's unit.
        low: the smallest single measurement.
        high: the largest.
        count: how many there were.
        details: what the figure is made of and on what it was measured, by name.
    """

    value: float
    low: float
    high: float
    count: int
    details: dict[str, str] = field(default_factory=dict)

    @classmethod
    def typical(cls, values: Sequence[float], **details: str) -> Finding:
        """The median of single measurements, and their range."""
        return cls(median(values), min(values), max(values), len(values), details)


@dataclass(frozen=True)
class Benchmark:
    """One thing to measure.

    Attributes:
        name: what it is called on the command line.
        title: what the figure says, in a few words.
        unit: written behind the figure: "×" for a ratio, "s" for seconds.
        target: what the figure should reach; None where nothing is promised.
        count: measurements by default (pairs, servers, rounds), each a few seconds at most.
        run: measures so many times. A function of its module, since it is called in a new process
            that imports this module alone.
    """

    name: str
    title: str
    unit: str
    target: Target | None
    count: int
    run: Callable[[int], Finding]


@dataclass(frozen=True)
class Outcome:
    """One side of a pair, run once.

    Attributes:
        seconds: how long it took.
        steps: optimiser steps taken.
        samples: images learned from, each as often as it was shown.
        loss: where it ended, in nats.
    """

    seconds: float
    steps: int
    samples: int
    loss: float


Side = Callable[[int], Outcome]
"""Runs one side of a pair; the number is the pair's, and serves both sides as random seed."""
Pair = tuple[Outcome, Outcome]


def benchmarks() -> dict[str, Benchmark]:
    """All benchmarks of this folder by name."""
    return discover(__package__ or "", "BENCHMARK", Benchmark)


def in_turns(ours: Side, other: Side, pairs: int, *, tolerance: float) -> list[Pair]:
    """Run both sides again and again, one after the other, so that both meet the same machine.

    Args:
        ours: this project's way.
        other: what it is compared with.
        pairs: how often.
        tolerance: relative difference of the losses that rounding explains.

    Raises:
        UnequalWorkError: the sides of a pair did not do the same.
    """
    done = []
    for number in range(1, pairs + 1):
        pair = ours(number), other(number)
        check_same_work(*pair, tolerance)
        say(f"pair {number} of {pairs}: {pair[0].seconds:.3f} s against {pair[1].seconds:.3f} s")
        done.append(pair)
    return done


def check_same_work(ours: Outcome, other: Outcome, tolerance: float) -> None:
    """Hold one side's steps, images and loss to the other's.

    Raises:
        UnequalWorkError: they differ, or nothing was done, or the loss is not a number.
    """
    same = (ours.steps, ours.samples) == (other.steps, other.samples) and ours.steps > 0
    if not same or not isclose(ours.loss, other.loss, rel_tol=tolerance):
        raise UnequalWorkError(f"The sides did not do the same work: {ours} and {other}.")


def speed_up(pairs: Sequence[Pair], ours: str, other: str, **details: str) -> Finding:
    """How many times as long the other side took; ``ours`` and ``other`` name the sides."""
    sides = {
        name: f"{median(pair[place].seconds for pair in pairs):.3f} s"
        for place, name in enumerate((ours, other))
    }
    loss = " and ".join(f"{outcome.loss:.4f}" for outcome in pairs[-1])
    return Finding.typical(
        [other.seconds / ours.seconds for ours, other in pairs], **sides, loss=loss, **details
    )


def use_cores() -> int:
    """Give this thread the cores that the trainer would have; returns how many."""
    cores = get_settings().threads or allowed_cores()
    torch.set_num_threads(cores)
    return cores


def say(words: str) -> None:
    """Tell whoever waits, on standard error."""
    print(f"  {words}", file=sys.stderr, flush=True)
