"""A square of cells, classes on both axes: the drawing that all class matrices share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from tsexplorer.analysis.soft_targets import Floats
from tsexplorer.plots.compare import literal
from tsexplorer.plots.style import BLACK, WHITE, Palette, dressed, reads_in_black

MOST_WITH_TEXT = 10
"""Classes up to which numbers in the cells can be read on a phone."""
TEXT_SIZE = 10
HEAD, BAR_AT = 68, 30
"""Pixels above the cells, and from the top to the colour bar, whose title is above it."""
SMALLEST_HEIGHT, ROW_HEIGHT = 420, 17


@dataclass(frozen=True)
class Axes:
    """What the rows and columns are.

    Attributes:
        names: of the classes, by class number.
        rows: title of the y axis.
        columns: title of the x axis.
        order: class numbers from the top down and from left to right; empty for their own order.
    """

    names: Sequence[str]
    rows: str
    columns: str
    order: Sequence[int] = ()


@dataclass(frozen=True, eq=False)
class Colours:
    """How cells are coloured.

    Attributes:
        values_CC: what the colour shows, by class numbers; no cell where it is NaN.
        span: values at both ends of the colours.
        scale: colours, evenly spaced.
        ticks: words beside the colour bar, by value.
        title: of the colour bar.
    """

    values_CC: Floats
    span: tuple[float, float]
    scale: Sequence[str]
    ticks: Mapping[float, str]
    title: str


@dataclass(frozen=True)
class Words:
    """What is said of each cell, by class numbers.

    Attributes:
        shown: short, in the cell.
        hover: the whole of it; tags are Plotly's.
    """

    shown: Sequence[Sequence[str]]
    hover: Sequence[Sequence[str]]


def cells_figure(axes: Axes, colours: Colours, words: Words, palette: Palette) -> go.Figure:
    """Draw the cells; a click on one gives its class numbers (row, column) as custom data.

    Plotly selects no cells of a heat map. So there is a marker that cannot be seen in the middle of
    each cell; it is what is hovered and clicked, and it frames the cell that is selected.
    """
    size = len(axes.names)
    order = list(axes.order) or list(range(size))
    few = size <= MOST_WITH_TEXT
    figure = go.Figure()
    values_CC = colours.values_CC[np.ix_(order, order)]
    low, high = colours.span
    black_CC = reads_in_black(colours.scale, (values_CC - low) / (high - low))
    for ink, own_CC in ((BLACK, black_CC), (WHITE, ~black_CC)):
        figure.add_heatmap(  # a heat map's words have one colour: dark cells are one, light another
            z=np.where(own_CC, values_CC, np.nan),
            coloraxis="coloraxis",
            text=np.where(own_CC, np.array(words.shown)[np.ix_(order, order)], ""),
            texttemplate="%{text}" if few else None,
            textfont={"size": TEXT_SIZE, "color": ink},
            xgap=1,
            ygap=1,
            hoverinfo="skip",
        )
    places = [
        (y, x, row, column)
        for y, row in enumerate(order)
        for x, column in enumerate(order)
        if not np.isnan(colours.values_CC[row, column])
    ]
    figure.add_scatter(
        x=[x for _, x, _, _ in places],
        y=[y for y, _, _, _ in places],
        customdata=[[row, column] for _, _, row, column in places],
        hovertext=[words.hover[row][column] for _, _, row, column in places],
        hovertemplate="%{hovertext}<extra></extra>",
        mode="markers",
        marker={
            "symbol": "square-open",
            "size": 28 if few else 12,
            "color": palette.text,
            "line": {"width": 2},
            "opacity": 0,
        },
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 0}},
        showlegend=False,
    )
    height = max(SMALLEST_HEIGHT, 140 + ROW_HEIGHT * size)
    dressed(figure, palette, height)
    figure.update_layout(
        margin_t=HEAD,
        hoverdistance=-1,  # any place in a cell is near its middle
        coloraxis={
            "cmin": low,
            "cmax": high,
            "colorscale": list(colours.scale),
            "colorbar": _bar(colours, palette, height),
        },
    )
    figure.add_annotation(
        text=colours.title,
        font={"color": palette.muted},
        showarrow=False,
        **{"xref": "paper", "x": 0, "xanchor": "left"},
        **{"yref": "paper", "y": 1, "yanchor": "top", "yshift": HEAD - 4},
    )
    ticks = {
        "tickmode": "array",
        "tickvals": list(range(size)),
        "ticktext": [literal(axes.names[number]) for number in order],
        "ticks": "",
        "ticklabelstandoff": 3,
        "showgrid": False,
        "zeroline": False,
    }
    figure.update_xaxes(ticks, title=axes.columns, range=[-0.5, size - 0.5])
    figure.update_yaxes(ticks, title=axes.rows, range=[size - 0.5, -0.5])
    return figure


def _bar(colours: Colours, palette: Palette, height: int) -> dict[str, object]:
    """A colour bar above the cells, where a phone has room for it.

    Its place is measured from the top of the figure: one that is measured from the cells moves the
    margins, and then Plotly draws an axis' title over the axis.
    """
    return {
        "orientation": "h",
        "yref": "container",
        "y": 1 - BAR_AT / height,
        "yanchor": "top",
        "xpad": 0,
        "ypad": 0,
        "thickness": 10,
        "len": 1.0,
        "tickvals": list(colours.ticks),
        "ticktext": list(colours.ticks.values()),
        "tickfont": {"color": palette.muted},
        "outlinewidth": 0,
    }
