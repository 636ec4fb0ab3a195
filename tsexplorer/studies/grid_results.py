"""Results of settings over seeds: means, 95 % intervals, and which settings may be the best.

All figures are of the validation split. There are two kinds of interval, and each result names its
kind:

t over seeds
    mean ± t₀.₉₇₅(n - 1) · s / √n over n ≥ 2 seeds, of shares between 0 and 1. It covers other
    seeds on the same images. Seeds with equal values give no interval.
binomial over images
    with one seed, Wilson's interval of a share of N images (Wilson 1927, JASA 22, 209-212). It
    covers other images with the same seed.

No interval is corrected for the number of cells: among many cells that are truly worse, a few
cannot be told apart from the best, and the best cell owes part of its lead to luck.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal, NamedTuple

from tsexplorer.analysis.seed_statistics import CONFIDENCE, gap_closed, interval
from tsexplorer.students.events import Scores
from tsexplorer.studies.student_stages import Cell

Method = Literal["t over seeds", "binomial over images", "none"]
BySeed = Mapping[int, Scores]


class Estimate(NamedTuple):
    """A mean with its 95 % interval.

    Attributes:
        mean: over the seeds.
        low: lower end; None where there is no interval.
        high: upper end; None where there is none.
        seeds: how many.
        method: what kind of interval.
    """

    mean: float
    low: float | None
    high: float | None
    seeds: int
    method: Method


@dataclass(frozen=True)
class CellResult:
    """One cell of the map, from the students that have scores.

    Attributes:
        cell: T, lambda and learning rate.
        accuracy: on validation, share of 1.
        gap: gap closed, against the baseline and teacher of the same seed; None where no seed has
            all three, or no teacher is better than its baseline.
        gap_of_means: gap closed of mean accuracies; steadier where the gap is small.
        agreement: with the teacher, share of 1; None before it is known.
        ece: expected calibration error, share of 1; None before it is known.
        behind: accuracy of the best cell minus this cell's, paired by seed; None for the best cell.
        may_be_best: whether it cannot be told apart from the best.
    """

    cell: Cell
    accuracy: Estimate
    gap: Estimate | None
    gap_of_means: float | None
    agreement: Estimate | None
    ece: Estimate | None
    behind: Estimate | None
    may_be_best: bool


@dataclass(frozen=True)
class SweepMap:
    """Results of a grid of settings.

    Attributes:
        cells: those with scores, in the order of the grid.
        best: the cell chosen on validation: the highest mean accuracy, then the lowest mean loss,
            among the cells with the most seeds.
        baseline: accuracy of the baseline at its best learning rate; None before it is known.
        baseline_rate: that rate.
        teacher: accuracy of the teachers, None where it is not known.
    """

    cells: tuple[CellResult, ...]
    best: Cell | None
    baseline: Estimate | None
    baseline_rate: float | None
    teacher: Estimate | None


def map_of(
    students: Mapping[Cell, BySeed],
    baselines: Mapping[float, BySeed],
    teachers: Mapping[int, float],
    images: int,
    *,
    one_teacher: bool,
) -> SweepMap:
    """The results of some cells.

    Args:
        students: scores by seed, as far as known.
        baselines: scores of the baseline by seed, by learning rate.
        teachers: accuracy of each seed's teacher on validation, as far as known.
        images: size of the validation split.
        one_teacher: whether it is the same net for all seeds.
    """
    known = {cell: by_seed for cell, by_seed in students.items() if by_seed}
    rate, baseline = best_baseline(baselines)
    best = choose(known)
    cells = []
    for cell, by_seed in known.items():
        ahead = None if best is None or cell == best else known[best]
        cells.append(_cell(cell, by_seed, ahead, baseline, teachers, images))
    taught = list(teachers.values())
    if one_teacher:
        taught = taught[:1]
    return SweepMap(
        cells=tuple(cells),
        best=best,
        baseline=shares(_accuracies(baseline), images),
        baseline_rate=rate,
        teacher=shares(taught, images),
    )


def choose(known: Mapping[Cell, BySeed]) -> Cell | None:
    """The best cell on validation among the cells with the most seeds; None if there are none."""
    most = max((len(by_seed) for by_seed in known.values()), default=0)
    whole = {cell: by_seed for cell, by_seed in known.items() if len(by_seed) == most}
    return max(whole, key=lambda cell: _merit(whole[cell].values()), default=None)


def behind(best: BySeed, other: BySeed, images: int, among: int = 1) -> Estimate:
    """The accuracy of the best cell minus that of another, over the seeds that both have.

    With two or more seeds: the t interval of the paired differences. With one seed: Newcombe's
    interval of two shares (1998, Statistics in Medicine 17, 873-890, method 10). It assumes
    different images for both shares; here the images are the same, so that it is too wide and
    rather calls cells indistinguishable.

    Args:
        best: scores of the best cell by seed.
        other: scores of the other cell by seed.
        images: size of the split.
        among: number k of cells from which the same scores chose the best. The interval has level
            1 - 0.05 / k (Bonferroni), which allows for this choice.
    """
    confidence = 1 - (1 - CONFIDENCE) / among
    seeds = [seed for seed in best if seed in other]
    pairs = [(best[seed].accuracy, other[seed].accuracy) for seed in seeds]
    if len(pairs) != 1:
        return _over_seeds([first - second for first, second in pairs], confidence)
    (first, second), *_ = pairs
    low1, high1 = wilson(first, images, confidence)
    low2, high2 = wilson(second, images, confidence)
    gap = first - second
    low = gap - math.hypot(first - low1, high2 - second)
    high = gap + math.hypot(high1 - first, second - low2)
    return Estimate(gap, low, high, 1, "binomial over images")


def wilson(share: float, images: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Wilson's interval of a share of this many images.

    >>> [round(end, 4) for end in wilson(0.9, 100)]
    [0.8256, 0.9448]
    """
    from scipy.special import ndtri  # a tenth of what importing scipy.stats costs

    z = float(ndtri((1 + confidence) / 2))
    weight = 1 + z * z / images
    centre = (share + z * z / (2 * images)) / weight
    half = z / weight * math.sqrt(share * (1 - share) / images + z * z / (4 * images**2))
    return centre - half, centre + half


def _cell(
    cell: Cell,
    by_seed: BySeed,
    best: BySeed | None,
    baseline: BySeed,
    teachers: Mapping[int, float],
    images: int,
) -> CellResult:
    accuracy = shares(_accuracies(by_seed), images)
    assert accuracy is not None
    gap, of_means = _gap(by_seed, baseline, teachers)
    distance = None if best is None else behind(best, by_seed, images)
    return CellResult(
        cell,
        accuracy=accuracy,
        gap=gap,
        gap_of_means=of_means,
        agreement=shares(_given(one.agreement for one in by_seed.values()), images),
        ece=_plain(_given(one.ece for one in by_seed.values())),
        behind=distance,
        may_be_best=distance is None or _reaches_zero(distance),
    )


def _reaches_zero(distance: Estimate) -> bool:
    """Whether the interval contains 0, or there is no interval."""
    return distance.low is None or distance.low <= 0


def _gap(
    by_seed: BySeed, baseline: BySeed, teachers: Mapping[int, float]
) -> tuple[Estimate | None, float | None]:
    seeds = [seed for seed in by_seed if seed in baseline and seed in teachers]
    if not seeds:
        return None, None
    triples = [(teachers[s], baseline[s].accuracy, by_seed[s].accuracy) for s in seeds]
    gaps = _given(gap_closed(*triple) for triple in triples)
    means = [fmean(column) for column in zip(*triples, strict=True)]
    return _plain(gaps), gap_closed(*means)


def best_baseline(baselines: Mapping[float, BySeed]) -> tuple[float | None, BySeed]:
    """The baseline at its best learning rate; an untuned baseline would favour the students."""
    known = {Cell(1.0, 1.0, rate): by_seed for rate, by_seed in baselines.items() if by_seed}
    best = choose(known)
    return (None, {}) if best is None else (best.learning_rate, known[best])


def _merit(seeds: Iterable[Scores]) -> tuple[float, float]:
    """Sort key, higher is better; a loss of nan is the worst."""
    pairs = [(one.accuracy, one.loss) for one in seeds]
    loss = fmean(pair[1] for pair in pairs)
    return fmean(pair[0] for pair in pairs), -loss if math.isfinite(loss) else -math.inf


def _accuracies(by_seed: BySeed) -> list[float]:
    return [one.accuracy for one in by_seed.values()]


def _given(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def shares(values: Sequence[float], images: int) -> Estimate | None:
    """Estimate of a share of the images from one value per seed; None without values."""
    if len(values) != 1:
        found = _plain(values)
        if found is None or found.low is None or found.high is None:
            return found
        return found._replace(low=max(found.low, 0.0), high=min(found.high, 1.0))
    return Estimate(values[0], *wilson(values[0], images), 1, "binomial over images")


def _plain(values: Sequence[float]) -> Estimate | None:
    """Estimate of values that are not limited to 0...1; None without values."""
    return _over_seeds(values) if values else None


def _over_seeds(values: Sequence[float], confidence: float = CONFIDENCE) -> Estimate:
    found = interval(values, confidence)
    if found is None:
        return Estimate(math.nan, None, None, 0, "none")
    method: Method = "none" if found.half is None else "t over seeds"
    return Estimate(found.mean, found.low, found.high, found.n, method)
