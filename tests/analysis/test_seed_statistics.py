"""Gap closed, intervals and comparisons, worked by hand and compared with scipy.stats."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tsexplorer.analysis.seed_statistics import (
    ROUNDING_TOLERANCE,
    Accuracies,
    Interval,
    Method,
    best_on_validation,
    difference,
    gain,
    gap_closed,
    interval,
    rank_methods,
    t_quantile,
    verdict,
)
from tsexplorer.specs import ROLES

shares = st.floats(0, 1)


def accuracies(teacher: float, baseline: float, distilled: float) -> Accuracies:
    return {"teacher": teacher, "baseline": baseline, "distilled": distilled}


# -- gap closed -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("teacher", "baseline", "distilled", "expected"),
    [
        (0.99, 0.97, 0.98, 0.5),
        (0.99, 0.97, 0.97, 0.0),
        (0.99, 0.97, 0.99, 1.0),
        (0.99, 0.97, 0.96, -0.5),
        (0.98, 0.97, 0.99, 2.0),
        (0.9828, 0.923, 0.927, 0.0040 / 0.0598),
    ],
)
def test_gap_closed(teacher: float, baseline: float, distilled: float, expected: float) -> None:
    assert gap_closed(teacher, baseline, distilled) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("teacher", "baseline"), [(0.97, 0.97), (0.96, 0.97), (0.3, 0.1 + 0.2), (0.0, 0.0)]
)
def test_a_teacher_that_is_not_better_gives_no_gap(teacher: float, baseline: float) -> None:
    assert gap_closed(teacher, baseline, 0.99) is None


def test_a_gap_of_one_image_in_ten_thousand() -> None:
    assert gap_closed(0.9801, 0.98, 0.9801) == pytest.approx(1)


# -- intervals --------------------------------------------------------------------------------


def test_interval_worked_by_hand() -> None:
    # Mean 2, standard deviation 1, n = 3: half is 4.302653 (t, 2 degrees of freedom) / sqrt(3).
    result = interval([1.0, 2.0, 3.0])
    assert result is not None
    assert (result.mean, result.n) == (2.0, 3)
    assert result.half == pytest.approx(4.302653 / math.sqrt(3), abs=1e-6)
    assert result.low == pytest.approx(2 - 2.484138, abs=1e-6)
    assert result.high == pytest.approx(2 + 2.484138, abs=1e-6)


@settings(deadline=None, max_examples=60)
@given(st.lists(shares, min_size=2, max_size=20))
def test_intervals_equal_those_of_scipy(values: list[float]) -> None:
    result = interval(values)
    assert result is not None
    assert result.n == len(values)
    assert result.mean == pytest.approx(sum(values) / len(values), abs=1e-12)
    if max(values) - min(values) < ROUNDING_TOLERANCE:
        assert result.low is result.high is None
        return
    scale = float(stats.sem(values))
    low, high = stats.t.interval(0.95, len(values) - 1, loc=result.mean, scale=scale)
    assert result.low == pytest.approx(low, abs=1e-9)
    assert result.high == pytest.approx(high, abs=1e-9)


@pytest.mark.parametrize("degrees", [1, 2, 4, 9, 30, 1000])
def test_quantiles_equal_those_of_scipy(degrees: int) -> None:
    assert t_quantile(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=1e-9)


def test_one_seed_gives_no_interval() -> None:
    result = interval([0.98])
    assert result is not None
    assert (result.mean, result.n) == (0.98, 1)
    assert result.half is result.low is result.high is None


def test_no_seeds_give_no_mean() -> None:
    assert interval([]) is None


def test_equal_values_give_no_interval() -> None:
    """An interval of width 0 would claim that every seed gives this value."""
    result = interval([0.98] * 4)
    assert result is not None
    assert (result.mean, result.half, result.n) == (pytest.approx(0.98), None, 4)


# -- an experiment ----------------------------------------------------------------------------


def test_gain_over_seeds() -> None:
    result = gain(
        [accuracies(0.99, 0.97, 0.98), accuracies(0.98, 0.96, 0.975), accuracies(1.0, 0.98, 0.985)]
    )
    # Gaps: 0.01/0.02, 0.015/0.02, 0.005/0.02; of the means: (0.98 - 0.97) / (0.99 - 0.97).
    gaps = interval([0.5, 0.75, 0.25])
    assert gaps is not None
    assert result.gap is not None
    assert result.gap.mean == pytest.approx(0.5)
    assert result.gap.half == pytest.approx(gaps.half)
    assert result.gap.n == 3
    assert result.gap_of_means == pytest.approx(0.5)
    assert result.undefined == 0
    means = {role: result.accuracy[role] for role in ROLES}
    assert [mean.mean if mean else None for mean in means.values()] == pytest.approx(
        [0.99, 0.97, 0.98]
    )


def test_gap_of_means_differs_from_the_mean_of_gaps() -> None:
    result = gain([accuracies(0.98, 0.97, 0.975), accuracies(0.971, 0.97, 0.974)])
    assert result.gap is not None
    assert result.gap.mean == pytest.approx((0.5 + 4.0) / 2)
    assert result.gap_of_means == pytest.approx((0.9745 - 0.97) / (0.9755 - 0.97))


def test_seeds_without_a_gap_are_counted() -> None:
    result = gain(
        [accuracies(0.99, 0.97, 0.98), accuracies(0.97, 0.97, 0.98), accuracies(0.96, 0.97, 0.98)]
    )
    assert result.undefined == 2
    assert result.gap is not None
    assert (result.gap.mean, result.gap.half, result.gap.n) == (0.5, None, 1)
    assert result.gap_of_means == pytest.approx(0.01 / (2.92 / 3 - 0.97))
    teacher = result.accuracy["teacher"]
    assert teacher is not None
    assert teacher.n == 3


def test_no_seed_with_a_gap_gives_no_gap() -> None:
    result = gain([accuracies(0.96, 0.97, 0.98), accuracies(0.95, 0.97, 0.98)])
    assert result.gap is None
    assert result.gap_of_means is None
    assert result.undefined == 2


def test_one_seed_gives_a_gap_without_an_interval() -> None:
    result = gain([accuracies(0.99, 0.97, 0.98)])
    assert result.gap is not None
    assert (result.gap.mean, result.gap.half) == (0.5, None)
    assert result.gap_of_means == 0.5


def test_unfinished_seeds_count_for_their_finished_stages() -> None:
    result = gain(
        [accuracies(0.99, 0.97, 0.98), {"teacher": 0.95, "baseline": 0.9}, {"teacher": 0.91}]
    )
    sizes = {role: mean.n for role, mean in result.accuracy.items() if mean is not None}
    assert sizes == {"teacher": 3, "baseline": 2, "distilled": 1}
    assert result.gap is not None
    assert (result.gap.mean, result.gap.n) == (0.5, 1)
    assert result.gap_of_means == 0.5
    assert result.undefined == 0


def test_without_seeds_all_scores_are_none() -> None:
    result = gain([])
    assert set(result.accuracy) == set(ROLES)
    assert all(mean is None for mean in result.accuracy.values())
    assert (result.gap, result.gap_of_means) == (None, None)
    assert result.undefined == 0


@settings(deadline=None, max_examples=60)
@given(teacher=shares, baseline=shares, distilled=shares)
def test_gap_closed_satisfies_its_definition(
    teacher: float, baseline: float, distilled: float
) -> None:
    gap = gap_closed(teacher, baseline, distilled)
    assert (gap is None) == (teacher - baseline <= 1e-9)
    if gap is not None:
        assert gap * (teacher - baseline) == pytest.approx(distilled - baseline, abs=1e-9)


# -- comparison of methods --------------------------------------------------------------------

BASE = {0: 0.90, 1: 0.94, 2: 0.92}
"""Accuracies that differ more between seeds than methods differ from each other."""


def method(title: str, gains: dict[int, float], validation: float = 0.5) -> Method:
    """Return a method that is better than ``BASE`` by these gains."""
    test = {seed: BASE[seed] + gain for seed, gain in gains.items()}
    return Method(title, test, dict.fromkeys(gains, validation))


PLAIN = method("plain", {0: 0.0, 1: 0.0, 2: 0.0})
GOOD = method("good", {0: 0.010, 1: 0.012, 2: 0.011})
SIMILAR = method("similar", {0: 0.012, 1: 0.009, 2: 0.009}, validation=0.7)
BAD = method("bad", {0: -0.010, 1: -0.012, 2: -0.011}, validation=0.6)
NOISY = method("noisy", {0: 0.03, 1: -0.03, 2: 0.001})


def test_differences_are_paired_by_seed() -> None:
    result = difference(GOOD.test, PLAIN.test)
    assert result is not None
    assert result.mean == pytest.approx(0.011)
    assert result.half == pytest.approx(t_quantile(2) * 0.001 / 3**0.5)


def test_a_difference_uses_common_seeds_only() -> None:
    assert difference({0: 0.5}, {1: 0.5}) is None
    assert difference({0: 0.75, 1: 0.5}, {0: 0.5}) == Interval(0.25, None, 1)


def test_an_interval_that_contains_zero_is_open() -> None:
    assert verdict(Interval(0.01, 0.005, 3)) == "better"
    assert verdict(Interval(-0.01, 0.005, 3)) == "worse"
    assert verdict(Interval(0.01, 0.02, 3)) == "open"
    assert verdict(Interval(0.01, None, 1)) == "open"
    assert verdict(Interval(0.0, 0.0, 3)) == "open"


def test_methods_are_ranked_by_their_mean_on_test() -> None:
    ranking = rank_methods([BAD, PLAIN, SIMILAR, GOOD, NOISY], PLAIN)
    assert [row.title for row in ranking] == ["good", "similar", "noisy", "plain", "bad"]
    assert [row.verdict for row in ranking] == ["better", "better", "open", "open", "worse"]
    assert [row.tied for row in ranking] == [True, True, True, False, False]
    assert ranking[3].difference is None
    assert ranking[0].accuracy.mean == pytest.approx(0.931)


def test_better_in_each_common_seed_means_tied_with_the_first() -> None:
    """A method can be better in each common seed and still have a lower mean than the first."""
    first = Method("first", {0: 0.90, 1: 0.91, 2: 0.92, 3: 0.99}, {})
    better = Method("better", {0: 0.91, 1: 0.92, 2: 0.931}, {})
    assert [row.tied for row in rank_methods([first, better], first)] == [True, True]


def test_with_one_seed_all_comparisons_are_open() -> None:
    worse = method("b", {0: -0.01})
    ranking = rank_methods([method("a", {0: 0.01}), worse], worse)
    assert [(row.title, row.verdict, row.tied) for row in ranking] == [
        ("a", "open", True),
        ("b", "open", True),
    ]


def test_the_best_method_is_chosen_on_validation() -> None:
    assert best_on_validation([GOOD, BAD, SIMILAR]).title == "similar"
    assert best_on_validation([GOOD, BAD]).title == "bad"
