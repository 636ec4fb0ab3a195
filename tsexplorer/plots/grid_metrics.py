"""What a sweep's map can show of its cells, and how their figures are said."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

from tsexplorer.objectives.base import format_number
from tsexplorer.studies.grid_results import CellResult, Estimate
from tsexplorer.studies.student_stages import Cell
from tsexplorer.studies.sweep.spec import SweepSpec

MeasureName = Literal["accuracy", "gap", "agreement", "ece"]
SMALLEST_RANGE = 0.2
"""Percentage points that the colours span at least."""


class Measure(NamedTuple):
    """A figure that the map can show.

    Attributes:
        name: a word or two.
        title: of the colours, with the unit and what is better.
        meaning: one sentence.
        scale: whether its colours have nothing in the middle.
    """

    name: str
    title: str
    meaning: str
    scale: Literal["amounts", "differences"] = "amounts"


MEASURES: dict[MeasureName, Measure] = {
    "accuracy": Measure(
        "Accuracy",
        "Validation accuracy (%), mean over seeds",
        "The share of validation images that the student gets right.",
    ),
    "gap": Measure(
        "Gap closed",
        "Gap closed on validation (%), mean over seeds; 0 is the baseline",
        "(distilled − baseline) / (teacher − baseline), paired by seed, against the baseline at "
        "the learning rate that suits it best; – where the teacher is not better.",
        "differences",
    ),
    "agreement": Measure(
        "Agreement",
        "Agreement with the teacher on validation (%), mean over seeds",
        "The share of validation images to which the student gives the teacher’s answer, right "
        "or wrong.",
    ),
    "ece": Measure(
        "Calibration",
        "Expected calibration error on validation (%), mean over seeds; lower is better",
        "How far the student’s confidence is from its accuracy: 15 bins, T = 1 (Guo et al. 2017).",
    ),
}


def mean(result: CellResult, measure: MeasureName) -> float:
    """The mean of a figure, share of 1; NaN where it is not known."""
    estimate: Estimate | None = getattr(result, measure)
    return math.nan if estimate is None else estimate.mean


def in_words(estimate: Estimate | None) -> str:
    """An estimate of shares in percent, with its interval and how that came about.

    >>> in_words(Estimate(0.97, 0.965, 0.975, 3, "t over seeds"))
    '97.00 % (95 % interval 96.50 to 97.50 %, t over 3 seeds)'
    >>> in_words(Estimate(0.97, None, None, 1, "none")), in_words(None)
    ('97.00 % (1 seed, no interval)', '–')
    >>> in_words(Estimate(0.97, None, None, 2, "none"))
    '97.00 % (2 seeds alike, no interval)'
    """
    if estimate is None or math.isnan(estimate.mean):
        return "–"
    mean = f"{_percent(estimate.mean)} %"
    seeds = f"{estimate.seeds} seed{'s' * (estimate.seeds != 1)}"
    if estimate.low is None or estimate.high is None:
        return f"{mean} ({seeds}{' alike' * (estimate.seeds > 1)}, no interval)"
    ends = f"95 % interval {_percent(estimate.low)} to {_percent(estimate.high)} %"
    method = (
        f"t over {seeds}" if estimate.method == "t over seeds" else f"{estimate.method}, 1 seed"
    )
    return f"{mean} ({ends}, {method})"


def rank_in_words(result: CellResult, best: Cell | None) -> str:
    """How a cell stands to the best one."""
    if result.cell == best:
        return "The best mean on validation"
    if result.behind is None or not result.behind.seeds:
        return "Not comparable with the best yet"
    points = f"{100 * result.behind.mean:.2f} points behind the best"
    if result.behind.low is not None and result.behind.high is not None:
        low, high = _percent(result.behind.low), _percent(result.behind.high)
        points += f" (95 % interval {low} to {high})"
    elif result.behind.mean and result.behind.seeds > 1:
        points += " in each seed, which tells nothing of the spread"
    return points + (": cannot be told apart from it" if result.may_be_best else "")


def cell_in_words(cell: Cell, sweep: SweepSpec) -> str:
    """A cell's name: without T where that has no say, with the learning rate where it varies."""
    words = f"λ = {format_number(cell.lam)}"
    if cell.lam == 1 and sweep.baseline_in_grid:
        words += " (the baseline, whatever T)"
    else:
        words = f"T = {format_number(cell.temperature)}, {words}"
    if len(sweep.rates) > 1:
        words += f", learning rate {format_number(cell.learning_rate)}"
    return words


def span(values: Sequence[float], measure: Measure) -> tuple[float, float]:
    """Values, in percent, at both ends of the colours."""
    known = [value for value in values if not math.isnan(value)] or [0.0]
    if measure.scale == "differences":
        end = max(SMALLEST_RANGE, *(abs(value) for value in known))
        return -end, end
    low, high = min(known), max(known)
    missing = max(0.0, SMALLEST_RANGE - (high - low)) / 2
    return low - missing, high + missing


def _percent(share: float) -> str:
    return f"{100 * share:.2f}".replace("-", "−")
