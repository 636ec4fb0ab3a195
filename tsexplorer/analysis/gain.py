"""What distillation bought, in one number, and how sure that number is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from tsexplorer.specs import ROLES, Role

CONFIDENCE = 0.95
ALIKE = 1e-12
"""Values closer than this differ by rounding alone."""
Accuracies = Mapping[Role, float]


@dataclass(frozen=True)
class Interval:
    """A mean over seeds with its interval (Student's t), of 95 % where nothing else is said.

    Attributes:
        mean: the mean.
        half: half the interval's width; None where seeds tell nothing of the spread: a single
            one, or some that are all alike.
        n: how many seeds.
    """

    mean: float
    half: float | None
    n: int

    @property
    def low(self) -> float | None:
        """Lower end, None without an interval."""
        return None if self.half is None else self.mean - self.half

    @property
    def high(self) -> float | None:
        """Upper end, None without an interval."""
        return None if self.half is None else self.mean + self.half


def interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval | None:
    """Mean and interval of some seeds' values; None where there are none.

    Seeds that came out alike tell as little of the spread as one does: accuracies are counts of
    images, and two seeds of a few hundred images often agree by chance.

    >>> interval([0.9]).half is None, interval([0.9, 0.9]).half is None
    (True, True)
    """
    n = len(values)
    if n == 0:
        return None
    if max(values) - min(values) < ALIKE:
        return Interval(fmean(values), None, n)
    return Interval(fmean(values), t_quantile(n - 1, confidence) * stdev(values) / math.sqrt(n), n)


def t_quantile(degrees: int, confidence: float = CONFIDENCE) -> float:
    """The two-sided quantile of Student's t."""
    from scipy.special import stdtrit  # a tenth of what importing scipy.stats costs

    return float(stdtrit(degrees, (1 + confidence) / 2))


def gap_closed(teacher: float, baseline: float, distilled: float) -> float | None:
    """(distilled - baseline) / (teacher - baseline), None where the teacher is not better.

    >>> gap_closed(0.99, 0.97, 0.98)
    0.5
    """
    gap = teacher - baseline
    if gap <= 1e-9:
        return None
    return round((distilled - baseline) / gap, 9)


@dataclass(frozen=True)
class Gain:
    """An experiment in figures, on one split.

    Attributes:
        accuracy: by role, over the seeds that have that stage done.
        gap: gap closed over the seeds where all three are done and the teacher is better.
        gap_of_means: gap closed of the mean accuracies; steadier than the mean of ratios where
            teacher and baseline are close.
        undefined: seeds without a gap, because their teacher is not better than their baseline.
    """

    accuracy: Mapping[Role, Interval | None]
    gap: Interval | None
    gap_of_means: float | None
    undefined: int


def gain(seeds: Sequence[Accuracies]) -> Gain:
    """Sum up one experiment: one mapping a seed, from role to accuracy (share of 1)."""
    accuracy = {role: interval([seed[role] for seed in seeds if role in seed]) for role in ROLES}
    whole = [seed for seed in seeds if all(role in seed for role in ROLES)]
    gaps = [gap_closed(seed["teacher"], seed["baseline"], seed["distilled"]) for seed in whole]
    means = {role: fmean(seed[role] for seed in whole) for role in ROLES} if whole else None
    return Gain(
        accuracy=accuracy,
        gap=interval([value for value in gaps if value is not None]),
        gap_of_means=gap_closed(**means) if means else None,
        undefined=sum(value is None for value in gaps),
    )
