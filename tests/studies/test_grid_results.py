"""Cells from students: means, intervals, what may be the best; against scipy and by hand."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
from scipy import stats

from tests.examples import TINY
from tsexplorer.specs import ObjectiveSpec
from tsexplorer.students.events import Scores
from tsexplorer.studies.grid_results import (
    CellResult,
    SweepMap,
    behind,
    choose,
    map_of,
    sweep_map,
    wilson,
)
from tsexplorer.studies.sweep.spec import Cell, SweepSpec

N = 500
SWEEP = SweepSpec(base=TINY, temperatures=(1, 4), lambdas=(0, 1), seeds=(0, 1, 2))
TEACHERS = {0: 0.99, 1: 0.98, 2: 0.97}
ACCURACY: dict[tuple[float, float], tuple[float, ...]] = {
    (1, 0): (0.95, 0.94, 0.96),
    (4, 0): (0.97, 0.96, 0.96),
    (1, 1): (0.92, 0.93, 0.91),
}
"""By T and lambda, seed by seed; T has no say at lambda = 1."""


def scores(sweep: SweepSpec = SWEEP, seeds: int = 3) -> dict[str, Scores]:
    found = {}
    for (temperature, lam), values in ACCURACY.items():
        cell = Cell(temperature, lam, sweep.rates[0])
        for seed, value in zip(sweep.seeds[:seeds], values, strict=False):
            found[sweep.student(cell, seed).hash] = Scores(value, 1 - value, value / 2, value / 10)
    return found


def mapped(sweep: SweepSpec = SWEEP, seeds: int = 3) -> SweepMap:
    teachers = {seed: TEACHERS[seed] for seed in sweep.seeds[:seeds]}
    return sweep_map(sweep, scores(sweep, seeds), teachers, N)


def cell_of(found: SweepMap, temperature: float, lam: float) -> CellResult:
    return next(one for one in found.cells if one.cell[:2] == (temperature, lam))


def seeds_of(*accuracies: float) -> Mapping[int, Scores]:
    return {seed: Scores(value, 0.1) for seed, value in enumerate(accuracies)}


@pytest.mark.parametrize("key", ACCURACY)
def test_intervals_over_seeds_are_scipys(key):
    values = ACCURACY[key]
    found = cell_of(mapped(), *key)
    low, high = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
    assert found.accuracy == pytest.approx((np.mean(values), low, high, 3, "t over seeds"))
    halves = [value / 2 for value in values]
    low, high = stats.t.interval(0.95, 2, np.mean(halves), stats.sem(halves))
    assert found.agreement == pytest.approx((np.mean(halves), low, high, 3, "t over seeds"))
    assert found.ece.mean == pytest.approx(np.mean(values) / 10)


def test_gap_closed_is_paired_by_seed():
    found = cell_of(mapped(), 4, 0)
    gaps = [(0.97 - 0.92) / 0.07, (0.96 - 0.93) / 0.05, (0.96 - 0.91) / 0.06]
    low, high = stats.t.interval(0.95, 2, np.mean(gaps), stats.sem(gaps))
    assert found.gap == pytest.approx((np.mean(gaps), low, high, 3, "t over seeds"))
    assert found.gap_of_means == pytest.approx((2.89 - 2.76) / (2.94 - 2.76))


def test_the_baseline_closes_nothing_and_is_the_reference():
    found = mapped()
    assert found.baseline == cell_of(found, 1, 1).accuracy
    assert found.baseline.mean == pytest.approx(0.92)
    assert cell_of(found, 1, 1).gap.mean == 0
    # All T of lambda = 1 are one training.
    assert cell_of(found, 4, 1).accuracy == cell_of(found, 1, 1).accuracy
    assert len(found.cells) == 4


def test_best_has_the_highest_mean():
    assert mapped().best[:2] == (4, 0)
    assert cell_of(mapped(), 4, 0).may_be_best
    assert cell_of(mapped(), 4, 0).behind is None


def test_who_may_be_best_is_judged_by_paired_differences():
    found = mapped()
    near, far = cell_of(found, 1, 0), cell_of(found, 1, 1)
    for one, values in ((near, ACCURACY[1, 0]), (far, ACCURACY[1, 1])):
        differences = np.subtract(ACCURACY[4, 0], values)
        low, high = stats.ttest_rel(ACCURACY[4, 0], values).confidence_interval(0.95)
        assert one.behind[:3] == pytest.approx((differences.mean(), low, high))
        assert one.behind.method == "t over seeds"
    assert near.may_be_best
    assert not far.may_be_best


def test_pairs_tell_apart_what_means_do_not():
    """Seeds differ by far more than cells; the cell is behind in each by about as much."""
    best, other = (0.90, 0.95, 0.99), (0.89, 0.938, 0.98)
    distance = behind(seeds_of(*best), seeds_of(*other), N)
    assert distance.low == pytest.approx(stats.ttest_rel(best, other).confidence_interval()[0])
    assert distance.low > 0
    assert stats.ttest_ind(best, other).pvalue > 0.5
    alike = behind(seeds_of(0.5, 0.75), seeds_of(0.375, 0.625), N)
    assert (alike.mean, alike.low, alike.method) == (0.125, None, "none")


def test_shares_have_intervals_among_shares():
    found = (
        map_of({Cell(4.0, 0.5, 0.01): seeds_of(0.93, 0.99)}, {}, {}, N, one_teacher=True)
        .cells[0]
        .accuracy
    )
    assert (found.low, found.high) == (pytest.approx(0.96 - 12.706205 * 0.03), 1.0)


def test_the_best_of_many_has_a_wider_interval():
    """Bonferroni: with k cells that are no better, one is taken for better as rarely as with 1."""
    best, other = seeds_of(0.90, 0.95, 0.98), seeds_of(0.89, 0.93, 0.95)
    differences = [0.01, 0.02, 0.03]
    low, high = stats.t.interval(1 - 0.05 / 4, 2, loc=0.02, scale=stats.sem(differences))
    assert behind(best, other, N, among=4)[:3] == pytest.approx((0.02, low, high))
    single = behind(seeds_of(0.9), seeds_of(0.8), N), behind(seeds_of(0.9), seeds_of(0.8), N, 4)
    assert single[1].low < single[0].low < single[0].high < single[1].high


def test_only_seeds_that_both_have_are_compared():
    best = seeds_of(0.9, 0.8, 0.7)
    other = {1: Scores(0.79, 1), 2: Scores(0.67, 1), 7: Scores(0.1, 1)}
    assert behind(best, other, N).mean == pytest.approx(0.02)
    assert behind(best, other, N).seeds == 2
    nothing = behind(best, {7: Scores(0.1, 1)}, N)
    assert nothing.seeds == 0
    assert nothing.low is None


@pytest.mark.parametrize("share", [0.0, 0.5, 0.93, 0.994, 1.0])
@pytest.mark.parametrize("images", [50, 500, 5000])
def test_wilson_is_scipys(share, images):
    hits = round(share * images)
    expected = stats.binomtest(hits, images).proportion_ci(0.95, "wilson")
    found = wilson(hits / images, images)
    assert found == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_one_seed_is_judged_by_images_and_says_so():
    sweep = SWEEP.model_copy(update={"seeds": (0,)})
    found = mapped(sweep, seeds=1)
    near = cell_of(found, 1, 0)
    assert near.accuracy.method == near.behind.method == "binomial over images"
    assert near.accuracy[:3] == pytest.approx((0.95, *wilson(0.95, N)))
    assert near.may_be_best
    far = cell_of(found, 1, 1)
    assert not far.may_be_best
    assert far.gap == pytest.approx((0.0, None, None, 1, "none"))
    assert far.ece.method == "none"
    assert found.baseline.method == "binomial over images"


def test_two_shares_as_newcombe_works_them_out():
    """Newcombe 1998, Table II, example (a): 56/70 against 48/80, method 10: 0.0524 to 0.3339."""
    p1, p2 = 56 / 70, 48 / 80
    (l1, u1), (l2, u2) = wilson(p1, 70), wilson(p2, 80)
    low = p1 - p2 - math.sqrt((p1 - l1) ** 2 + (u2 - p2) ** 2)
    high = p1 - p2 + math.sqrt((u1 - p1) ** 2 + (p2 - l2) ** 2)
    assert (low, high) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    same = behind(seeds_of(p1), seeds_of(p2), 70)
    (l2, u2) = wilson(p2, 70)
    assert same.low == pytest.approx(p1 - p2 - math.hypot(p1 - l1, u2 - p2))
    assert same.high == pytest.approx(p1 - p2 + math.hypot(u1 - p1, p2 - l2))


class TestChoosing:
    def test_loss_decides_between_equals(self):
        cells = {
            Cell(1, 0, 1): {0: Scores(0.9, 0.5)},
            Cell(2, 0, 1): {0: Scores(0.9, 0.4)},
            Cell(3, 0, 1): {0: Scores(0.9, math.nan)},
        }
        assert choose(cells) == Cell(2, 0, 1)

    def test_cells_of_fewer_seeds_must_wait(self):
        cells = {Cell(1, 0, 1): seeds_of(0.99), Cell(2, 0, 1): seeds_of(0.9, 0.9)}
        assert choose(cells) == Cell(2, 0, 1)

    def test_nothing_is_chosen_of_nothing(self):
        assert choose({}) is None


def test_before_anything_is_trained_there_is_an_empty_map():
    assert sweep_map(SWEEP, {}, {}, N) == SweepMap((), None, None, None, None)


def test_cells_fill_as_students_do():
    whole = scores()
    first = dict(list(whole.items())[:1])
    found = sweep_map(SWEEP, first, {}, N)
    assert len(found.cells) == 1
    assert found.cells[0].gap is None
    assert found.baseline is None
    assert found.teacher is None


def test_a_teacher_that_is_not_better_leaves_no_gap():
    found = sweep_map(SWEEP, scores(), dict.fromkeys((0, 1, 2), 0.9), N)
    assert cell_of(found, 4, 0).gap is None
    assert cell_of(found, 4, 0).gap_of_means is None


def test_a_shared_teacher_is_one_net_whatever_the_seeds():
    shared = sweep_map(SWEEP, scores(), dict.fromkeys((0, 1, 2), 0.99), N)
    assert shared.teacher[:3] == pytest.approx((0.99, *wilson(0.99, N)))
    apart = SWEEP.model_copy(update={"teachers": "one a seed"})
    assert mapped(apart).teacher.method == "t over seeds"
    assert mapped(apart).teacher.mean == pytest.approx(0.98)


def test_the_baseline_is_that_of_the_rate_that_suits_it():
    sweep = SWEEP.model_copy(update={"learning_rates": (0.1, 0.01)})
    known = {
        sweep.baseline(rate, seed).hash: Scores(value, 0.1)
        for rate, value in ((0.1, 0.8), (0.01, 0.9))
        for seed in sweep.seeds
    }
    found = sweep_map(sweep, known, TEACHERS, N)
    assert found.baseline_rate == 0.01
    assert found.baseline.mean == pytest.approx(0.9)


def test_additive_has_a_baseline_outside_its_grid():
    base = TINY.model_copy(update={"objective": ObjectiveSpec(name="additive")})
    sweep = SWEEP.model_copy(update={"base": base})
    known = {sweep.baseline(sweep.rates[0], seed).hash: Scores(0.9, 0.1) for seed in sweep.seeds}
    found = sweep_map(sweep, known, TEACHERS, N)
    assert found.cells == ()
    assert found.baseline.mean == pytest.approx(0.9)
