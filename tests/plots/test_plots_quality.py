"""Reliability diagrams and confusion matrices: their numbers, texts and colours."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from tsexplorer.analysis.quality import Reliability, ReliabilityBin
from tsexplorer.plots.quality import (
    CellColours,
    CellTexts,
    confusion_difference_figure,
    confusion_figure,
    matrix_figure,
    reliability_figure,
)
from tsexplorer.plots.style import DARK, LIGHT, PLOTLY_SYMBOLS, SCALES, Palette

TEACHER = Reliability(
    (ReliabilityBin(0, 0.5, 0, None, None), ReliabilityBin(0.5, 1, 100, 0.9, 1.0)),
    ece=0.1,
    overconfidence=-0.1,
)
DISTILLED = Reliability(
    (ReliabilityBin(0, 0.5, 4, 0.4, 0.0), ReliabilityBin(0.5, 1, 100, 0.8, 0.75)),
    ece=0.0634,
    overconfidence=0.06,
)
NETS = {"distilled": DISTILLED, "teacher": TEACHER}
NAMES = ("cat", "dog", "eel")
COUNTS = np.array([[1112, 0, 9], [0, 99, 1], [10, 0, 0]])
MARKUP_NAMES = ("<b>x</b>", "%{y}", "$a$")

VALUES = np.array([[9.0, 1, 2], [3, np.nan, 4], [5, 6, 7]])
BLACK_TO_WHITE = ("#000000", "#FFFFFF")
COLOURS = CellColours(VALUES, (0.0, 10.0), BLACK_TO_WHITE, {0.0: "none", 10.0: "all"}, "Title")
SHOWN = [["aa", "ab", "ac"], ["ba", "bb", "bc"], ["ca", "cb", "cc"]]
TEXTS = CellTexts(SHOWN, [[f"hover {text}" for text in row] for row in SHOWN])


def heatmaps(figure: go.Figure) -> list[dict[str, Any]]:
    return [trace.to_plotly_json() for trace in figure.data if trace.type == "heatmap"]


def drawn_texts(figure: go.Figure) -> list[list[str]]:
    black, white = (trace.text for trace in figure.data[:2])
    return [[a + b for a, b in zip(*rows, strict=True)] for rows in zip(black, white, strict=True)]


def drawn_values(figure: go.Figure) -> np.ndarray:
    """The values of both heat maps: each cell is in one of them."""
    black, white = (np.array(heatmap["z"], dtype=float) for heatmap in heatmaps(figure))
    assert not (~np.isnan(black) & ~np.isnan(white)).any()
    return np.where(np.isnan(black), white, black)


def hover(figure: go.Figure, row: int, column: int) -> str:
    cells = [tuple(pair) for pair in figure.data[-1].customdata]
    text: str = figure.data[-1].hovertext[cells.index((row, column))]
    return text


# -- reliability --------------------------------------------------------------------------------


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_reliability_is_a_line_for_each_net_in_percent(palette: Palette) -> None:
    line, teacher, distilled = reliability_figure(NETS, palette).data
    assert (list(line.x), list(line.y), line.name) == ([0, 100], [0, 100], "Calibrated")
    assert (list(teacher.x), list(teacher.y)) == ([90], [100])  # an empty bin has no marker
    assert (list(distilled.x), list(distilled.y)) == ([40, 80], [0, 75])
    assert (teacher.name, distilled.name) == ("Teacher, ECE 10.00 %", "Distilled, ECE 6.34 %")
    assert [list(row) for row in distilled.customdata] == [[4, 0, 50], [100, 50, 100]]
    for role, trace in (("teacher", teacher), ("distilled", distilled)):
        assert (trace.line.color, trace.marker.symbol) == (palette[role], PLOTLY_SYMBOLS[role])


def test_the_area_of_a_marker_is_its_share_of_the_images() -> None:
    bins = tuple(ReliabilityBin(0, 1, size, 0.5, 0.5) for size in (1, 25, 100))
    sizes = reliability_figure({"teacher": Reliability(bins, 0, 0)}, LIGHT).data[1].marker.size
    assert list(sizes) == [5.0, 9.0, 18.0]  # a single image is still visible


def test_reliability_without_nets_is_the_diagonal() -> None:
    assert [trace.name for trace in reliability_figure({}, LIGHT).data] == ["Calibrated"]


# -- confusion matrices -------------------------------------------------------------------------


def test_confusions_are_counts_in_logarithmic_colours() -> None:
    figure = confusion_figure(COUNTS, NAMES, LIGHT)
    np.testing.assert_allclose(drawn_values(figure), np.log10(1 + COUNTS))
    assert drawn_texts(figure) == [["1112", "", "9"], ["", "99", "1"], ["10", "", ""]]
    assert hover(figure, 0, 0) == "True class cat, answer cat<br>1,112 images"
    assert hover(figure, 2, 1) == "True class eel, answer dog<br>0 images"
    axis = figure.layout.coloraxis
    assert (axis.cmin, axis.cmax) == (0, pytest.approx(math.log10(1113)))
    assert list(axis.colorbar.ticktext) == ["0", "1", "10", "100", "1,000"]
    assert list(axis.colorbar.tickvals) == pytest.approx(
        [0, math.log10(2), math.log10(11), math.log10(101), math.log10(1001)]
    )


def test_confusion_differences_have_zero_in_the_middle() -> None:
    change = np.array([[3, -1, -2], [0, 0, 0], [-1200, 0, 1200]])
    figure = confusion_difference_figure(change, NAMES, LIGHT)
    np.testing.assert_array_equal(drawn_values(figure), change)
    assert drawn_texts(figure) == [["+3", "−1", "−2"], ["", "", ""], ["−1200", "", "+1200"]]
    assert hover(figure, 2, 0) == "True class eel, answer cat<br>−1,200 images"
    axis = figure.layout.coloraxis
    assert (axis.cmin, axis.cmax) == (-1200, 1200)
    assert list(axis.colorbar.ticktext) == ["−1,200", "0", "+1,200"]


def test_zero_counts_can_be_drawn() -> None:
    zeros = np.zeros((3, 3), dtype=np.int64)
    for figure in (
        confusion_figure(zeros, NAMES, LIGHT),
        confusion_difference_figure(zeros, NAMES, LIGHT),
    ):
        assert figure.layout.coloraxis.cmin < figure.layout.coloraxis.cmax
        assert {text for row in drawn_texts(figure) for text in row} == {""}


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_confusions_have_the_scales_of_the_palette(palette: Palette) -> None:
    counts = confusion_figure(COUNTS, NAMES, palette).layout.coloraxis.colorscale
    change = confusion_difference_figure(COUNTS, NAMES, palette).layout.coloraxis.colorscale
    assert tuple(stop[1] for stop in counts) == SCALES[palette].amounts
    assert tuple(stop[1] for stop in change) == SCALES[palette].differences


def test_class_names_are_escaped() -> None:
    figure = confusion_figure(COUNTS, MARKUP_NAMES, LIGHT)
    text = hover(figure, 0, 1).replace("<br>", "") + "".join(figure.layout.xaxis.ticktext)
    assert "&#60;b&#62;x" in text
    assert not set(text) & set("<>%$")


@pytest.mark.parametrize("count", [40, 200])
def test_of_many_classes_the_most_confused_are_drawn(count: int) -> None:
    counts = 50 * np.eye(count, dtype=np.int64)
    counts[7, 30] = 9
    names = [f"a class with a long name, {label}" for label in range(count)]
    for figure in (
        confusion_figure(counts, names, LIGHT),
        confusion_difference_figure(counts, names, LIGHT),
    ):
        labels = figure.layout.xaxis.ticktext
        assert len(labels) == len(set(labels)) == 20
        assert all(len(label) <= 16 for label in labels)
        assert f"20 of {count} classes" in figure.layout.annotations[0].text
        assert any("name, 7, answer" in text for text in figure.data[-1].hovertext)
    some = confusion_figure(counts, names, LIGHT, [7, 30, 39])
    np.testing.assert_allclose(drawn_values(some)[0, 1], np.log10(10))


# -- drawing a matrix ---------------------------------------------------------------------------


def test_rows_are_true_classes_from_top_to_bottom() -> None:
    figure = matrix_figure(NAMES, COLOURS, TEXTS, LIGHT)
    np.testing.assert_array_equal(drawn_values(figure), VALUES)
    rows, columns = figure.layout.yaxis, figure.layout.xaxis
    assert (tuple(columns.range), tuple(rows.range)) == ((-0.5, 2.5), (2.5, -0.5))
    assert (rows.title.text, columns.title.text) == ("True class", "Answer")
    for axis in (rows, columns):
        assert tuple(axis.ticktext) == NAMES
        assert list(axis.tickvals) == [0, 1, 2]


def test_a_click_gives_row_and_column() -> None:
    markers = matrix_figure(NAMES, COLOURS, TEXTS, LIGHT).data[-1]
    assert len(markers.x) == 8  # a cell without a value has no marker
    for x, y, cell, text in zip(
        markers.x, markers.y, markers.customdata, markers.hovertext, strict=True
    ):
        assert tuple(cell) == (y, x)
        assert text == TEXTS.hover[y][x]
        assert (y, x) != (1, 1)


def test_only_the_selected_marker_is_visible() -> None:
    figure = matrix_figure(NAMES, COLOURS, TEXTS, LIGHT)
    markers = figure.data[-1]
    assert markers.marker.opacity == markers.unselected.marker.opacity == 0
    assert markers.selected.marker.opacity == 1
    assert figure.layout.hoverdistance == -1
    assert {trace.hoverinfo for trace in figure.data[:-1]} == {"skip"}


def test_texts_are_black_on_light_and_white_on_dark_cells() -> None:
    text_colours = {}
    for heatmap in heatmaps(matrix_figure(NAMES, COLOURS, TEXTS, LIGHT)):
        assert heatmap["texttemplate"] == "%{text}"
        for row, texts in enumerate(heatmap["text"]):
            for column, text in enumerate(texts):
                if text:
                    assert text == SHOWN[row][column]
                    assert text not in text_colours
                    text_colours[text] = heatmap["textfont"]["color"]
    # From black to white, both have the same contrast at a share of 0.46.
    black = {text for text, colour in text_colours.items() if colour == "#000000"}
    white = {text for text, colour in text_colours.items() if colour == "#FFFFFF"}
    assert black == {"aa", "ca", "cb", "cc"}
    assert white >= {"ab", "ac", "ba", "bc"}


def test_many_classes_have_no_texts_in_their_cells() -> None:
    size = 11
    names = [str(number) for number in range(size)]
    texts = CellTexts(*[[["0"] * size] * size] * 2)
    colours = CellColours(np.zeros((size, size)), (0.0, 1.0), BLACK_TO_WHITE, {}, "Title")
    figure = matrix_figure(names, colours, texts, LIGHT)
    assert [heatmap.get("texttemplate") for heatmap in heatmaps(figure)] == [None, None]
    assert len(figure.data[-1].x) == size * size
    assert figure.layout.height == 420


def test_the_colour_bar_has_limits_ticks_and_title() -> None:
    figure = matrix_figure(NAMES, COLOURS, TEXTS, LIGHT)
    axis = figure.layout.coloraxis
    assert (axis.cmin, axis.cmax) == (0, 10)
    assert tuple(stop[1] for stop in axis.colorscale) == BLACK_TO_WHITE
    assert list(axis.colorbar.tickvals) == [0, 10]
    assert list(axis.colorbar.ticktext) == ["none", "all"]
    assert [note.text for note in figure.layout.annotations] == ["Title"]
    assert {heatmap["coloraxis"] for heatmap in heatmaps(figure)} == {"coloraxis"}


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_a_matrix_has_the_text_colours_of_the_palette(palette: Palette) -> None:
    figure = matrix_figure(NAMES, COLOURS, TEXTS, palette)
    assert figure.layout.font.color == figure.data[-1].marker.color == palette.text
    assert figure.layout.annotations[0].font.color == palette.muted
