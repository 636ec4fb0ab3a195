"""Reliability diagrams and confusion matrices, as Plotly figures."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from tsexplorer.analysis.quality import Reliability, ReliabilityBin
from tsexplorer.analysis.soft_targets import Floats, Integers
from tsexplorer.plots.classes import confused_classes, short_name, short_names
from tsexplorer.plots.style import (
    BLACK,
    PLOTLY_DASHES,
    PLOTLY_SYMBOLS,
    SCALES,
    TITLES,
    WHITE,
    Palette,
    apply_style,
    escape_plotly,
    needs_black_text,
)
from tsexplorer.specs import ROLES, Role

SMALLEST_MARKER, LARGEST_MARKER = 5.0, 18.0
"""Diameters in pixels."""


def reliability_figure(nets: Mapping[Role, Reliability], palette: Palette) -> go.Figure:
    """Draw accuracy over confidence, a line for each net.

    The area of a marker grows with its number of images. A calibrated net lies on the dotted
    diagonal; below it, a net is overconfident.
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
        bins = [bin_ for bin_ in nets[role].bins if bin_.size]
        figure.add_scatter(
            x=[100 * (bin_.confidence or 0.0) for bin_ in bins],
            y=[100 * (bin_.accuracy or 0.0) for bin_ in bins],
            mode="lines+markers",
            name=f"{TITLES[role]}, ECE {100 * nets[role].ece:.2f} %",
            line={"color": palette[role], "dash": PLOTLY_DASHES[role], "width": 2},
            marker={"symbol": PLOTLY_SYMBOLS[role], "size": _marker_sizes(bins)},
            customdata=[[bin_.size, 100 * bin_.low, 100 * bin_.high] for bin_ in bins],
            hovertemplate=f"{TITLES[role]}: "
            + "%{customdata[0]:,} images with %{customdata[1]:.1f}–%{customdata[2]:.1f} %"
            + "<br>mean confidence %{x:.2f} %, accuracy %{y:.2f} %<extra></extra>",
        )
    figure.update_xaxes(title="Confidence (%)", range=[0, 104])
    figure.update_yaxes(title="Accuracy (%)", range=[0, 104])
    apply_style(figure, palette, 420)
    figure.update_layout(margin_t=8, legend={"yanchor": "top", "y": -0.18})
    return figure


def _marker_sizes(bins: Sequence[ReliabilityBin]) -> list[float]:
    """Diameters whose areas are proportional to the images, down to the smallest marker."""
    largest = max((bin_.size for bin_ in bins), default=1)
    return [max(SMALLEST_MARKER, LARGEST_MARKER * math.sqrt(bin_.size / largest)) for bin_ in bins]


def confusion_figure(
    counts_CC: Integers,
    names: Sequence[str],
    palette: Palette,
    shown: Sequence[int] | None = None,
) -> go.Figure:
    """Draw images by true class and prediction, in logarithmic colours, because errors are rare.

    Args:
        counts_CC: see :func:`tsexplorer.analysis.quality.confusion`.
        names: names of the classes.
        palette: colours on the current background.
        shown: numbers of the classes to draw; None: the 20 with most errors.
    """
    counts_CC, names, some = _select(counts_CC, names, shown)
    largest = max(1, int(counts_CC.max()))
    ticks = [count for count in (0, 1, 10, 100, 1000, 10_000) if count <= largest]
    colours = CellColours(
        values_CC=np.log10(1.0 + counts_CC),
        limits=(0.0, math.log10(1 + largest)),
        scale=SCALES[palette].amounts,
        ticks={math.log10(1 + count): f"{count:,}" for count in ticks},
        title=f"Images, log{some}",
    )
    texts = _cell_texts(counts_CC, names, lambda count: f"{count:,}")
    return matrix_figure(names, colours, texts, palette)


def confusion_difference_figure(
    counts_CC: Integers,
    names: Sequence[str],
    palette: Palette,
    shown: Sequence[int] | None = None,
) -> go.Figure:
    """Draw the difference of two confusion matrices: distilled less baseline, in images.

    Args:
        counts_CC: the difference of two confusion matrices of the same images.
        names: names of the classes.
        palette: colours on the current background.
        shown: numbers of the classes to draw; None: the 20 with the largest differences.
    """
    counts_CC, names, some = _select(counts_CC, names, shown)
    largest = max(1, int(np.abs(counts_CC).max()))
    colours = CellColours(
        values_CC=counts_CC.astype(np.float64),
        limits=(-float(largest), float(largest)),
        scale=SCALES[palette].differences,
        ticks={float(count): _signed(count) for count in (-largest, 0, largest)},
        title=f"Distilled − baseline (images){some}",
    )
    return matrix_figure(names, colours, _cell_texts(counts_CC, names, _signed), palette)


def _select(
    counts_CC: Integers, names: Sequence[str], shown: Sequence[int] | None
) -> tuple[Integers, list[str], str]:
    """Return counts and names of the shown classes, and the end of a title that says how many."""
    classes = confused_classes(counts_CC) if shown is None else list(shown)
    some = "" if len(classes) == len(names) else f"; {len(classes)} of {len(names)} classes"
    return counts_CC[np.ix_(classes, classes)], [names[label] for label in classes], some


def _signed(count: int) -> str:
    """A difference of counts, with its sign.

    >>> _signed(3), _signed(-1200), _signed(0)
    ('+3', '−1,200', '0')
    """
    return f"{count:+,}".replace("-", "−") if count else "0"


def _cell_texts(
    counts_CC: Integers, names: Sequence[str], write: Callable[[int], str]
) -> CellTexts:
    names = [escape_plotly(short_name(name, HOVER_WIDTH)) for name in names]
    rows = counts_CC.tolist()
    return CellTexts(
        shown=[[write(count).replace(",", "") if count else "" for count in row] for row in rows],
        hover=[
            [
                f"True class {true_name}, answer {answer}<br>{write(count)} images"
                for answer, count in zip(names, row, strict=True)
            ]
            for true_name, row in zip(names, rows, strict=True)
        ],
    )


# -- drawing a matrix ---------------------------------------------------------------------------

MAX_CLASSES_WITH_TEXT = 10
"""Classes up to which numbers in the cells can be read on a phone."""
TEXT_SIZE = 10
TOP_MARGIN, COLOUR_BAR_TOP = 68, 30
"""Pixels above the cells, and from the top to the colour bar, below its title."""
MIN_HEIGHT, ROW_HEIGHT = 420, 17
HOVER_WIDTH = 60
"""Characters of a class name on hover."""


@dataclass(frozen=True, eq=False)
class CellColours:
    """The colours of the cells.

    Attributes:
        values_CC: the values that the colours show, by class numbers; NaN: no cell.
        limits: values of the first and the last colour.
        scale: colours, evenly spaced.
        ticks: labels of the colour bar, by value.
        title: title of the colour bar.
    """

    values_CC: Floats
    limits: tuple[float, float]
    scale: Sequence[str]
    ticks: Mapping[float, str]
    title: str


@dataclass(frozen=True)
class CellTexts:
    """The texts of the cells, by class numbers.

    Attributes:
        shown: short text in the cell.
        hover: full text on hover; may have Plotly's tags.
    """

    shown: Sequence[Sequence[str]]
    hover: Sequence[Sequence[str]]


def matrix_figure(
    names: Sequence[str], colours: CellColours, texts: CellTexts, palette: Palette
) -> go.Figure:
    """Draw a matrix with the true class by row and the answer by column.

    A click on a cell gives its class numbers (row, column) as custom data. Plotly cannot select
    cells of a heat map, so each cell has an invisible marker in its middle, which is hovered and
    clicked, and frames the selected cell.
    """
    size = len(names)
    has_text = size <= MAX_CLASSES_WITH_TEXT
    figure = go.Figure()
    _add_heatmaps(figure, colours, texts, has_text)
    _add_markers(figure, colours.values_CC, texts, palette, 28 if has_text else 12)
    height = max(MIN_HEIGHT, 140 + ROW_HEIGHT * size)
    apply_style(figure, palette, height)
    low, high = colours.limits
    figure.update_layout(
        margin_t=TOP_MARGIN,
        hoverdistance=-1,  # the nearest marker is hovered, at any distance
        coloraxis={
            "cmin": low,
            "cmax": high,
            "colorscale": list(colours.scale),
            "colorbar": _colour_bar(colours, palette, height),
        },
    )
    figure.add_annotation(
        text=colours.title,
        font={"color": palette.muted},
        showarrow=False,
        **{"xref": "paper", "x": 0, "xanchor": "left"},
        **{"yref": "paper", "y": 1, "yanchor": "top", "yshift": TOP_MARGIN - 4},
    )
    ticks = {
        "tickmode": "array",
        "tickvals": list(range(size)),
        "ticktext": [escape_plotly(name) for name in short_names(names)],
        "ticks": "",
        "ticklabelstandoff": 3,
        "showgrid": False,
        "zeroline": False,
    }
    figure.update_xaxes(ticks, title="Answer", range=[-0.5, size - 0.5])
    figure.update_yaxes(ticks, title="True class", range=[size - 0.5, -0.5])
    return figure


def _add_heatmaps(
    figure: go.Figure, colours: CellColours, texts: CellTexts, has_text: bool
) -> None:
    """Add two heat maps, for cells with black and with white text: each has one text colour."""
    values_CC = colours.values_CC
    low, high = colours.limits
    black_CC = needs_black_text(colours.scale, (values_CC - low) / (high - low))
    for text_colour, mask_CC in ((BLACK, black_CC), (WHITE, ~black_CC)):
        figure.add_heatmap(
            z=np.where(mask_CC, values_CC, np.nan),
            coloraxis="coloraxis",
            text=np.where(mask_CC, np.array(texts.shown), ""),
            texttemplate="%{text}" if has_text else None,
            textfont={"size": TEXT_SIZE, "color": text_colour},
            xgap=1,
            ygap=1,
            hoverinfo="skip",
        )


def _add_markers(
    figure: go.Figure, values_CC: Floats, texts: CellTexts, palette: Palette, size: int
) -> None:
    cells = [(int(row), int(column)) for row, column in np.argwhere(~np.isnan(values_CC))]
    figure.add_scatter(
        x=[column for _, column in cells],
        y=[row for row, _ in cells],
        customdata=[[row, column] for row, column in cells],
        hovertext=[texts.hover[row][column] for row, column in cells],
        hovertemplate="%{hovertext}<extra></extra>",
        mode="markers",
        marker={
            "symbol": "square-open",
            "size": size,
            "color": palette.text,
            "line": {"width": 2},
            "opacity": 0,
        },
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 0}},
        showlegend=False,
    )


def _colour_bar(colours: CellColours, palette: Palette, height: int) -> dict[str, object]:
    """A colour bar above the cells, where a phone has room for it.

    Its position is measured from the top of the figure: if it is measured from the cells, it moves
    the margins, and Plotly draws the title of an axis over the axis.
    """
    return {
        "orientation": "h",
        "yref": "container",
        "y": 1 - COLOUR_BAR_TOP / height,
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
