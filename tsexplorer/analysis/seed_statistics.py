"""Statistics over seeds: gap closed, confidence intervals, and comparison of methods.

All differences are paired: computed seed by seed. Nets of one seed share what they can (first
weights, order of batches, teacher). Where an objective starts from other weights, pairing reduces
the variance less but stays valid. An interval is Student's t over the differences.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import fmean
from typing import Literal

from tsexplorer.specs import ROLES, Role

CONFIDENCE = 0.95
ROUNDING_TOLERANCE = 1e-12
"""Values that differ by less are equal up to rounding."""
Accuracies = Mapping[Role, float]


@dataclass(frozen=True)
class Interval:
    """A mean over seeds with its confidence interval (Student's t), 95 % by default.

    Attributes:
        mean: the mean.
        half: half the width of the interval; None if the spread is unknown: for one seed, or if all
            values are equal.
        n: number of seeds.
    """

    mean: float
    half: float | None
    n: int

    @property
    def low(self) -> float | None:
        """Lower end; None without an interval."""
        return None if self.half is None else self.mean - self.half

    @property
    def high(self) -> float | None:
        """Upper end; None without an interval."""
        return None if self.half is None else self.mean + self.half


def interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval | None:
    """Return mean and confidence interval of the values of some seeds; None without values.

    Equal values give no interval, like a single value: accuracies are counts of images, and two
    seeds on a few hundred images often agree by chance.

    >>> interval([0.9]).half is None, interval([0.9, 0.9]).half is None
    (True, True)
    """
    n = len(values)
    if n == 0:
        return None
    if max(values) - min(values) < ROUNDING_TOLERANCE:
        return Interval(fmean(values), None, n)
    return Interval(
        fmean(values), t_quantile(n - 1, confidence) * _standard_deviation(values) / math.sqrt(n), n
    )


def _standard_deviation(values: Sequence[float]) -> float:
    """Of a sample; ``statistics.stdev``, which is exact, takes fifty times as long."""
    mean = fmean(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


@cache
def t_quantile(degrees: int, confidence: float = CONFIDENCE) -> float:
    """Return the two-sided quantile of Student's t distribution."""
    from scipy.special import stdtrit  # importing scipy.stats takes ten times as long

    return float(stdtrit(degrees, (1 + confidence) / 2))


def gap_closed(teacher: float, baseline: float, distilled: float) -> float | None:
    """Return (distilled - baseline) / (teacher - baseline); None if the teacher is not better.

    >>> gap_closed(0.99, 0.97, 0.98)
    0.5
    """
    gap = teacher - baseline
    if gap <= 1e-9:
        return None
    return round((distilled - baseline) / gap, 9)


@dataclass(frozen=True)
class Gain:
    """Scores of an experiment on one split, over seeds.

    Attributes:
        accuracy: by role, over the seeds in which that stage is done.
        gap: gap closed, over the seeds in which all three stages are done and the teacher is better
            than the baseline.
        gap_of_means: gap closed of the mean accuracies; more stable than the mean of ratios if
            teacher and baseline are close.
        undefined: number of seeds without a gap, because the teacher is not better.
    """

    accuracy: Mapping[Role, Interval | None]
    gap: Interval | None
    gap_of_means: float | None
    undefined: int


def gain(seeds: Sequence[Accuracies]) -> Gain:
    """Summarise an experiment.

    Args:
        seeds: one mapping per seed, from role to accuracy (share of 1); roles may be missing.
    """
    accuracy = {role: interval([seed[role] for seed in seeds if role in seed]) for role in ROLES}
    complete = [seed for seed in seeds if all(role in seed for role in ROLES)]
    gaps = [gap_closed(seed["teacher"], seed["baseline"], seed["distilled"]) for seed in complete]
    means = {role: fmean(seed[role] for seed in complete) for role in ROLES} if complete else None
    return Gain(
        accuracy=accuracy,
        gap=interval([gap for gap in gaps if gap is not None]),
        gap_of_means=gap_closed(**means) if means else None,
        undefined=sum(gap is None for gap in gaps),
    )


Verdict = Literal["better", "worse", "open"]
"""Result of a comparison: the interval of differences is above 0, below 0, or contains 0."""


@dataclass(frozen=True)
class Method:
    """A method of training a student, with its accuracies by seed, shares of 1.

    Attributes:
        title: unique name of the method.
        test: test accuracy, by which methods are ranked.
        validation: validation accuracy, by which the best of several methods is chosen.
    """

    title: str
    test: Mapping[int, float]
    validation: Mapping[int, float]

    @property
    def seeds(self) -> frozenset[int]:
        """The seeds with both accuracies."""
        return frozenset(self.test) & frozenset(self.validation)

    def on_seeds(self, seeds: Iterable[int]) -> Method:
        """Return the same method with some of its seeds only."""
        kept = tuple(seeds)
        return Method(
            self.title,
            test={seed: self.test[seed] for seed in kept},
            validation={seed: self.validation[seed] for seed in kept},
        )


@dataclass(frozen=True)
class RankedMethod:
    """A method's row in a comparison.

    Attributes:
        title: title of the method.
        accuracy: mean test accuracy.
        difference: paired difference from the reference method; None for the reference itself, and
            without a common seed.
        verdict: what the interval of that difference shows; ``open`` without an interval.
        tied: whether the method is not significantly worse than the first.
    """

    title: str
    accuracy: Interval
    difference: Interval | None
    verdict: Verdict
    tied: bool


def best_on_validation(methods: Sequence[Method]) -> Method:
    """Return the method with the highest mean validation accuracy."""
    return max(methods, key=lambda method: fmean(method.validation.values()))


def rank_methods(methods: Sequence[Method], reference: Method) -> tuple[RankedMethod, ...]:
    """Rank methods by mean test accuracy, highest first.

    Args:
        methods: all over the same seeds; otherwise their means cannot be compared.
        reference: the method from which differences are computed; may be one of ``methods``.
    """
    pairs = [(method, mean) for method in methods if (mean := interval([*method.test.values()]))]
    pairs.sort(key=lambda pair: -pair[1].mean)
    return tuple(_ranked(method, mean, reference, pairs[0][0]) for method, mean in pairs)


def difference(values: Mapping[int, float], other: Mapping[int, float]) -> Interval | None:
    """Return the paired difference ``values`` minus ``other`` over their common seeds.

    >>> difference({0: 0.75, 1: 0.5}, {0: 0.5, 2: 0.5})
    Interval(mean=0.25, half=None, n=1)
    """
    return interval([values[seed] - other[seed] for seed in values if seed in other])


def verdict(difference: Interval | None) -> Verdict:
    """Return what an interval of differences shows.

    >>> verdict(Interval(0.02, 0.01, 5)), verdict(Interval(0.02, 0.03, 5)), verdict(None)
    ('better', 'open', 'open')
    """
    if difference is None or difference.low is None or difference.high is None:
        return "open"
    if difference.low > 0:
        return "better"
    return "worse" if difference.high < 0 else "open"


def _ranked(method: Method, mean: Interval, reference: Method, first: Method) -> RankedMethod:
    is_reference = method.title == reference.title
    from_reference = None if is_reference else difference(method.test, reference.test)
    from_first = difference(method.test, first.test)
    tied = method.title == first.title or verdict(from_first) != "worse"
    return RankedMethod(method.title, mean, from_reference, verdict(from_reference), tied)
