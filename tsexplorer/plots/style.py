"""One colour each for teacher, baseline and distilled, everywhere, on light and dark.

Taken from Okabe and Ito's set, which people with colour-blindness tell apart; each has a dash
and a symbol of its own besides, so that no line is told by colour alone.

Colours of the theme for what is no role: classes, amounts, differences; and a figure's dress.

The same colours as in ``.streamlit/config.toml`` (a test holds them together), so that a figure
that is downloaded looks like the one on the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from tsexplorer.analysis.soft_targets import Floats
from tsexplorer.specs import Role

TITLES: dict[Role, str] = {
    "teacher": "Teacher",
    "baseline": "Baseline",
    "distilled": "Distilled",
}
ECHARTS_SYMBOLS: dict[Role, str] = {"teacher": "rect", "baseline": "circle", "distilled": "diamond"}
ECHARTS_LINES: dict[Role, str] = {"teacher": "solid", "baseline": "dashed", "distilled": "solid"}
PLOTLY_SYMBOLS: dict[Role, str] = {
    "teacher": "square",
    "baseline": "circle",
    "distilled": "diamond",
}


@dataclass(frozen=True)
class Palette:
    """Colours on one background, as CSS hex.

    Attributes:
        terms: of what is no role, in order; the last is like text.
    """

    teacher: str
    baseline: str
    distilled: str
    text: str
    muted: str
    grid: str
    terms: tuple[str, ...]

    def __getitem__(self, role: Role) -> str:
        """The role's colour."""
        colour: str = getattr(self, role)
        return colour


LIGHT = Palette(
    "#0072B2",
    "#6B6B6B",
    "#C44E00",
    "#1F2328",
    "#59636E",
    "#E3E6EA",
    ("#00795B", "#A8497F", "#8A6D00", "#1F2328"),
)
DARK = Palette(
    "#56B4E9",
    "#B0B0B0",
    "#FF9248",
    "#E8EAED",
    "#A4ADB8",
    "#33383F",
    ("#2FC79B", "#E29AC6", "#E0CE4A", "#E8EAED"),
)


CLEAR = "rgba(0,0,0,0)"
BLACK, WHITE = "#000000", "#FFFFFF"
SYMBOLS = ("circle", "diamond", "square", "triangle-up")
EVEN = 0.179
"""Luminance on which black and white are read equally well, at a contrast of 4.6."""


@dataclass(frozen=True)
class Scales:
    """Colours on one background, as CSS hex.

    Attributes:
        categories: told apart from each other; the first three are the roles', and behind the
            theme's eight there are two more, so that ten digits have a colour each.
        amounts: from little to much.
        differences: from negative over nothing to positive.
    """

    categories: tuple[str, ...]
    amounts: tuple[str, ...]
    differences: tuple[str, ...]

    def mark(self, place: int) -> tuple[str, str]:
        """Colour and symbol of a class; where the colours are used up, the symbol changes."""
        lap, colour = divmod(place, len(self.categories))
        return self.categories[colour], SYMBOLS[lap % len(SYMBOLS)]


SCALES: dict[Palette, Scales] = {
    LIGHT: Scales(
        categories=(
            *("#0072B2", "#6B6B6B", "#C44E00", "#009E73"),
            *("#CC79A7", "#8A6D00", "#2F8FC9", "#5B4B8A"),
            *("#A3123A", "#1B262C"),
        ),
        amounts=(
            *("#EEF6F5", "#D3E8E5", "#B4D9D4", "#92C8C1", "#6EB5AD"),
            *("#4BA097", "#2C8980", "#15726A", "#0A5A53", "#06423D"),
        ),
        differences=(
            *("#7F3800", "#A84A00", "#D55E00", "#EC9A5E", "#F7D3B8"),
            *("#BFDDF0", "#6FB3DC", "#0072B2", "#005687", "#003A5C"),
        ),
    ),
    DARK: Scales(
        categories=(
            *("#56B4E9", "#B0B0B0", "#FF9248", "#2CC295"),
            *("#E09CC3", "#E6C65A", "#8FCBF0", "#B3A4E0"),
            *("#F2637E", "#F4F7F8"),
        ),
        amounts=(
            *("#12302D", "#174541", "#1C5B55", "#23726B", "#2C8980"),
            *("#3FA096", "#5FB6AD", "#86CBC3", "#B0DFDA", "#DCF2EF"),
        ),
        differences=(
            *("#FFB885", "#FF8A3D", "#D26A22", "#94501F", "#4D3324"),
            *("#213A4A", "#2A6388", "#3A8DC0", "#56B4E9", "#A3D6F4"),
        ),
    ),
}


def reads_in_black(scale: Sequence[str], shares: Floats) -> NDArray[np.bool_]:
    """Where on a colour scale black words are read better than white ones.

    Args:
        scale: colours, evenly spaced.
        shares: places on it, 0...1; what is beyond takes the end's colour.
    """
    channels = _channels(scale, shares)
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ [0.2126, 0.7152, 0.0722] > EVEN)


def mixed(scale: Sequence[str], shares: Floats) -> list[list[str]]:
    """Colours on a scale, as CSS hex; for arguments see :func:`reads_in_black`.

    >>> mixed(("#000000", "#FF8000"), np.array([[0.0, 0.5], [1.0, 2.0]]))
    [['#000000', '#804000'], ['#ff8000', '#ff8000']]
    """
    levels = np.rint(255 * np.nan_to_num(_channels(scale, shares))).astype(int)
    return [["#{:02x}{:02x}{:02x}".format(*colour) for colour in row] for row in levels.tolist()]


def _channels(scale: Sequence[str], shares: Floats) -> Floats:
    """Red, green and blue, shares of 1, behind the last axis of ``shares``."""
    stops = np.array([[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in scale]) / 255
    at = np.linspace(0, 1, len(scale))
    return np.stack([np.interp(shares, at, channel) for channel in stops.T], axis=-1)


def dressed(figure: go.Figure, palette: Palette, height: int) -> go.Figure:
    """Give a figure the palette's words and grid, a clear ground, and margins that fit a phone."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 16, "t": 48, "b": 8},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
        font={"color": palette.text},
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
        hoverlabel={"namelength": -1},
    )
    axis = {
        "gridcolor": palette.grid,
        "color": palette.muted,
        "zerolinecolor": palette.grid,
        "automargin": True,
    }
    figure.update_xaxes(axis)
    figure.update_yaxes(axis)
    return figure
