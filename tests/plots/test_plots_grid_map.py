"""The map of a sweep: cells, sentences, slices and parallel axes, on results made by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from tests.examples import TINY
from tsexplorer.plots.grid_map import map_cells, parallel_figure, slice_figure, slices
from tsexplorer.plots.grid_metrics import (
    GRID_METRICS,
    GridMetricName,
    cell_in_words,
    estimate_in_words,
    rank_in_words,
)
from tsexplorer.plots.style import DARK, LIGHT, SCALES, Palette
from tsexplorer.specs import ObjectiveSpec
from tsexplorer.studies.grid_results import CellResult, Estimate, SweepMap
from tsexplorer.studies.student_stages import Cell
from tsexplorer.studies.sweep.spec import SweepSpec

RATE = TINY.distilled_train.learning_rate
SWEEP = SweepSpec(base=TINY, temperatures=(8, 1, 4), lambdas=(1, 0), seeds=(0, 1, 2))
"""A grid that is not in order."""
BEST = Cell(4, 0, RATE)


def over_seeds(mean: float, half: float = 0.01) -> Estimate:
    return Estimate(mean, mean - half, mean + half, 3, "t over seeds")


def result(cell: Cell, accuracy: float, *, gap: float | None = 0.5, near: bool) -> CellResult:
    return CellResult(
        cell,
        accuracy=over_seeds(accuracy),
        gap=None if gap is None else over_seeds(gap),
        gap_of_means=gap,
        agreement=over_seeds(accuracy - 0.1),
        ece=over_seeds(1 - accuracy, 0.002),
        behind=None if cell == BEST else over_seeds(0.97 - accuracy, 0.02),
        may_be_best=near,
    )


def sweep_map(cells: Sequence[CellResult], baseline: Estimate | None = None) -> SweepMap:
    return SweepMap(tuple(cells), BEST, baseline, RATE, over_seeds(0.99))


RESULTS = sweep_map(
    [
        result(Cell(8, 1, RATE), 0.92, gap=0.0, near=False),
        result(Cell(1, 1, RATE), 0.92, gap=0.0, near=False),
        result(Cell(1, 0, RATE), 0.96, gap=-0.2, near=True),
        result(BEST, 0.97, gap=0.7, near=True),
    ],
    over_seeds(0.92, 0.005),
)


def test_rows_are_lambdas_and_columns_temperatures() -> None:
    cells = map_cells(SWEEP, RESULTS, RATE, "accuracy")
    expected = [[96, 97, math.nan], [92, math.nan, 92]]
    np.testing.assert_allclose(cells.values_RC, expected)
    assert cells.texts == [["96.00", "★ 97.00", ""], ["92.00", "", "92.00"]]
    assert cells.framed == [[True, True, False], [False, False, False]]
    assert cells.limits == pytest.approx((92, 97))
    assert list(cells.ticks.values()) == ["92.0", "94.5", "97.0"]


def test_hover_has_all_metrics_with_their_intervals() -> None:
    hover = map_cells(SWEEP, RESULTS, RATE, "ece", {BEST: "3 of 3 seeds done"}).hover
    assert hover[0][1].split("\n") == [
        "T = 4, λ = 0",
        "Validation accuracy: 97.00 % (95 % interval 96.00 to 98.00 %, t over 3 seeds)",
        "Gap closed: 70.00 % (95 % interval 69.00 to 71.00 %, t over 3 seeds)",
        "Agreement: 87.00 % (95 % interval 86.00 to 88.00 %, t over 3 seeds)",
        "ECE: 3.00 % (95 % interval 2.80 to 3.20 %, t over 3 seeds)",
        "The best mean on validation",
        "3 of 3 seeds done",
    ]
    assert hover[0][0].endswith(
        "1.00 points behind the best (95 % interval −1.00 to 3.00): cannot be told apart from it"
    )
    assert hover[0][2] == ""


def test_the_colours_of_the_gap_have_zero_in_the_middle() -> None:
    cells = map_cells(SWEEP, RESULTS, RATE, "gap")
    assert cells.scale == "differences"
    assert cells.limits == pytest.approx((-70, 70))
    assert cells.texts[0] == ["−20", "★ 70", ""]


@pytest.mark.parametrize("metric", GRID_METRICS)
def test_a_metric_without_a_value_has_no_cell(metric: GridMetricName) -> None:
    unknown = CellResult(BEST, over_seeds(0.9), None, None, None, None, None, may_be_best=True)
    cells = map_cells(SWEEP, sweep_map([unknown]), RATE, metric)
    has_value = metric == "accuracy"
    assert np.isnan(cells.values_RC).sum() == (5 if has_value else 6)
    low, high = cells.limits
    assert low < high
    assert ("".join(map("".join, cells.texts)) == "★ 90.00") == has_value
    assert np.any(cells.framed) == has_value


def test_many_columns_have_shorter_numbers() -> None:
    wide = SWEEP.model_copy(update={"temperatures": tuple(map(float, range(1, 8)))})
    assert map_cells(wide, RESULTS, RATE, "accuracy").texts[0][0] == "96.0"


def test_maps_of_all_rates_have_the_same_colours() -> None:
    sweep = SWEEP.model_copy(update={"learning_rates": (RATE, 0.5)})
    results = sweep_map([*RESULTS.cells, result(Cell(1, 0, 0.5), 0.5, near=False)])
    first, second = (map_cells(sweep, results, rate, "accuracy") for rate in (RATE, 0.5))
    assert first.limits == second.limits == pytest.approx((50, 97))
    assert np.isnan(second.values_RC).sum() == 5
    assert "learning rate 0.5" in second.hover[0][0]


def test_t_is_not_named_if_it_has_no_effect() -> None:
    assert cell_in_words(BEST, SWEEP) == "T = 4, λ = 0"
    assert cell_in_words(Cell(4, 1, RATE), SWEEP) == "λ = 1 (the baseline, whatever T)"
    base = TINY.model_copy(update={"objective": ObjectiveSpec(name="additive")})
    additive = SWEEP.model_copy(update={"base": base})
    assert cell_in_words(Cell(4, 1, RATE), additive) == "T = 4, λ = 1"


def test_sentences_name_the_method_of_the_interval() -> None:
    estimate = Estimate(0.9, 0.85, 0.94, 1, "binomial over images")
    assert estimate_in_words(estimate) == (
        "90.00 % (95 % interval 85.00 to 94.00 %, binomial over images, 1 seed)"
    )
    assert estimate_in_words(Estimate(math.nan, None, None, 0, "none")) == "–"
    behind = CellResult(
        Cell(8, 1, RATE),
        estimate,
        None,
        None,
        None,
        None,
        Estimate(0.1, None, None, 1, "none"),
        True,
    )
    assert (
        rank_in_words(behind, BEST) == "10.00 points behind the best: cannot be told apart from it"
    )


class TestSlices:
    def test_each_lambda_has_a_line_and_the_chosen_is_last(self) -> None:
        labels, alone = slices(SWEEP, RESULTS, "T", BEST)
        assert (labels.name, labels.values, labels.chosen) == ("λ = 1", (1, 8), False)
        assert (alone.name, alone.values, alone.chosen) == ("λ = 0", (1, 4), True)
        assert alone.means == pytest.approx((96, 97))
        assert alone.lows == pytest.approx((95, 96))
        assert alone.highs == pytest.approx((97, 98))
        assert alone.hover[1].startswith("T = 4, λ = 0<br>97.00 % (95 %")

    def test_along_lambda_each_t_has_a_line(self) -> None:
        lines = slices(SWEEP, RESULTS, "λ", Cell(1, 1, RATE))
        assert [line.name for line in lines] == ["T = 4", "T = 8", "T = 1"]
        assert list(lines[-1].values) == [0, 1]

    def test_a_slice_has_only_its_learning_rate(self) -> None:
        results = sweep_map([*RESULTS.cells, result(Cell(1, 0, 0.5), 0.5, near=False)])
        (line,) = slices(SWEEP, results, "T", Cell(1, 0, 0.5))
        assert line.means == pytest.approx((50,))

    @pytest.mark.parametrize("palette", [LIGHT, DARK])
    def test_the_chosen_line_and_the_baseline_have_bands(self, palette: Palette) -> None:
        figure = slice_figure(slices(SWEEP, RESULTS, "T", BEST), RESULTS.baseline, "T", palette)
        band, baseline, other, chosen_band, chosen = figure.data
        assert list(band.y) == pytest.approx([92.5, 92.5, 91.5, 91.5])
        assert list(baseline.y) == pytest.approx([92, 92])
        assert baseline.line.dash == "dash"
        assert list(other.x) == [0, 3]  # T 1 and 8, on a logarithmic axis
        assert list(other.y) == pytest.approx([92, 92])
        assert list(chosen_band.y) == pytest.approx([97, 98, 96, 95])
        assert list(chosen.x) == [0, 2]
        assert list(chosen.y) == pytest.approx([96, 97])
        assert (chosen.name, chosen.line.color) == ("λ = 0", palette.distilled)
        assert list(figure.layout.xaxis.ticktext) == ["1", "4", "8"]

    def test_without_intervals_there_are_no_bands(self) -> None:
        bare = Estimate(0.9, None, None, 1, "none")
        cell = CellResult(BEST, bare, None, None, None, None, None, True)
        figure = slice_figure(slices(SWEEP, sweep_map([cell]), "T", BEST), bare, "T", LIGHT)
        assert [trace.fill for trace in figure.data] == [None, None]


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_parallel_axes_have_values_at_equal_distances(palette: Palette) -> None:
    sweep = SWEEP.model_copy(update={"learning_rates": (0.5, RATE)})
    results = sweep_map([*RESULTS.cells, result(Cell(8, 0, 0.5), 0.95, near=False)])
    (trace,) = parallel_figure(sweep, results, palette).data
    t, lam, rate, accuracy = trace.dimensions
    assert (list(t.values), list(t.ticktext)) == ([2, 0, 0, 1, 2], ["1", "4", "8"])
    assert (list(lam.values), list(lam.ticktext)) == ([1, 1, 0, 0, 0], ["0", "1"])
    assert (list(rate.values), list(rate.ticktext)) == ([0, 0, 0, 0, 1], ["0.001", "0.5"])
    assert list(accuracy.values) == pytest.approx([92, 92, 96, 97, 95])
    assert list(trace.line.color) == list(accuracy.values)
    assert trace.line.colorscale[-1][1] == SCALES[palette].amounts[-1]
