"""Mean soft targets as cells, and the probabilities of one image as bars."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tsexplorer.analysis.soft_targets import ClassMatrix, difference, without_diagonal
from tsexplorer.plots.soft_targets import (
    FLOOR,
    Limits,
    difference_cells,
    distributions_figure,
    matrix_cells,
    select_classes,
    short_percent,
    value_limits,
)
from tsexplorer.plots.style import DARK, LIGHT
from tsexplorer.specs import Role

NAMES = ("cat", "dog", "eel")
TEACHER = ClassMatrix(
    np.array([[0.9, 0.08, 0.02], [0.001, 0.8, 0.199], [0.0, 0.5, 0.5]]),
    np.array([1200, 900, 5]),
    4.0,
)
STUDENT = replace(TEACHER, values_CC=np.array([[0.7, 0.2, 0.1], [0, 0.8, 0.2], [0.25, 0.5, 0.25]]))

# -- cells --------------------------------------------------------------------------------------


def test_a_matrix_is_shown_in_percent() -> None:
    cells = matrix_cells(TEACHER, NAMES)
    np.testing.assert_allclose(cells.values_RC, 100 * TEACHER.values_CC)
    assert cells.texts == [["90", "8.0", "2.0"], ["0.10", "80", "20"], ["0", "50", "50"]]
    assert (cells.limits, cells.scale) == ((0, 90), "amounts")
    assert list(cells.ticks) == pytest.approx([0, 22.5, 45, 67.5, 90])
    assert list(cells.ticks.values()) == ["0", "22", "45", "68", "90"]


def test_hover_gives_classes_images_and_soft_target() -> None:
    hover = matrix_cells(TEACHER, NAMES).hover
    assert hover[0][1] == "True class cat (1,200 images)\nSoft target for dog: 8 %"
    assert hover[1][2] == "True class dog (900 images)\nSoft target for eel: 19.9 %"


def test_limits_ignore_a_hidden_diagonal() -> None:
    cells = matrix_cells(without_diagonal(TEACHER), NAMES)
    assert cells.limits == (0, 50)
    assert np.isnan(np.diag(cells.values_RC)).all()
    assert [cells.texts[c][c] for c in range(3)] == ["", "", ""]


def test_logarithmic_colours_have_ticks_at_powers_of_ten() -> None:
    cells = matrix_cells(TEACHER, NAMES, log=True)
    expected = np.log10(np.maximum(TEACHER.values_CC, FLOOR))
    np.testing.assert_allclose(cells.values_RC, expected)
    assert cells.limits == (-5, pytest.approx(math.log10(0.9)))
    assert list(cells.ticks.items()) == [
        *((-5, "0.001"), (-4, "0.01"), (-3, "0.1"), (-2, "1"), (-1, "10"))
    ]
    assert cells.texts == matrix_cells(TEACHER, NAMES).texts


@pytest.mark.parametrize(
    ("matrix", "low", "high"),
    [
        (replace(TEACHER, values_CC=np.full((3, 3), 0.01)), -2, -1),
        (replace(TEACHER, values_CC=np.array([[0.1, 1.0], [0.5, 0.2]])), -1, 0),
        (replace(TEACHER, values_CC=np.zeros((3, 3))), -5, -4),
        (replace(TEACHER, values_CC=np.full((3, 3), np.nan)), -5, 0),
    ],
)
def test_logarithmic_limits_are_at_least_a_power_of_ten_apart(
    matrix: ClassMatrix, low: float, high: float
) -> None:
    cells = matrix_cells(matrix, NAMES[: len(matrix.values_CC)], log=True)
    assert cells.limits == pytest.approx((low, high))
    assert len(cells.ticks) >= 2


def test_matrices_side_by_side_have_the_same_colours() -> None:
    limits = value_limits(without_diagonal(TEACHER), without_diagonal(STUDENT))
    assert limits == Limits(FLOOR, 0.5)
    assert value_limits(STUDENT) == Limits(FLOOR, 0.8)
    assert value_limits(TEACHER, STUDENT) == Limits(FLOOR, 0.9)
    for log in (True, False):
        teacher, student = (
            matrix_cells(matrix, NAMES, limits=limits, log=log) for matrix in (TEACHER, STUDENT)
        )
        assert (teacher.limits, teacher.ticks) == (student.limits, student.ticks)


@pytest.mark.parametrize("value", [0.0, np.nan, 1e-9])
def test_limits_of_equal_values_differ(value: float) -> None:
    matrix = replace(TEACHER, values_CC=np.full((3, 3), value))
    low, high = matrix_cells(matrix, NAMES).limits
    assert low < high


def test_a_difference_has_zero_in_the_middle() -> None:
    cells = difference_cells(difference(TEACHER, STUDENT), NAMES)
    assert cells.limits == pytest.approx((-25, 25))
    assert (cells.scale, cells.title) == ("differences", "Difference (points)")
    expected = [["+20", "−12", "−8.0"], ["+.10", "0", "−.10"], ["−25", "0", "+25"]]
    assert cells.texts == expected
    assert cells.hover[0][1].endswith("Soft target for dog: -12 points")
    assert cells.hover[0][0].endswith("Soft target for cat: +20 points")
    assert list(cells.ticks.values()) == ["−25", "0", "+25"]


def test_the_difference_of_equal_matrices_has_limits() -> None:
    cells = difference_cells(difference(TEACHER, TEACHER), NAMES)
    low, high = cells.limits
    assert low == -high < 0
    assert {text for row in cells.texts for text in row} == {"0"}


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (1.0, "100"),
        (0.0996, "10"),
        (0.0994, "9.9"),
        (0.00999, "1.0"),
        (0.0099, "0.99"),
        (0.0001, "0.01"),
        (0.00005, "5e-3"),
        (3e-14, "3e-12"),
        (float("nan"), ""),
    ],
)
def test_percents_fit_into_a_cell(share: float, text: str) -> None:
    assert short_percent(share) == text
    assert len(text) <= 5


def test_some_classes_of_a_matrix_keep_their_values() -> None:
    some = select_classes(TEACHER, [0, 2])
    np.testing.assert_array_equal(some.values_CC, [[0.9, 0.02], [0.0, 0.5]])
    assert (some.counts_C.tolist(), some.temperature) == ([1200, 5], 4.0)


def test_hover_has_at_most_60_characters_of_a_name() -> None:
    hover = matrix_cells(TEACHER, ("n" * 300, "dog", "eel")).hover
    assert len(hover[0][1].split("\n")[0]) < 100


# -- the probabilities of one image -------------------------------------------------------------

DISTRIBUTIONS: dict[Role, np.ndarray] = {
    "teacher": np.array([0.9, 0.1]),
    "distilled": np.array([0.25, 0.75]),
}


def test_each_class_and_net_has_a_bar_in_percent() -> None:
    figure = distributions_figure(DISTRIBUTIONS, ("a", "b"), LIGHT)
    assert [bars.name for bars in figure.data] == ["Teacher", "Distilled"]
    assert list(figure.data[0].x) == pytest.approx([90, 10])
    assert list(figure.data[1].y) == ["a", "b"]
    assert figure.data[1].marker.color == LIGHT.distilled
    assert "%" in figure.layout.xaxis.title.text


def test_figures_of_the_same_nets_have_their_own_numbers() -> None:
    first = distributions_figure(DISTRIBUTIONS, ("a", "b"), LIGHT)
    reversed_shares = {role: shares[::-1] for role, shares in DISTRIBUTIONS.items()}
    second = distributions_figure(reversed_shares, ("a", "b"), LIGHT)
    assert list(first.data[0].x) == pytest.approx([90, 10])
    assert list(second.data[0].x) == pytest.approx([10, 90])
    dark = distributions_figure(DISTRIBUTIONS, ("a", "b"), DARK)
    assert dark.data[0].marker.color == DARK.teacher


def test_class_names_are_escaped() -> None:
    figure = distributions_figure(DISTRIBUTIONS, ("<b>", "%{x}"), LIGHT)
    assert "<" not in figure.data[0].y[0]
    assert "%" not in figure.data[0].y[1]


@pytest.mark.parametrize("count", [13, 40, 200])
def test_of_many_classes_the_likeliest_have_a_bar_and_the_rest_one(count: int) -> None:
    names = tuple(f"a class with a long name, {label}" for label in range(count))
    shares = np.random.default_rng(0).dirichlet(np.ones(count), 2)
    figure = distributions_figure({"teacher": shares[0], "distilled": shares[1]}, names, LIGHT)
    for bars, p_C in zip(figure.data, shares, strict=True):
        assert len(bars.x) == len(set(bars.y)) == 11
        assert sum(bars.x) == pytest.approx(100)
        assert max(bars.x[:10]) == pytest.approx(100 * p_C.max())
        assert bars.y[-1] == f"The rest ({count - 10})"
        assert all(len(name) <= 16 for name in bars.y)
    assert figure.data[0].customdata[0][0].startswith("a class with a long name, ")


def test_12_classes_have_a_bar_each() -> None:
    names = [str(label) for label in range(12)]
    figure = distributions_figure({"teacher": np.full(12, 1 / 12)}, names, LIGHT)
    assert list(figure.data[0].y) == names
