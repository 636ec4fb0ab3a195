"""Role colours: seen on their backgrounds, and the ones that the theme states."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

import pytest

from tsexplorer.plots.style import (
    DARK,
    ECHARTS_LINES,
    ECHARTS_SYMBOLS,
    LIGHT,
    PLOTLY_SYMBOLS,
    TITLES,
    Palette,
)
from tsexplorer.specs import ROLES

CONFIG = Path(__file__).parent.parent.parent / ".streamlit" / "config.toml"
BACKGROUNDS = ("backgroundColor", "secondaryBackgroundColor")
both = pytest.mark.parametrize(("name", "palette"), [("light", LIGHT), ("dark", DARK)])
Name = Literal["light", "dark"]


def theme(name: Name) -> dict[str, Any]:
    settings: dict[str, Any] = tomllib.loads(CONFIG.read_text(encoding="utf-8"))["theme"][name]
    return settings


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it, 0 for black and 1 for white."""
    shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """WCAG 2's contrast ratio, from 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_wcags() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.005)
    assert contrast("#0072B2", "#0072B2") == 1


@both
@pytest.mark.parametrize("background", BACKGROUNDS)
def test_roles_stand_out_from_the_background(name: Name, palette: Palette, background: str) -> None:
    for role in ROLES:
        assert contrast(palette[role], theme(name)[background]) >= 3


@both
@pytest.mark.parametrize("background", BACKGROUNDS)
def test_words_can_be_read(name: Name, palette: Palette, background: str) -> None:
    for colour in (palette.text, palette.muted):
        assert contrast(colour, theme(name)[background]) >= 4.5


@both
def test_figures_have_the_roles_colours_of_the_theme(name: Name, palette: Palette) -> None:
    roles = [palette[role] for role in ROLES]
    assert roles == theme(name)["chartCategoricalColors"][: len(ROLES)]


@both
def test_no_button_or_link_wears_a_roles_colour(name: Name, palette: Palette) -> None:
    worn = {theme(name)["primaryColor"], theme(name)["linkColor"]}
    assert worn.isdisjoint(palette[role] for role in ROLES)


@both
def test_roles_are_found_by_name(name: Name, palette: Palette) -> None:
    assert [palette[role] for role in ROLES] == [
        palette.teacher,
        palette.baseline,
        palette.distilled,
    ]
    assert len({palette[role] for role in ROLES}) == len(ROLES)


def test_roles_are_told_apart_without_colour() -> None:
    for marks in (ECHARTS_SYMBOLS, PLOTLY_SYMBOLS, TITLES):
        assert set(marks) == set(ROLES)
        assert len(set(marks.values())) == len(ROLES)
    ways = [(ECHARTS_LINES[role], ECHARTS_SYMBOLS[role]) for role in ROLES]
    assert len(set(ways)) == len(ROLES)
