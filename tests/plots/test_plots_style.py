"""Colours of figures: those of the theme, distinct, and with enough contrast."""

from __future__ import annotations

import html
import tomllib
from pathlib import Path
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsexplorer.plots.style import (
    DARK,
    ECHARTS_LINES,
    ECHARTS_SYMBOLS,
    LIGHT,
    PLOTLY_SYMBOLS,
    SCALES,
    TITLES,
    TRANSPARENT,
    Palette,
    apply_style,
    escape_plotly,
    needs_black_text,
)
from tsexplorer.specs import ROLES

CONFIG = Path(__file__).parent.parent.parent / ".streamlit" / "config.toml"
ThemeName = Literal["light", "dark"]
THEMES: dict[ThemeName, Palette] = {"light": LIGHT, "dark": DARK}

each_theme = pytest.mark.parametrize("name", THEMES)
each_background = pytest.mark.parametrize(
    "background", ["backgroundColor", "secondaryBackgroundColor"]
)


def theme(name: ThemeName) -> dict[str, Any]:
    """The theme's section of Streamlit's settings."""
    section: dict[str, Any] = tomllib.loads(CONFIG.read_text(encoding="utf-8"))["theme"][name]
    return section


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it, 0 for black and 1 for white."""
    shares = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(colour: str, other: str) -> float:
    """Contrast ratio as WCAG 2 defines it, from 1 to 21."""
    dark, light = sorted((luminance(colour), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.005)
    assert contrast("#0072B2", "#0072B2") == 1


# -- roles --------------------------------------------------------------------------------------


@each_theme
@each_background
def test_roles_contrast_with_the_background(name: ThemeName, background: str) -> None:
    for role in ROLES:
        assert contrast(THEMES[name][role], theme(name)[background]) >= 3


@each_theme
@each_background
def test_text_can_be_read(name: ThemeName, background: str) -> None:
    for colour in (THEMES[name].text, THEMES[name].muted):
        assert contrast(colour, theme(name)[background]) >= 4.5


@each_theme
def test_roles_have_the_first_colours_of_the_theme(name: ThemeName) -> None:
    roles = [THEMES[name][role] for role in ROLES]
    assert roles == theme(name)["chartCategoricalColors"][: len(ROLES)]


@each_theme
def test_no_button_or_link_has_the_colour_of_a_role(name: ThemeName) -> None:
    used = {theme(name)["primaryColor"], theme(name)["linkColor"]}
    assert used.isdisjoint(THEMES[name][role] for role in ROLES)


@each_theme
def test_a_palette_gives_colours_by_role(name: ThemeName) -> None:
    palette = THEMES[name]
    colours = [palette[role] for role in ROLES]
    assert colours == [palette.teacher, palette.baseline, palette.distilled]
    assert len(set(colours)) == len(ROLES)


def test_roles_differ_without_colour() -> None:
    for marks in (ECHARTS_SYMBOLS, PLOTLY_SYMBOLS, TITLES):
        assert set(marks) == set(ROLES)
        assert len(set(marks.values())) == len(ROLES)
    lines = [(ECHARTS_LINES[role], ECHARTS_SYMBOLS[role]) for role in ROLES]
    assert len(set(lines)) == len(ROLES)


@each_theme
def test_terms_contrast_and_have_no_colour_of_a_role(name: ThemeName) -> None:
    palette = THEMES[name]
    assert set(palette.terms).isdisjoint(palette[role] for role in ROLES)
    assert len(set(palette.terms)) == len(palette.terms)
    for colour in palette.terms:
        assert contrast(colour, theme(name)["backgroundColor"]) >= 3


# -- scales -------------------------------------------------------------------------------------


def test_each_palette_has_scales() -> None:
    assert set(SCALES) == {LIGHT, DARK}


@each_theme
def test_scales_are_those_of_the_theme(name: ThemeName) -> None:
    scales, section = SCALES[THEMES[name]], theme(name)
    assert list(scales.categories[:8]) == section["chartCategoricalColors"]
    assert list(scales.amounts) == section["chartSequentialColors"]
    assert list(scales.differences) == section["chartDivergingColors"]


@each_theme
def test_ten_classes_have_ten_visible_colours(name: ThemeName) -> None:
    colours = [SCALES[THEMES[name]].mark(index)[0] for index in range(10)]
    assert len(set(colours)) == 10
    for colour in colours[8:]:
        assert contrast(colour, theme(name)["backgroundColor"]) >= 3


@each_theme
def test_more_classes_than_colours_differ_in_symbol(name: ThemeName) -> None:
    marks = [SCALES[THEMES[name]].mark(index) for index in range(26)]
    assert len(set(marks)) == 26
    assert marks[10][0] == marks[0][0]
    assert marks[10][1] != marks[0][1]


def test_text_is_black_on_light_and_white_on_dark_colours() -> None:
    scale = ("#000000", "#FFFFFF")
    assert needs_black_text(scale, np.array([-1.0, 0, 0.3, 0.6, 1, 2])).tolist() == [
        *[False, False, False],
        *[True, True, True],
    ]
    assert needs_black_text(("#FFFFFF", "#000000"), np.array([0.0, 1])).tolist() == [True, False]
    # Green is far lighter than blue.
    assert needs_black_text(("#0000FF", "#00FF00"), np.array([0.0, 1])).tolist() == [False, True]
    assert needs_black_text(scale, np.zeros((2, 3))).shape == (2, 3)


@each_theme
@pytest.mark.parametrize("scale_name", ["amounts", "differences"])
def test_text_can_be_read_on_each_colour(name: ThemeName, scale_name: str) -> None:
    scale: tuple[str, ...] = getattr(SCALES[THEMES[name]], scale_name)
    black = needs_black_text(scale, np.linspace(0, 1, len(scale)))
    for colour, is_black in zip(scale, black, strict=True):
        assert contrast(colour, "#000000" if is_black else "#FFFFFF") >= 4.5


# -- figures ------------------------------------------------------------------------------------


@each_theme
def test_a_figure_has_the_colours_of_the_palette(name: ThemeName) -> None:
    palette = THEMES[name]
    layout = apply_style(go.Figure(go.Scatter(x=[1], y=[1])), palette, 321).layout
    assert layout.paper_bgcolor == layout.plot_bgcolor == TRANSPARENT
    assert (layout.font.color, layout.height) == (palette.text, 321)
    for axis in (layout.xaxis, layout.yaxis):
        assert (axis.gridcolor, axis.color, axis.automargin) == (palette.grid, palette.muted, True)


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=30))
def test_escaped_text_is_shown_as_it_was_typed(text: str) -> None:
    escaped = escape_plotly(text)
    assert not set(escaped) & set("<>%$")
    assert escaped.count("&") == sum(text.count(letter) for letter in "&<>%$")
    unescaped = escaped
    for letter in "<>%$&":
        unescaped = unescaped.replace(f"&#{ord(letter)};", letter)
    assert unescaped == text


def test_escaped_markup_is_shown_as_it_was_typed() -> None:
    markup = "<b>x</b> %{y} &amp; $a$ <a href='https://example.org'>l</a> %{x:.3f}"
    assert html.unescape(escape_plotly(markup)) == markup
    plain = "mlp-64 from wu-cnn, T 4, λ 0.5 #3fa2"
    assert escape_plotly(plain) == plain
