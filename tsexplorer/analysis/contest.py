"""Several ways to teach one student, held against each other over the same seeds.

All differences are paired: seed by seed, since the nets of a seed share what can be shared, be it
their first weights, the order of their batches or their teacher; where an objective starts from
other weights, pairing buys less, and stays right. An interval is Student's t over the differences.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from tsexplorer.analysis.gain import Interval, interval

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
