"""Features in two dimensions as a figure: each image once, under its class."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tsexplorer.plots.palette import DARK, LIGHT, Palette
from tsexplorer.plots.projection import MANY, Cloud, projection_figure
from tsexplorer.plots.scales import SCALES

NAMES = ("cat", "dog", "eel")
CLOUD = Cloud(
    points_N2=np.array([[0.0, 1], [2, 3], [4, 9], [6, 5]]),
    places_N=np.array([10, 11, 17, 30]),
    labels_N=np.array([2, 0, 2, 2]),
    shares=(0.246, 0.051),
)


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_a_point_an_image_under_its_class(palette: Palette) -> None:
    cat, eel = projection_figure(CLOUD, NAMES, palette).data
    assert (cat.name, list(cat.x), list(cat.y)) == ("cat", [2], [3])
    assert (eel.name, list(eel.x), list(eel.y)) == ("eel", [0, 4, 6], [1, 9, 5])
    assert np.array(cat.customdata).tolist() == [[11]]
    assert np.array(eel.customdata).tolist() == [[10], [17], [30]]
    # A class keeps its colour where another has no image.
    assert (cat.marker.color, cat.marker.symbol) == SCALES[palette].mark(0)
    assert (eel.marker.color, eel.marker.symbol) == SCALES[palette].mark(2)


def test_a_class_is_named_at_the_median_of_its_points() -> None:
    notes = projection_figure(CLOUD, NAMES, LIGHT).layout.annotations
    assert [(note.text, note.x, note.y) for note in notes] == [
        ("<b>cat</b>", 2, 3),
        ("<b>eel</b>", 4, 5),
    ]
    assert not any(note.showarrow for note in notes)


def test_axes_say_what_they_show() -> None:
    layout = projection_figure(CLOUD, NAMES, LIGHT).layout
    assert layout.xaxis.title.text == "Component 1 (25 % of variance)"
    assert layout.yaxis.title.text == "Component 2 (5 % of variance)"
    assert layout.xaxis.showticklabels is True


def test_axes_that_mean_nothing_say_nothing() -> None:
    layout = projection_figure(replace(CLOUD, shares=None), NAMES, LIGHT).layout
    assert layout.xaxis.title.text is layout.yaxis.title.text is None
    assert layout.xaxis.showticklabels is layout.yaxis.showticklabels is False


@pytest.mark.parametrize(("size", "kind"), [(MANY - 1, "scatter"), (MANY, "scattergl")])
def test_many_points_are_drawn_by_the_graphics_card(size: int, kind: str) -> None:
    cloud = Cloud(np.zeros((size, 2)), np.arange(size), np.zeros(size, int))
    figure = projection_figure(cloud, NAMES, LIGHT)
    assert [trace.type for trace in figure.data] == [kind]
    assert len(figure.data[0].x) == size


def test_class_names_are_a_persons_text() -> None:
    figure = projection_figure(CLOUD, ("<b>x</b>", "", "%{x} $a$"), LIGHT)
    assert figure.data[0].name == "&#60;b&#62;x&#60;/b&#62;"
    assert figure.data[1].hovertemplate.startswith("&#37;{x} &#36;a&#36;, image %{customdata[0]}")
    assert figure.layout.annotations[0].text == "<b>&#60;b&#62;x&#60;/b&#62;</b>"
