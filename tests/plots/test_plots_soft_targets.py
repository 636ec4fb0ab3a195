"""Mean soft targets as figures: percent, colours and words of the matrix that is shown."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from tsexplorer.analysis.class_matrix import ClassMatrix, difference, without_diagonal
from tsexplorer.plots.palette import DARK, LIGHT, Palette
from tsexplorer.plots.scales import SCALES
from tsexplorer.plots.soft_targets import (
    FLOOR,
    Span,
    difference_figure,
    matrix_figure,
    short,
    span,
)

NAMES = ("cat", "dog", "eel")
TEACHER = ClassMatrix(
    np.array([[0.9, 0.08, 0.02], [0.001, 0.8, 0.199], [0.0, 0.5, 0.5]]),
    np.array([1200, 900, 5]),
    4.0,
)
STUDENT = replace(TEACHER, values_CC=np.array([[0.7, 0.2, 0.1], [0, 0.8, 0.2], [0.25, 0.5, 0.25]]))


def shown(figure: go.Figure) -> np.ndarray:
    dark, light = (np.array(trace.z, dtype=float) for trace in figure.data[:2])
    return np.where(np.isnan(dark), light, dark)


def words(figure: go.Figure) -> list[list[str]]:
    one, other = (trace.text for trace in figure.data[:2])
    return [[a + b for a, b in zip(*rows, strict=True)] for rows in zip(one, other, strict=True)]


def ends(figure: go.Figure) -> tuple[float, float]:
    return figure.layout.coloraxis.cmin, figure.layout.coloraxis.cmax


def hover(figure: go.Figure, row: int, column: int) -> str:
    points = figure.data[-1]
    places = [tuple(pair) for pair in points.customdata]
    text: str = points.hovertext[places.index((row, column))]
    return text


def test_a_matrix_is_shown_in_percent() -> None:
    figure = matrix_figure(TEACHER, NAMES, LIGHT)
    np.testing.assert_allclose(shown(figure), 100 * TEACHER.values_CC)
    assert words(figure) == [["90", "8.0", "2.0"], ["0.10", "80", "20"], ["0", "50", "50"]]
    assert ends(figure) == (0, 90)
    bar = figure.layout.coloraxis.colorbar
    assert list(bar.tickvals) == pytest.approx([0, 22.5, 45, 67.5, 90])
    assert list(bar.ticktext) == ["0", "22", "45", "68", "90"]
    assert figure.layout.yaxis.title.text == "True class"
    assert figure.layout.xaxis.title.text == "Soft target for"


def test_hover_says_all_of_it() -> None:
    figure = matrix_figure(TEACHER, NAMES, LIGHT, order=(2, 0, 1))
    assert hover(figure, 0, 1) == "True class cat (1,200 images)<br>Soft target for dog: 8 %"
    assert hover(figure, 1, 2) == "True class dog (900 images)<br>Soft target for eel: 19.9 %"


def test_without_the_diagonal_colours_end_at_what_is_left() -> None:
    figure = matrix_figure(without_diagonal(TEACHER), NAMES, LIGHT)
    assert ends(figure) == (0, 50)
    assert np.isnan(np.diag(shown(figure))).all()
    assert [words(figure)[place][place] for place in range(3)] == ["", "", ""]
    assert len(figure.data[-1].x) == 6


def test_logarithmic_colours_run_over_powers_of_ten() -> None:
    figure = matrix_figure(TEACHER, NAMES, LIGHT, log=True)
    expected = np.log10(np.maximum(TEACHER.values_CC, FLOOR))
    np.testing.assert_allclose(shown(figure), expected)
    assert ends(figure) == (-5, pytest.approx(math.log10(0.9)))
    bar = figure.layout.coloraxis.colorbar
    assert list(bar.tickvals) == [-5, -4, -3, -2, -1]
    assert list(bar.ticktext) == ["0.001", "0.01", "0.1", "1", "10"]
    assert words(figure) == words(matrix_figure(TEACHER, NAMES, LIGHT))


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
    figure = matrix_figure(matrix, NAMES[: len(matrix.values_CC)], LIGHT, log=True)
    assert ends(figure) == pytest.approx((low, high))
    assert len(figure.layout.coloraxis.colorbar.tickvals) >= 2


def test_matrices_side_by_side_have_the_same_colours() -> None:
    both = span(without_diagonal(TEACHER), without_diagonal(STUDENT))
    assert both == Span(FLOOR, 0.5)
    assert span(STUDENT) == Span(FLOOR, 0.8)
    assert span(TEACHER, STUDENT) == Span(FLOOR, 0.9)
    for log in (True, False):
        figures = [
            matrix_figure(one, NAMES, LIGHT, ends=both, log=log) for one in (TEACHER, STUDENT)
        ]
        assert ends(figures[0]) == ends(figures[1])
        assert figures[0].layout.coloraxis == figures[1].layout.coloraxis


@pytest.mark.parametrize("value", [0.0, np.nan, 1e-9])
def test_nothing_to_see_has_colours_all_the_same(value: float) -> None:
    matrix = replace(TEACHER, values_CC=np.full((3, 3), value))
    low, high = ends(matrix_figure(matrix, NAMES, LIGHT))
    assert low < high


def test_a_difference_has_nothing_in_the_middle() -> None:
    figure = difference_figure(difference(TEACHER, STUDENT), NAMES, LIGHT)
    assert ends(figure) == pytest.approx((-25, 25))
    expected = [["+20", "−12", "−8.0"], ["+.10", "0", "−.10"], ["−25", "0", "+25"]]
    assert words(figure) == expected
    assert hover(figure, 0, 1).endswith("Soft target for dog: -12 points")
    assert hover(figure, 0, 0).endswith("Soft target for cat: +20 points")
    assert list(figure.layout.coloraxis.colorbar.ticktext) == ["−25", "0", "+25"]


def test_no_difference_at_all_is_all_middle() -> None:
    figure = difference_figure(difference(TEACHER, TEACHER), NAMES, LIGHT)
    low, high = ends(figure)
    assert low == -high < 0
    assert {text for row in words(figure) for text in row} == {"0"}


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_colours_are_the_palettes(palette: Palette) -> None:
    amounts = matrix_figure(TEACHER, NAMES, palette).layout.coloraxis.colorscale
    differences = difference_figure(TEACHER, NAMES, palette).layout.coloraxis.colorscale
    assert tuple(stop[1] for stop in amounts) == SCALES[palette].amounts
    assert tuple(stop[1] for stop in differences) == SCALES[palette].differences


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


def test_class_names_are_a_persons_text() -> None:
    hostile = ("<b>x</b>", "%{y}", "$a$")
    for figure in (
        matrix_figure(TEACHER, hostile, LIGHT),
        difference_figure(TEACHER, hostile, LIGHT),
    ):
        text = hover(figure, 0, 1) + hover(figure, 2, 0)
        own = text.replace("<br>", "").replace(" %", "")
        assert "&#60;b&#62;x" in own
        assert not set(own) & set("<>%$")
