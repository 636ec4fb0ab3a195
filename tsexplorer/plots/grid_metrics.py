"""The metrics that a map can show, and its results in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

from tsexplorer.objectives.base import format_number
from tsexplorer.studies.grid_results import CellResult, Estimate
from tsexplorer.studies.student_stages import Cell
from tsexplorer.studies.sweep.spec import SweepSpec

GridMetricName = Literal["accuracy", "gap", "agreement", "ece"]
MIN_COLOUR_RANGE = 0.2
"""Smallest range of the colours, in percentage points."""


class GridMetric(NamedTuple):
    """A metric that the map can show.

    Attributes:
        name: short name.
        title: title of the colours, with the unit and which values are better.
        meaning: explanation, in one sentence.
        scale: the colour scale; ``differences`` has 0 in the middle.
    """

    name: str
    title: str
    meaning: str
    scale: Literal["amounts", "differences"] = "amounts"


GRID_METRICS: dict[GridMetricName, GridMetric] = {
    "accuracy": GridMetric(
        "Accuracy",
        "Validation accuracy (%), mean over seeds",
        "The share of validation images that the student gets right.",
    ),
    "gap": GridMetric(
        "Gap closed",
        "Gap closed on validation (%), mean over seeds; 0 is the baseline",
        "(distilled − baseline) / (teacher − baseline), paired by seed, against the baseline at "
        "its best learning rate; – where the teacher is not better.",
        "differences",
    ),
    "agreement": GridMetric(
        "Agreement",
        "Agreement with the teacher on validation (%), mean over seeds",
        "The share of validation images to which the student gives the teacher’s answer, right "
        "or wrong.",
    ),
    "ece": GridMetric(
        "Calibration",
        "Expected calibration error on validation (%), mean over seeds; lower is better",
        "How far the student’s confidence is from its accuracy: 15 bins, T = 1 (Guo et al. 2017).",
    ),
}


def metric_mean(result: CellResult, metric: GridMetricName) -> float:
    """Return the mean of a metric, a share of 1; NaN without a value."""
    estimate: Estimate | None = getattr(result, metric)
    return math.nan if estimate is None else estimate.mean


def colour_limits(percents: Sequence[float], metric: GridMetric) -> tuple[float, float]:
    """Return the values, in percent, of the first and the last colour; NaN is ignored."""
    values = [percent for percent in percents if not math.isnan(percent)] or [0.0]
    if metric.scale == "differences":
        largest = max(MIN_COLOUR_RANGE, *(abs(value) for value in values))
        return -largest, largest
    low, high = min(values), max(values)
    padding = max(0.0, MIN_COLOUR_RANGE - (high - low)) / 2
    return low - padding, high + padding


def estimate_in_words(estimate: Estimate | None) -> str:
    """Return an estimate of shares in percent, with its interval and the interval's method.

    >>> estimate_in_words(Estimate(0.97, 0.965, 0.975, 3, "t over seeds"))
    '97.00 % (95 % interval 96.50 to 97.50 %, t over 3 seeds)'
    >>> estimate_in_words(Estimate(0.97, None, None, 1, "none")), estimate_in_words(None)
    ('97.00 % (1 seed, no interval)', '–')
    >>> estimate_in_words(Estimate(0.97, None, None, 2, "none"))
    '97.00 % (2 equal seeds, no interval)'
    """
    if estimate is None or math.isnan(estimate.mean):
        return "–"
    mean = f"{_percent(estimate.mean)} %"
    count = estimate.seeds
    if estimate.low is None or estimate.high is None:
        seeds = "1 seed" if count == 1 else f"{count} equal seeds"
        return f"{mean} ({seeds}, no interval)"
    ends = f"95 % interval {_percent(estimate.low)} to {_percent(estimate.high)} %"
    if estimate.method == "t over seeds":
        return f"{mean} ({ends}, t over {count} seeds)"
    return f"{mean} ({ends}, {estimate.method}, 1 seed)"


def rank_in_words(result: CellResult, best: Cell | None) -> str:
    """Return how a cell compares with the best one."""
    if result.cell == best:
        return "The best mean on validation"
    behind = result.behind
    if behind is None or not behind.seeds:
        return "Not comparable with the best yet"
    points = f"{100 * behind.mean:.2f} points behind the best"
    if behind.low is not None and behind.high is not None:
        points += f" (95 % interval {_percent(behind.low)} to {_percent(behind.high)})"
    elif behind.mean and behind.seeds > 1:
        points += " with each seed, so there is no interval"
    return points + (": cannot be told apart from it" if result.may_be_best else "")


def cell_in_words(cell: Cell, sweep: SweepSpec) -> str:
    """Return the settings of a cell: without T if it has no effect, with a varied learning rate."""
    if cell.lam == 1 and sweep.baseline_in_grid:
        words = f"λ = {format_number(cell.lam)} (the baseline, whatever T)"
    else:
        words = f"T = {format_number(cell.temperature)}, λ = {format_number(cell.lam)}"
    if len(sweep.rates) > 1:
        words += f", learning rate {format_number(cell.learning_rate)}"
    return words


def _percent(share: float) -> str:
    return f"{100 * share:.2f}".replace("-", "−")
