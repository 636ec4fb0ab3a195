"""Gap closed and its intervals, against figures worked by hand and against scipy.stats."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tsexplorer.analysis.seed_statistics import (
    ALIKE,
    Accuracies,
    gain,
    gap_closed,
    interval,
    t_quantile,
)
from tsexplorer.specs import ROLES

shares = st.floats(0, 1)


def seed(teacher: float, baseline: float, distilled: float) -> Accuracies:
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
def test_a_teacher_that_is_not_better_leaves_no_gap(teacher: float, baseline: float) -> None:
    assert gap_closed(teacher, baseline, 0.99) is None


def test_one_image_of_ten_thousand_is_a_gap() -> None:
    assert gap_closed(0.9801, 0.98, 0.9801) == pytest.approx(1)


# -- intervals --------------------------------------------------------------------------------


def test_interval_of_a_case_worked_by_hand() -> None:
    # Mean 2, deviation 1, three values: 4.302653 (t at 2 degrees) / sqrt(3).
    found = interval([1.0, 2.0, 3.0])
    assert found is not None
    assert (found.mean, found.n) == (2.0, 3)
    assert found.half == pytest.approx(4.302653 / math.sqrt(3), abs=1e-6)
    assert found.low == pytest.approx(2 - 2.484138, abs=1e-6)
    assert found.high == pytest.approx(2 + 2.484138, abs=1e-6)


@settings(deadline=None, max_examples=60)
@given(st.lists(shares, min_size=2, max_size=20))
def test_intervals_are_those_of_scipy(values: list[float]) -> None:
    found = interval(values)
    assert found is not None
    assert found.n == len(values)
    assert found.mean == pytest.approx(sum(values) / len(values), abs=1e-12)
    if max(values) - min(values) < ALIKE:
        assert found.low is found.high is None
        return
    scale = float(stats.sem(values))
    low, high = stats.t.interval(0.95, len(values) - 1, loc=found.mean, scale=scale)
    assert found.low == pytest.approx(low, abs=1e-9)
    assert found.high == pytest.approx(high, abs=1e-9)


@pytest.mark.parametrize("degrees", [1, 2, 4, 9, 30, 1000])
def test_quantiles_are_those_of_scipy(degrees: int) -> None:
    assert t_quantile(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=1e-9)


def test_one_seed_tells_nothing_of_the_spread() -> None:
    found = interval([0.98])
    assert found is not None
    assert (found.mean, found.n) == (0.98, 1)
    assert found.half is found.low is found.high is None


def test_no_seeds_have_no_interval() -> None:
    assert interval([]) is None


def test_seeds_that_agree_tell_nothing_of_the_spread() -> None:
    """An interval of no width would say that no seed can come out otherwise."""
    found = interval([0.98] * 4)
    assert found is not None
    assert (found.mean, found.half, found.n) == (pytest.approx(0.98), None, 4)


# -- an experiment ----------------------------------------------------------------------------


def test_gain_over_seeds() -> None:
    result = gain([seed(0.99, 0.97, 0.98), seed(0.98, 0.96, 0.975), seed(1.0, 0.98, 0.985)])
    # Gaps: 0.01/0.02, 0.015/0.02, 0.005/0.02; of the means: 0.98 - 0.97 over 0.99 - 0.97.
    gaps = interval([0.5, 0.75, 0.25])
    assert gaps is not None
    assert result.gap is not None
    assert result.gap.mean == pytest.approx(0.5)
    assert result.gap.half == pytest.approx(gaps.half)
    assert result.gap.n == 3
    assert result.gap_of_means == pytest.approx(0.5)
    assert result.undefined == 0
    means = {role: result.accuracy[role] for role in ROLES}
    assert [one.mean if one else None for one in means.values()] == pytest.approx(
        [0.99, 0.97, 0.98]
    )


def test_gap_of_means_differs_from_mean_of_gaps_where_a_gap_is_narrow() -> None:
    result = gain([seed(0.98, 0.97, 0.975), seed(0.971, 0.97, 0.974)])
    assert result.gap is not None
    assert result.gap.mean == pytest.approx((0.5 + 4.0) / 2)
    assert result.gap_of_means == pytest.approx((0.9745 - 0.97) / (0.9755 - 0.97))


def test_seeds_without_a_gap_are_counted_apart() -> None:
    result = gain([seed(0.99, 0.97, 0.98), seed(0.97, 0.97, 0.98), seed(0.96, 0.97, 0.98)])
    assert result.undefined == 2
    assert result.gap is not None
    assert (result.gap.mean, result.gap.half, result.gap.n) == (0.5, None, 1)
    assert result.gap_of_means == pytest.approx(0.01 / (2.92 / 3 - 0.97))
    teacher = result.accuracy["teacher"]
    assert teacher is not None
    assert teacher.n == 3


def test_no_seed_with_a_gap_gives_none() -> None:
    result = gain([seed(0.96, 0.97, 0.98), seed(0.95, 0.97, 0.98)])
    assert result.gap is None
    assert result.gap_of_means is None
    assert result.undefined == 2


def test_one_seed_gives_a_gap_without_an_interval() -> None:
    result = gain([seed(0.99, 0.97, 0.98)])
    assert result.gap is not None
    assert (result.gap.mean, result.gap.half) == (0.5, None)
    assert result.gap_of_means == 0.5


def test_seeds_still_under_way_count_where_they_can() -> None:
    result = gain([seed(0.99, 0.97, 0.98), {"teacher": 0.95, "baseline": 0.9}, {"teacher": 0.91}])
    sizes = {role: one.n for role, one in result.accuracy.items() if one is not None}
    assert sizes == {"teacher": 3, "baseline": 2, "distilled": 1}
    assert result.gap is not None
    assert (result.gap.mean, result.gap.n) == (0.5, 1)
    assert result.gap_of_means == 0.5
    assert result.undefined == 0


def test_nothing_trained_gives_nothing() -> None:
    result = gain([])
    assert set(result.accuracy) == set(ROLES)
    assert all(one is None for one in result.accuracy.values())
    assert (result.gap, result.gap_of_means) == (None, None)
    assert result.undefined == 0


@settings(deadline=None, max_examples=60)
@given(teacher=shares, baseline=shares, distilled=shares)
def test_gap_closed_keeps_its_sign_and_its_definition(
    teacher: float, baseline: float, distilled: float
) -> None:
    found = gap_closed(teacher, baseline, distilled)
    assert (found is None) == (teacher - baseline <= 1e-9)
    if found is not None:
        away = found * (teacher - baseline) - (distilled - baseline)
        assert away == pytest.approx(0, abs=1e-9)
