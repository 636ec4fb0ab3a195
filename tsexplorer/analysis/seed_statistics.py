"""What distillation bought, in one number, and how sure that number is.

Several ways to teach one student, held against each other over the same seeds.

All differences are paired: seed by seed, since the nets of a seed share what can be shared, be it
their first weights, the order of their batches or their teacher; where an objective starts from
other weights, pairing buys less, and stays right. An interval is Student's t over the differences.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Literal

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


Verdict = Literal["better", "worse", "open"]
"""What an interval of differences says: all of it is above 0, all below, or neither."""


@dataclass(frozen=True)
class Entrant:
    """One way to teach, by seed; accuracies are shares of 1.

    Attributes:
        title: what it is called; no two are called alike.
        test: by which it is ranked.
        validation: by which a choice among several is made.
    """

    title: str
    test: Mapping[int, float]
    validation: Mapping[int, float]

    @property
    def seeds(self) -> frozenset[int]:
        """Those of which both are known."""
        return frozenset(self.test) & frozenset(self.validation)

    def on(self, seeds: Iterable[int]) -> Entrant:
        """The same over some of its seeds alone."""
        kept = tuple(seeds)
        return Entrant(
            self.title,
            test={seed: self.test[seed] for seed in kept},
            validation={seed: self.validation[seed] for seed in kept},
        )


@dataclass(frozen=True)
class Placed:
    """An entrant's place.

    Attributes:
        title: of the entrant.
        accuracy: its mean on test.
        difference: from what all are held against, by seed; None for that itself, or without a
            seed in common.
        verdict: what that difference's interval says; open where one seed gives none.
        tied: whether it is not shown to be worse than the first.
    """

    title: str
    accuracy: Interval
    difference: Interval | None
    verdict: Verdict
    tied: bool


def best_on_validation(entrants: Sequence[Entrant]) -> Entrant:
    """The one with the highest mean accuracy on validation."""
    return max(entrants, key=lambda one: fmean(one.validation.values()))


def placed(entrants: Sequence[Entrant], against: Entrant) -> tuple[Placed, ...]:
    """All of them, the highest mean on test first.

    Args:
        entrants: over the same seeds each, or their means are not to be compared.
        against: what all are held against; may be one of them.
    """
    known = [(one, mean) for one in entrants if (mean := interval(list(one.test.values())))]
    order = sorted(known, key=lambda pair: -pair[1].mean)
    return tuple(_placed(one, mean, against, order[0][0]) for one, mean in order)


def difference(one: Mapping[int, float], other: Mapping[int, float]) -> Interval | None:
    """Mean of one less the other over their common seeds, with its interval.

    >>> difference({0: 0.75, 1: 0.5}, {0: 0.5, 2: 0.5})
    Interval(mean=0.25, half=None, n=1)
    """
    return interval([one[seed] - other[seed] for seed in one if seed in other])


def verdict(found: Interval | None) -> Verdict:
    """What an interval of differences says.

    >>> verdict(Interval(0.02, 0.01, 5)), verdict(Interval(0.02, 0.03, 5)), verdict(None)
    ('better', 'open', 'open')
    """
    if found is None or found.low is None or found.high is None:
        return "open"
    if found.low > 0:
        return "better"
    return "worse" if found.high < 0 else "open"


def _placed(one: Entrant, mean: Interval, against: Entrant, first: Entrant) -> Placed:
    own = one.title == against.title
    apart = None if own else difference(one.test, against.test)
    behind = difference(one.test, first.test)
    tied = one.title == first.title or verdict(behind) != "worse"
    return Placed(one.title, mean, apart, verdict(apart), tied)
