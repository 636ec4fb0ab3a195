"""Calibration and confusions as figures: the numbers are those of the tuples."""

from __future__ import annotations

import math

import numpy as np
import plotly.graph_objects as go
import pytest

from tsexplorer.analysis.quality import Bin, Reliability
from tsexplorer.plots.quality import (
    confusion_difference_figure,
    confusion_figure,
    reliability_figure,
)
from tsexplorer.plots.style import DARK, LIGHT, PLOTLY_SYMBOLS, SCALES, Palette

TEACHER = Reliability(
    (Bin(0, 0.5, 0, None, None), Bin(0.5, 1, 100, 0.9, 1.0)), ece=0.1, overconfidence=-0.1
)
DISTILLED = Reliability(
    (Bin(0, 0.5, 4, 0.4, 0.0), Bin(0.5, 1, 100, 0.8, 0.75)), ece=0.0634, overconfidence=0.06
)
NETS = {"distilled": DISTILLED, "teacher": TEACHER}
NAMES = ("cat", "dog", "eel")
COUNTS = np.array([[1112, 0, 9], [0, 99, 1], [10, 0, 0]])


def words(figure: go.Figure) -> list[list[str]]:
    one, other = (trace.text for trace in figure.data[:2])
    return [[a + b for a, b in zip(*rows, strict=True)] for rows in zip(one, other, strict=True)]


def shown(figure: go.Figure) -> np.ndarray:
    dark, light = (np.array(trace.z, dtype=float) for trace in figure.data[:2])
    return np.where(np.isnan(dark), light, dark)


def hover(figure: go.Figure, row: int, column: int) -> str:
    places = [tuple(pair) for pair in figure.data[-1].customdata]
    text: str = figure.data[-1].hovertext[places.index((row, column))]
    return text


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_reliability_is_a_line_a_net_in_percent(palette: Palette) -> None:
    line, teacher, distilled = reliability_figure(NETS, palette).data
    assert (list(line.x), list(line.y), line.name) == ([0, 100], [0, 100], "Calibrated")
    assert (list(teacher.x), list(teacher.y)) == ([90], [100])  # an empty bin has no mark
    assert (list(distilled.x), list(distilled.y)) == ([40, 80], [0, 75])
    assert (teacher.name, distilled.name) == ("Teacher, ECE 10.00 %", "Distilled, ECE 6.34 %")
    assert [list(row) for row in distilled.customdata] == [[4, 0, 50], [100, 50, 100]]
    for role, trace in (("teacher", teacher), ("distilled", distilled)):
        assert (trace.line.color, trace.marker.symbol) == (palette[role], PLOTLY_SYMBOLS[role])


def test_the_area_of_a_mark_is_its_share_of_the_images() -> None:
    bins = tuple(Bin(0, 1, size, 0.5, 0.5) for size in (1, 25, 100))
    sizes = reliability_figure({"teacher": Reliability(bins, 0, 0)}, LIGHT).data[1].marker.size
    assert list(sizes) == [5.0, 9.0, 18.0]  # a single image can still be seen


def test_reliability_of_no_net_is_the_line_alone() -> None:
    assert [trace.name for trace in reliability_figure({}, LIGHT).data] == ["Calibrated"]


def test_confusions_are_counts_in_logarithmic_colours() -> None:
    figure = confusion_figure(COUNTS, NAMES, LIGHT)
    np.testing.assert_allclose(shown(figure), np.log10(1 + COUNTS))
    assert words(figure) == [["1112", "", "9"], ["", "99", "1"], ["10", "", ""]]
    assert hover(figure, 0, 0) == "True class cat, answer cat<br>1,112 images"
    assert hover(figure, 2, 1) == "True class eel, answer dog<br>0 images"
    axis = figure.layout.coloraxis
    assert (axis.cmin, axis.cmax) == (0, pytest.approx(math.log10(1113)))
    assert list(axis.colorbar.ticktext) == ["0", "1", "10", "100", "1,000"]
    assert list(axis.colorbar.tickvals) == pytest.approx(
        [0, math.log10(2), math.log10(11), math.log10(101), math.log10(1001)]
    )
    assert (figure.layout.yaxis.title.text, figure.layout.xaxis.title.text) == (
        "True class",
        "Answer",
    )


def test_where_answers_went_has_nothing_in_the_middle() -> None:
    change = np.array([[3, -1, -2], [0, 0, 0], [-1200, 0, 1200]])
    figure = confusion_difference_figure(change, NAMES, LIGHT)
    np.testing.assert_array_equal(shown(figure), change)
    assert words(figure) == [["+3", "−1", "−2"], ["", "", ""], ["−1200", "", "+1200"]]
    assert hover(figure, 2, 0) == "True class eel, answer cat<br>−1,200 images"
    axis = figure.layout.coloraxis
    assert (axis.cmin, axis.cmax) == (-1200, 1200)
    assert list(axis.colorbar.ticktext) == ["−1,200", "0", "+1,200"]


def test_nothing_counted_and_nothing_changed_can_be_drawn() -> None:
    none = np.zeros((3, 3), dtype=np.int64)
    for figure in (
        confusion_figure(none, NAMES, LIGHT),
        confusion_difference_figure(none, NAMES, LIGHT),
    ):
        assert figure.layout.coloraxis.cmin < figure.layout.coloraxis.cmax
        assert {text for row in words(figure) for text in row} == {""}


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_colours_are_the_palettes(palette: Palette) -> None:
    counts = confusion_figure(COUNTS, NAMES, palette).layout.coloraxis.colorscale
    change = confusion_difference_figure(COUNTS, NAMES, palette).layout.coloraxis.colorscale
    assert tuple(stop[1] for stop in counts) == SCALES[palette].amounts
    assert tuple(stop[1] for stop in change) == SCALES[palette].differences


def test_class_names_are_a_persons_text() -> None:
    figure = confusion_figure(COUNTS, ("<b>x</b>", "%{y}", "$a$"), LIGHT)
    text = hover(figure, 0, 1).replace("<br>", "") + "".join(figure.layout.xaxis.ticktext)
    assert "&#60;b&#62;x" in text
    assert not set(text) & set("<>%$")
