"""Colours of classes, amounts and differences: the theme's, and words that can be read on them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from tsexplorer.plots.style import (
    CLEAR,
    DARK,
    LIGHT,
    SCALES,
    Palette,
    Scales,
    dressed,
    reads_in_black,
)

CONFIG = Path(__file__).parent.parent.parent / ".streamlit" / "config.toml"
both = pytest.mark.parametrize(("name", "palette"), [("light", LIGHT), ("dark", DARK)])


def theme(name: str) -> dict[str, Any]:
    settings: dict[str, Any] = tomllib.loads(CONFIG.read_text(encoding="utf-8"))["theme"][name]
    return settings


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@both
def test_scales_are_the_themes(name: str, palette: Palette) -> None:
    scales, settings = SCALES[palette], theme(name)
    assert list(scales.categories[:8]) == settings["chartCategoricalColors"]
    assert list(scales.amounts) == settings["chartSequentialColors"]
    assert list(scales.differences) == settings["chartDivergingColors"]


@both
def test_ten_digits_have_a_colour_each_that_is_seen(name: str, palette: Palette) -> None:
    colours = [SCALES[palette].mark(place)[0] for place in range(10)]
    assert len(set(colours)) == 10
    ground = luminance(theme(name)["backgroundColor"])
    for colour in colours[8:]:
        dark, light = sorted((luminance(colour), ground))
        assert (light + 0.05) / (dark + 0.05) >= 3


@both
def test_more_classes_than_colours_are_told_apart_by_symbol(name: str, palette: Palette) -> None:
    marks = [SCALES[palette].mark(place) for place in range(26)]
    assert len(set(marks)) == 26
    assert marks[10][0] == marks[0][0]
    assert marks[10][1] != marks[0][1]


def test_words_are_black_on_light_and_white_on_dark() -> None:
    scale = ("#000000", "#FFFFFF")
    assert reads_in_black(scale, np.array([-1.0, 0, 0.3, 0.6, 1, 2])).tolist() == [
        *[False, False, False],
        *[True, True, True],
    ]
    assert reads_in_black(("#FFFFFF", "#000000"), np.array([0.0, 1])).tolist() == [True, False]
    # Green is far lighter than blue.
    assert reads_in_black(("#0000FF", "#00FF00"), np.array([0.0, 1])).tolist() == [False, True]
    grid = np.zeros((2, 3))
    assert reads_in_black(scale, grid).shape == (2, 3)


@both
@pytest.mark.parametrize("kind", ["amounts", "differences"])
def test_words_can_be_read_on_every_colour(name: str, palette: Palette, kind: str) -> None:
    scale: tuple[str, ...] = getattr(SCALES[palette], kind)
    black = reads_in_black(scale, np.linspace(0, 1, len(scale)))
    for colour, is_black in zip(scale, black, strict=True):
        light = luminance(colour)
        contrast = (light + 0.05) / 0.05 if is_black else 1.05 / (light + 0.05)
        assert contrast >= 4.5


@both
def test_a_figure_is_dressed_in_the_palette_on_a_clear_ground(name: str, palette: Palette) -> None:
    figure = dressed(go.Figure(go.Scatter(x=[1], y=[1])), palette, 321)
    layout = figure.layout
    assert layout.paper_bgcolor == layout.plot_bgcolor == CLEAR
    assert (layout.font.color, layout.height) == (palette.text, 321)
    for axis in (layout.xaxis, layout.yaxis):
        assert (axis.gridcolor, axis.color, axis.automargin) == (palette.grid, palette.muted, True)


def test_scales_are_there_for_each_palette() -> None:
    assert set(SCALES) == {LIGHT, DARK}
    assert all(isinstance(one, Scales) for one in SCALES.values())
