"""Mean soft targets as cells: percent, colours and words of the matrix that is shown."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tsexplorer.analysis.soft_targets import ClassMatrix, difference, without_diagonal
from tsexplorer.plots.soft_targets import FLOOR, Span, difference_cells, matrix_cells, short, span

NAMES = ("cat", "dog", "eel")
TEACHER = ClassMatrix(
    np.array([[0.9, 0.08, 0.02], [0.001, 0.8, 0.199], [0.0, 0.5, 0.5]]),
    np.array([1200, 900, 5]),
    4.0,
)
STUDENT = replace(TEACHER, values_CC=np.array([[0.7, 0.2, 0.1], [0, 0.8, 0.2], [0.25, 0.5, 0.25]]))


def test_a_matrix_is_shown_in_percent() -> None:
    cells = matrix_cells(TEACHER, NAMES)
    np.testing.assert_allclose(cells.values_RC, 100 * TEACHER.values_CC)
    assert cells.shown == [["90", "8.0", "2.0"], ["0.10", "80", "20"], ["0", "50", "50"]]
    assert (cells.span, cells.scale) == ((0, 90), "amounts")
    assert list(cells.ticks) == pytest.approx([0, 22.5, 45, 67.5, 90])
    assert list(cells.ticks.values()) == ["0", "22", "45", "68", "90"]


def test_hover_says_all_of_it() -> None:
    hover = matrix_cells(TEACHER, NAMES).hover
    assert hover[0][1] == "True class cat (1,200 images)\nSoft target for dog: 8 %"
    assert hover[1][2] == "True class dog (900 images)\nSoft target for eel: 19.9 %"


def test_without_the_diagonal_colours_end_at_what_is_left() -> None:
    cells = matrix_cells(without_diagonal(TEACHER), NAMES)
    assert cells.span == (0, 50)
    assert np.isnan(np.diag(cells.values_RC)).all()
    assert [cells.shown[place][place] for place in range(3)] == ["", "", ""]


def test_logarithmic_colours_run_over_powers_of_ten() -> None:
    cells = matrix_cells(TEACHER, NAMES, log=True)
    expected = np.log10(np.maximum(TEACHER.values_CC, FLOOR))
    np.testing.assert_allclose(cells.values_RC, expected)
    assert cells.span == (-5, pytest.approx(math.log10(0.9)))
    assert list(cells.ticks.items()) == [
        *((-5, "0.001"), (-4, "0.01"), (-3, "0.1"), (-2, "1"), (-1, "10"))
    ]
    assert cells.shown == matrix_cells(TEACHER, NAMES).shown


@pytest.mark.parametrize(
    ("matrix", "low", "high"),
    [
        (replace(TEACHER, values_CC=np.full((3, 3), 0.01)), -2, -1),
        (replace(TEACHER, values_CC=np.array([[0.1, 1.0], [0.5, 0.2]])), -1, 0),
        (replace(TEACHER, values_CC=np.zeros((3, 3))), -5, -4),
        (replace(TEACHER, values_CC=np.full((3, 3), np.nan)), -5, 0),
    ],
)
def test_logarithmic_colours_of_what_is_hardly_spread(
    matrix: ClassMatrix, low: float, high: float
) -> None:
    cells = matrix_cells(matrix, NAMES[: len(matrix.values_CC)], log=True)
    assert cells.span == pytest.approx((low, high))
    assert len(cells.ticks) >= 2


def test_matrices_side_by_side_have_the_same_colours() -> None:
    both = span(without_diagonal(TEACHER), without_diagonal(STUDENT))
    assert both == Span(FLOOR, 0.5)
    assert span(STUDENT) == Span(FLOOR, 0.8)
    assert span(TEACHER, STUDENT) == Span(FLOOR, 0.9)
    for log in (True, False):
        one, other = (matrix_cells(m, NAMES, ends=both, log=log) for m in (TEACHER, STUDENT))
        assert (one.span, one.ticks) == (other.span, other.ticks)


@pytest.mark.parametrize("value", [0.0, np.nan, 1e-9])
def test_nothing_to_see_has_colours_all_the_same(value: float) -> None:
    matrix = replace(TEACHER, values_CC=np.full((3, 3), value))
    low, high = matrix_cells(matrix, NAMES).span
    assert low < high


def test_a_difference_has_nothing_in_the_middle() -> None:
    cells = difference_cells(difference(TEACHER, STUDENT), NAMES)
    assert cells.span == pytest.approx((-25, 25))
    assert cells.scale == "differences"
    expected = [["+20", "−12", "−8.0"], ["+.10", "0", "−.10"], ["−25", "0", "+25"]]
    assert cells.shown == expected
    assert cells.hover[0][1].endswith("Soft target for dog: -12 points")
    assert cells.hover[0][0].endswith("Soft target for cat: +20 points")
    assert list(cells.ticks.values()) == ["−25", "0", "+25"]


def test_no_difference_at_all_is_all_middle() -> None:
    cells = difference_cells(difference(TEACHER, TEACHER), NAMES)
    low, high = cells.span
    assert low == -high < 0
    assert {text for row in cells.shown for text in row} == {"0"}


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
def test_shares_are_short(share: float, text: str) -> None:
    assert short(share) == text
    assert len(text) <= 5
