"""Colours and symbols of all figures, on light and dark backgrounds.

Teacher, baseline and distilled student have one colour each in all figures. The colours are from
Okabe and Ito's set, which people with colour-blindness can tell apart; each role also has a dash
and a symbol of its own, so that colour is never the only difference.

All colours are those of ``.streamlit/config.toml`` (a test compares them), so that a downloaded
figure looks like the one on the page.
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
PLOTLY_DASHES: dict[Role, str] = {"teacher": "solid", "baseline": "dash", "distilled": "solid"}


@dataclass(frozen=True)
class Palette:
    """Colours on one background, as CSS hex.

    Attributes:
        teacher: the teacher.
        baseline: the baseline.
        distilled: the distilled student.
        text: text.
        muted: axes and secondary text.
        grid: grid lines.
        terms: lines that are no role, such as the terms of a loss, in order; the last is the
            colour of text.
    """

    teacher: str
    baseline: str
    distilled: str
    text: str
    muted: str
    grid: str
    terms: tuple[str, ...]

    def __getitem__(self, role: Role) -> str:
        """Return the colour of a role."""
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


TRANSPARENT = "rgba(0,0,0,0)"
BLACK, WHITE = "#000000", "#FFFFFF"
SYMBOLS = ("circle", "diamond", "square", "triangle-up")
EQUAL_CONTRAST = 0.179
"""Luminance against which black and white text have the same contrast, 4.6."""


@dataclass(frozen=True)
class Scales:
    """Colours on one background, as CSS hex.

    Attributes:
        categories: colours of classes. The first three are those of the roles. Two more follow
            the eight of the theme, so that each of ten digits has a colour.
        amounts: from small to large.
        differences: from negative to positive; zero is in the middle.
    """

    categories: tuple[str, ...]
    amounts: tuple[str, ...]
    differences: tuple[str, ...]

    def mark(self, index: int) -> tuple[str, str]:
        """Return colour and symbol of a class; after the last colour, the next symbol is used."""
        cycle, colour = divmod(index, len(self.categories))
        return self.categories[colour], SYMBOLS[cycle % len(SYMBOLS)]


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


def needs_black_text(scale: Sequence[str], shares: Floats) -> NDArray[np.bool_]:
    """Return where black text has more contrast than white text on a colour scale.

    Args:
        scale: colours, evenly spaced.
        shares: positions on the scale, 0...1; positions beyond take the colour of the end.
    """
    channels = _channels(scale, shares)
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ [0.2126, 0.7152, 0.0722] > EQUAL_CONTRAST)


def interpolate_colours(scale: Sequence[str], shares: Floats) -> list[list[str]]:
    """Return colours on a scale, as CSS hex; for arguments see :func:`needs_black_text`.

    >>> interpolate_colours(("#000000", "#FF8000"), np.array([[0.0, 0.5], [1.0, 2.0]]))
    [['#000000', '#804000'], ['#ff8000', '#ff8000']]
    """
    levels = np.rint(255 * np.nan_to_num(_channels(scale, shares))).astype(int)
    return [["#{:02x}{:02x}{:02x}".format(*colour) for colour in row] for row in levels.tolist()]


def _channels(scale: Sequence[str], shares: Floats) -> Floats:
    """Red, green and blue, as shares of 1, in a new last axis."""
    stops = np.array([hex_channels(colour) for colour in scale]) / 255
    positions = np.linspace(0, 1, len(scale))
    return np.stack([np.interp(shares, positions, channel) for channel in stops.T], axis=-1)


def hex_channels(colour: str) -> tuple[int, int, int]:
    """Return red, green and blue, 0...255.

    >>> hex_channels("#FF8000")
    (255, 128, 0)
    """
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return red, green, blue


def escape_plotly(text: str) -> str:
    """Return a user's text as Plotly shows it: without tags, entities, templates and formulas.

    >>> escape_plotly("<b>T</b> %{y}")
    '&#60;b&#62;T&#60;/b&#62; &#37;{y}'
    """
    return "".join(f"&#{ord(letter)};" if letter in "&<>%$" else letter for letter in text)


def apply_style(figure: go.Figure, palette: Palette, height: int) -> go.Figure:
    """Apply a palette, a transparent background, and margins that fit a phone; return the figure.

    Args:
        figure: the figure, which is changed.
        palette: colours on the current background.
        height: height in pixels.
    """
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 16, "t": 48, "b": 8},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
        font={"color": palette.text},
        paper_bgcolor=TRANSPARENT,
        plot_bgcolor=TRANSPARENT,
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
