"""Calibration and confusions, as Plotly figures."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from tsexplorer.analysis.quality import Bin, Reliability
from tsexplorer.analysis.soft_targets import Integers
from tsexplorer.plots.cells import Axes, Colours, Words, cells_figure
from tsexplorer.plots.compare import literal
from tsexplorer.plots.style import PLOTLY_SYMBOLS, SCALES, TITLES, Palette, dressed
from tsexplorer.specs import ROLES, Role

ROWS, COLUMNS = "True class", "Answer"
LINES: dict[Role, str] = {"teacher": "solid", "baseline": "dash", "distilled": "solid"}
SMALLEST_MARKER, LARGEST_MARKER = 5.0, 18.0


def reliability_figure(nets: Mapping[Role, Reliability], palette: Palette) -> go.Figure:
    """Accuracy over confidence, a line a net; the larger a mark, the more images it stands for.

    A net whose confidence can be believed lies on the dotted line; below it, it is too sure.
    """
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 100],
        y=[0, 100],
        mode="lines",
        line={"color": palette.muted, "dash": "dot", "width": 1},
        hoverinfo="skip",
        name="Calibrated",
    )
    for role in (role for role in ROLES if role in nets):
        filled = [one for one in nets[role].bins if one.size]
        figure.add_scatter(
            x=[100 * (one.confidence or 0.0) for one in filled],
            y=[100 * (one.accuracy or 0.0) for one in filled],
            mode="lines+markers",
            name=f"{TITLES[role]}, ECE {100 * nets[role].ece:.2f} %",
            line={"color": palette[role], "dash": LINES[role], "width": 2},
            marker={"symbol": PLOTLY_SYMBOLS[role], "size": _marker_sizes(filled)},
            customdata=[[one.size, 100 * one.low, 100 * one.high] for one in filled],
            hovertemplate=f"{TITLES[role]}: "
            + "%{customdata[0]:,} images with %{customdata[1]:.1f}–%{customdata[2]:.1f} %"
            + "<br>mean confidence %{x:.2f} %, accuracy %{y:.2f} %<extra></extra>",
        )
    figure.update_xaxes(title="Confidence (%)", range=[0, 104])
    figure.update_yaxes(title="Accuracy (%)", range=[0, 104])
    dressed(figure, palette, 420)
    figure.update_layout(margin_t=8, legend={"yanchor": "top", "y": -0.18})
    return figure


def confusion_figure(counts_CC: Integers, names: Sequence[str], palette: Palette) -> go.Figure:
    """Images by true class and answer, in logarithmic colours: mistakes are few beside right ones.

    Args:
        counts_CC: see :func:`tsexplorer.analysis.quality.confusion`.
        names: of the classes.
        palette: colours on the background in force.
    """
    most = max(1, int(counts_CC.max()))
    ticks = [count for count in (0, 1, 10, 100, 1000, 10_000) if count <= most]
    colours = Colours(
        values_CC=np.log10(1.0 + counts_CC),
        span=(0.0, math.log10(1 + most)),
        scale=SCALES[palette].amounts,
        ticks={math.log10(1 + count): f"{count:,}" for count in ticks},
        title="Images, log",
    )
    words = _words(counts_CC, names, lambda count: f"{count:,}")
    return cells_figure(Axes(names, ROWS, COLUMNS), colours, words, palette)


def confusion_difference_figure(
    counts_CC: Integers, names: Sequence[str], palette: Palette
) -> go.Figure:
    """Where answers went: distilled less baseline, in images; no difference is in the middle.

    Args:
        counts_CC: the difference of two confusion matrices of the same images.
        names: of the classes.
        palette: colours on the background in force.
    """
    end = max(1, int(np.abs(counts_CC).max()))
    colours = Colours(
        values_CC=counts_CC.astype(np.float64),
        span=(-float(end), float(end)),
        scale=SCALES[palette].differences,
        ticks={float(count): _signed(count) for count in (-end, 0, end)},
        title="Distilled − baseline (images)",
    )
    words = _words(counts_CC, names, _signed)
    return cells_figure(Axes(names, ROWS, COLUMNS), colours, words, palette)


def _marker_sizes(bins: Sequence[Bin]) -> list[float]:
    """The area of a mark grows with its share of the images."""
    most = max((one.size for one in bins), default=1)
    return [max(SMALLEST_MARKER, LARGEST_MARKER * math.sqrt(one.size / most)) for one in bins]


def _signed(count: int) -> str:
    """A difference of counts as people write it.

    >>> _signed(3), _signed(-1200), _signed(0)
    ('+3', '−1,200', '0')
    """
    return f"{count:+,}".replace("-", "−") if count else "0"


def _words(counts_CC: Integers, names: Sequence[str], written: Callable[[int], str]) -> Words:
    spelt = [literal(name) for name in names]
    rows = counts_CC.tolist()
    return Words(
        [[written(count).replace(",", "") if count else "" for count in row] for row in rows],
        [
            [
                f"True class {spelt[r]}, answer {spelt[c]}<br>{written(count)} images"
                for c, count in enumerate(row)
            ]
            for r, row in enumerate(rows)
        ],
    )
