"""Cells of a class matrix: what is drawn where, said of it, and given by a click."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from tsexplorer.plots.cells import Axes, Colours, Words, cells_figure
from tsexplorer.plots.style import DARK, LIGHT, Palette

NAMES = ("cat", "dog", "eel")
VALUES = np.array([[9.0, 1, 2], [3, np.nan, 4], [5, 6, 7]])
SHOWN = [["aa", "ab", "ac"], ["ba", "bb", "bc"], ["ca", "cb", "cc"]]
HOVER = [[f"hover {text}" for text in row] for row in SHOWN]
COLOURS = Colours(VALUES, (0.0, 10.0), ("#000000", "#FFFFFF"), {0.0: "none", 10.0: "all"}, "Title")
WORDS = Words(SHOWN, HOVER)
ORDER = (2, 0, 1)


def made(order: tuple[int, ...] = (), palette: Palette = LIGHT) -> go.Figure:
    return cells_figure(Axes(NAMES, "Rows", "Columns", order), COLOURS, WORDS, palette)


def maps(figure: go.Figure) -> list[dict[str, Any]]:
    return [trace.to_plotly_json() for trace in figure.data if trace.type == "heatmap"]


def together(figure: go.Figure) -> np.ndarray:
    """What both heat maps show: each cell has its value in one of them."""
    dark, light = (np.array(one["z"], dtype=float) for one in maps(figure))
    assert not (~np.isnan(dark) & ~np.isnan(light)).any()
    return np.where(np.isnan(dark), light, dark)


@pytest.mark.parametrize("order", [(), ORDER])
def test_cells_stand_in_order(order: tuple[int, ...]) -> None:
    figure, places = made(order), list(order or (0, 1, 2))
    np.testing.assert_array_equal(together(figure), VALUES[np.ix_(places, places)])
    for axis in (figure.layout.xaxis, figure.layout.yaxis):
        assert list(axis.ticktext) == [NAMES[number] for number in places]
        assert list(axis.tickvals) == [0, 1, 2]


def test_rows_run_down_and_columns_to_the_right() -> None:
    layout = made().layout
    assert (tuple(layout.xaxis.range), tuple(layout.yaxis.range)) == ((-0.5, 2.5), (2.5, -0.5))
    assert (layout.yaxis.title.text, layout.xaxis.title.text) == ("Rows", "Columns")


@pytest.mark.parametrize("order", [(), ORDER])
def test_a_click_gives_class_numbers_in_any_order(order: tuple[int, ...]) -> None:
    figure, places = made(order), order or (0, 1, 2)
    points = figure.data[-1]
    assert len(points.x) == 8  # there is no cell where there is no value
    for x, y, (row, column), hover in zip(
        points.x, points.y, points.customdata, points.hovertext, strict=True
    ):
        assert (places[y], places[x]) == (row, column)
        assert hover == HOVER[row][column]
        assert (row, column) != (1, 1)


def test_a_marker_is_seen_where_a_cell_is_selected_alone() -> None:
    points = made().data[-1]
    assert points.marker.opacity == points.unselected.marker.opacity == 0
    assert points.selected.marker.opacity == 1
    assert made().layout.hoverdistance == -1
    assert {trace.hoverinfo for trace in made().data[:-1]} == {"skip"}


@pytest.mark.parametrize("order", [(), ORDER])
def test_words_are_in_their_cells_black_on_light_and_white_on_dark(order: tuple[int, ...]) -> None:
    places = list(order or (0, 1, 2))
    found = {}
    for trace in maps(made(order)):
        assert trace["texttemplate"] == "%{text}"
        for y, row in enumerate(trace["text"]):
            for x, text in enumerate(row):
                if text:
                    assert text == SHOWN[places[y]][places[x]]
                    assert text not in found
                    found[text] = trace["textfont"]["color"]
    # Black to white: the luminance is that on which both are read alike at a share of 0.46.
    light = {"aa", "ca", "cb", "cc"}
    assert {text for text, ink in found.items() if ink == "#000000"} == light
    assert {text for text, ink in found.items() if ink == "#FFFFFF"} >= {"ab", "ac", "ba", "bc"}


def test_many_classes_have_no_words_in_their_cells() -> None:
    size = 11
    names = [str(number) for number in range(size)]
    texts = [["0"] * size] * size
    colours = Colours(np.zeros((size, size)), (0.0, 1.0), ("#000000", "#FFFFFF"), {}, "Title")
    figure = cells_figure(Axes(names, "R", "C"), colours, Words(texts, texts), LIGHT)
    assert [trace.get("texttemplate") for trace in maps(figure)] == [None, None]
    assert len(figure.data[-1].x) == size * size
    assert figure.layout.height == 420


def test_a_colour_bar_says_what_colours_mean() -> None:
    axis = made().layout.coloraxis
    assert (axis.cmin, axis.cmax) == (0, 10)
    assert [stop[1] for stop in axis.colorscale] == ["#000000", "#FFFFFF"]
    assert (list(axis.colorbar.tickvals), list(axis.colorbar.ticktext)) == (
        [0, 10],
        ["none", "all"],
    )
    assert [note.text for note in made().layout.annotations] == ["Title"]
    assert {trace["coloraxis"] for trace in maps(made())} == {"coloraxis"}


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_figures_have_the_palettes_colours(palette: Palette) -> None:
    figure = made(palette=palette)
    assert figure.layout.font.color == figure.data[-1].marker.color == palette.text
    assert figure.layout.annotations[0].font.color == palette.muted


def test_names_are_a_persons_text() -> None:
    axes = Axes(("<b>x</b>", "%{y}", "$a$"), "Rows", "Columns")
    ticks = cells_figure(axes, COLOURS, WORDS, LIGHT).layout.xaxis.ticktext
    assert not set("".join(ticks)) & set("<>%$")
