"""Results of cells: means, intervals and which may be best, against scipy and by hand."""

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
    wilson,
)
from tsexplorer.studies.student_stages import Cell
from tsexplorer.studies.sweep.results import sweep_map
from tsexplorer.studies.sweep.spec import SweepSpec

N = 500
SWEEP = SweepSpec(base=TINY, temperatures=(1, 4), lambdas=(0, 1), seeds=(0, 1, 2))
TEACHERS = {0: 0.99, 1: 0.98, 2: 0.97}
ACCURACY: dict[tuple[float, float], tuple[float, ...]] = {
    (1, 0): (0.95, 0.94, 0.96),
    (4, 0): (0.97, 0.96, 0.96),
    (1, 1): (0.92, 0.93, 0.91),
}
"""By T and lambda, one value for each seed; at lambda = 1 T has no effect."""


def scores(sweep: SweepSpec = SWEEP, seeds: int = 3) -> dict[str, Scores]:
    by_hash = {}
    for (temperature, lam), values in ACCURACY.items():
        cell = Cell(temperature, lam, sweep.rates[0])
        for seed, value in zip(sweep.seeds[:seeds], values, strict=False):
            key = sweep.student(cell, seed).hash
            by_hash[key] = Scores(value, 1 - value, value / 2, value / 10)
    return by_hash


def make_map(sweep: SweepSpec = SWEEP, seeds: int = 3) -> SweepMap:
    teachers = {seed: TEACHERS[seed] for seed in sweep.seeds[:seeds]}
    return sweep_map(sweep, scores(sweep, seeds), teachers, N)


def result_of(grid: SweepMap, temperature: float, lam: float) -> CellResult:
    return next(result for result in grid.cells if result.cell[:2] == (temperature, lam))


def seeds_of(*accuracies: float) -> Mapping[int, Scores]:
    return {seed: Scores(value, 0.1) for seed, value in enumerate(accuracies)}


@pytest.mark.parametrize("key", ACCURACY)
def test_interval_over_seeds_equals_that_of_scipy(key):
    values = ACCURACY[key]
    result = result_of(make_map(), *key)
    low, high = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
    assert result.accuracy == pytest.approx((np.mean(values), low, high, 3, "t over seeds"))
    halves = [value / 2 for value in values]
    low, high = stats.t.interval(0.95, 2, np.mean(halves), stats.sem(halves))
    assert result.agreement == pytest.approx((np.mean(halves), low, high, 3, "t over seeds"))
    assert result.ece.mean == pytest.approx(np.mean(values) / 10)


def test_gap_closed_is_paired_by_seed():
    result = result_of(make_map(), 4, 0)
    gaps = [(0.97 - 0.92) / 0.07, (0.96 - 0.93) / 0.05, (0.96 - 0.91) / 0.06]
    low, high = stats.t.interval(0.95, 2, np.mean(gaps), stats.sem(gaps))
    assert result.gap == pytest.approx((np.mean(gaps), low, high, 3, "t over seeds"))
    assert result.gap_of_means == pytest.approx((2.89 - 2.76) / (2.94 - 2.76))


def test_baseline_closes_no_gap():
    grid = make_map()
    assert grid.baseline == result_of(grid, 1, 1).accuracy
    assert grid.baseline.mean == pytest.approx(0.92)
    assert result_of(grid, 1, 1).gap.mean == 0
    # Cells with lambda = 1 are the same training for all T.
    assert result_of(grid, 4, 1).accuracy == result_of(grid, 1, 1).accuracy
    assert len(grid.cells) == 4


def test_best_cell_has_the_highest_mean():
    assert make_map().best[:2] == (4, 0)
    assert result_of(make_map(), 4, 0).may_be_best
    assert result_of(make_map(), 4, 0).behind is None


def test_cells_that_may_be_best_follow_from_paired_differences():
    grid = make_map()
    near, far = result_of(grid, 1, 0), result_of(grid, 1, 1)
    for result, values in ((near, ACCURACY[1, 0]), (far, ACCURACY[1, 1])):
        differences = np.subtract(ACCURACY[4, 0], values)
        low, high = stats.ttest_rel(ACCURACY[4, 0], values).confidence_interval(0.95)
        assert result.behind[:3] == pytest.approx((differences.mean(), low, high))
        assert result.behind.method == "t over seeds"
    assert near.may_be_best
    assert not far.may_be_best


def test_paired_differences_separate_cells_that_means_do_not():
    """Seeds differ more than cells, but the difference of the cells is alike in all seeds."""
    best, other = (0.90, 0.95, 0.99), (0.89, 0.938, 0.98)
    distance = behind(seeds_of(*best), seeds_of(*other), N)
    assert distance.low == pytest.approx(stats.ttest_rel(best, other).confidence_interval()[0])
    assert distance.low > 0
    assert stats.ttest_ind(best, other).pvalue > 0.5
    alike = behind(seeds_of(0.5, 0.75), seeds_of(0.375, 0.625), N)
    assert (alike.mean, alike.low, alike.method) == (0.125, None, "none")


def test_interval_of_a_share_stays_between_0_and_1():
    students = {Cell(4.0, 0.5, 0.01): seeds_of(0.93, 0.99)}
    accuracy = map_of(students, {}, {}, N, one_teacher=True).cells[0].accuracy
    assert (accuracy.low, accuracy.high) == (pytest.approx(0.96 - 12.706205 * 0.03), 1.0)


def test_best_of_many_cells_has_a_wider_interval():
    """Bonferroni: false claims are as rare for the best of k cells as for one."""
    best, other = seeds_of(0.90, 0.95, 0.98), seeds_of(0.89, 0.93, 0.95)
    differences = [0.01, 0.02, 0.03]
    low, high = stats.t.interval(1 - 0.05 / 4, 2, loc=0.02, scale=stats.sem(differences))
    assert behind(best, other, N, among=4)[:3] == pytest.approx((0.02, low, high))
    single = behind(seeds_of(0.9), seeds_of(0.8), N)
    single_of_four = behind(seeds_of(0.9), seeds_of(0.8), N, 4)
    assert single_of_four.low < single.low < single.high < single_of_four.high


def test_only_seeds_of_both_cells_are_compared():
    best = seeds_of(0.9, 0.8, 0.7)
    other = {1: Scores(0.79, 1), 2: Scores(0.67, 1), 7: Scores(0.1, 1)}
    assert behind(best, other, N).mean == pytest.approx(0.02)
    assert behind(best, other, N).seeds == 2
    nothing = behind(best, {7: Scores(0.1, 1)}, N)
    assert nothing.seeds == 0
    assert nothing.low is None


@pytest.mark.parametrize("share", [0.0, 0.5, 0.93, 0.994, 1.0])
@pytest.mark.parametrize("images", [50, 500, 5000])
def test_wilson_interval_equals_that_of_scipy(share, images):
    hits = round(share * images)
    expected = stats.binomtest(hits, images).proportion_ci(0.95, "wilson")
    wilson_interval = wilson(hits / images, images)
    assert wilson_interval == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_interval_of_one_seed_is_over_images():
    sweep = SWEEP.model_copy(update={"seeds": (0,)})
    grid = make_map(sweep, seeds=1)
    near = result_of(grid, 1, 0)
    assert near.accuracy.method == near.behind.method == "binomial over images"
    assert near.accuracy[:3] == pytest.approx((0.95, *wilson(0.95, N)))
    assert near.may_be_best
    far = result_of(grid, 1, 1)
    assert not far.may_be_best
    assert far.gap == pytest.approx((0.0, None, None, 1, "none"))
    assert far.ece.method == "none"
    assert grid.baseline.method == "binomial over images"


def test_difference_of_shares_equals_the_example_of_newcombe():
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
    def test_lower_loss_decides_between_equal_accuracies(self):
        cells = {
            Cell(1, 0, 1): {0: Scores(0.9, 0.5)},
            Cell(2, 0, 1): {0: Scores(0.9, 0.4)},
            Cell(3, 0, 1): {0: Scores(0.9, math.nan)},
        }
        assert choose(cells) == Cell(2, 0, 1)

    def test_cells_with_fewer_seeds_are_not_chosen(self):
        cells = {Cell(1, 0, 1): seeds_of(0.99), Cell(2, 0, 1): seeds_of(0.9, 0.9)}
        assert choose(cells) == Cell(2, 0, 1)

    def test_no_cell_is_chosen_from_an_empty_map(self):
        assert choose({}) is None


def test_map_is_empty_before_training():
    assert sweep_map(SWEEP, {}, {}, N) == SweepMap((), None, None, None, None)


def test_map_contains_the_cells_with_students():
    first = dict(list(scores().items())[:1])
    grid = sweep_map(SWEEP, first, {}, N)
    assert len(grid.cells) == 1
    assert grid.cells[0].gap is None
    assert grid.baseline is None
    assert grid.teacher is None


def test_teacher_below_the_baseline_gives_no_gap():
    grid = sweep_map(SWEEP, scores(), dict.fromkeys((0, 1, 2), 0.9), N)
    assert result_of(grid, 4, 0).gap is None
    assert result_of(grid, 4, 0).gap_of_means is None


def test_shared_teacher_counts_as_one_net_for_all_seeds():
    shared = sweep_map(SWEEP, scores(), dict.fromkeys((0, 1, 2), 0.99), N)
    assert shared.teacher[:3] == pytest.approx((0.99, *wilson(0.99, N)))
    separate = make_map(SWEEP.model_copy(update={"teachers": "one a seed"}))
    assert separate.teacher.method == "t over seeds"
    assert separate.teacher.mean == pytest.approx(0.98)


def test_baseline_has_the_learning_rate_with_the_best_mean():
    sweep = SWEEP.model_copy(update={"learning_rates": (0.1, 0.01)})
    baselines = {
        sweep.baseline(rate, seed).hash: Scores(value, 0.1)
        for rate, value in ((0.1, 0.8), (0.01, 0.9))
        for seed in sweep.seeds
    }
    grid = sweep_map(sweep, baselines, TEACHERS, N)
    assert grid.baseline_rate == 0.01
    assert grid.baseline.mean == pytest.approx(0.9)


def test_baseline_of_the_additive_objective_is_no_cell():
    base = TINY.model_copy(update={"objective": ObjectiveSpec(name="additive")})
    sweep = SWEEP.model_copy(update={"base": base})
    baselines = {
        sweep.baseline(sweep.rates[0], seed).hash: Scores(0.9, 0.1) for seed in sweep.seeds
    }
    grid = sweep_map(sweep, baselines, TEACHERS, N)
    assert grid.cells == ()
    assert grid.baseline.mean == pytest.approx(0.9)
