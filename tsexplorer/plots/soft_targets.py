"""Mean soft targets by true class, as coloured cells with words.

What the nets say to one image: a bar a class and net.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple, TypedDict

import numpy as np
import plotly.graph_objects as go

from tsexplorer.analysis.soft_targets import ClassMatrix, Floats
from tsexplorer.plots.compare import literal
from tsexplorer.plots.style import TITLES, Palette, dressed
from tsexplorer.specs import ROLES, Role

FLOOR = 1e-5
"""Share below which colours tell nothing apart: a thousandth of a percent."""


class Cells(NamedTuple):
    """What is shown of a matrix of R rows and C columns; both are classes here.

    Attributes:
        values_RC: what the colours show; no cell where it is NaN.
        span: values at both ends of the colours.
        scale: which colours of :class:`~tsexplorer.plots.style.Scales`.
        ticks: words beside the colours, by value.
        title: of the colours.
        shown: a few characters for each cell.
        hover: the whole of it, in a few lines.
        framed: whether a cell has a frame; None where none has.
    """

    values_RC: Floats
    span: tuple[float, float]
    scale: Literal["amounts", "differences"]
    ticks: Mapping[float, str]
    title: str
    shown: Sequence[Sequence[str]]
    hover: Sequence[Sequence[str]]
    framed: Sequence[Sequence[bool]] | None = None


class _Words(TypedDict):
    shown: list[list[str]]
    hover: list[list[str]]


class Span(NamedTuple):
    """Shares of 1 that have the first and the last colour; where colours are linear, 0 is first."""

    low: float
    high: float


def span(*matrices: ClassMatrix) -> Span:
    """The span of some matrices, so that side by side they have the same colours.

    Returns:
        the least and the largest value, both at least the floor, and never the same.
    """
    values = np.concatenate([matrix.values_CC.ravel() for matrix in matrices])
    known = np.maximum(values[~np.isnan(values)], FLOOR)
    low, high = (known.min(), known.max()) if len(known) else (FLOOR, 1.0)
    return Span(float(low), float(max(high, 10 * FLOOR)))


def matrix_cells(
    matrix: ClassMatrix, names: Sequence[str], *, ends: Span | None = None, log: bool = False
) -> Cells:
    """One net's matrix, in percent.

    Args:
        matrix: with its diagonal or without.
        names: of the classes.
        ends: shares at the ends of the colours; None takes those of this matrix.
        log: whether colours are logarithmic, from the power of ten below the least share.
    """
    coloured = _logarithmic if log else _linear
    return coloured(matrix, _words(matrix, names, signed=False), ends or span(matrix))


def difference_cells(matrix: ClassMatrix, names: Sequence[str]) -> Cells:
    """The difference of two matrices, in percentage points; no difference is in the middle.

    Args:
        matrix: teacher less student.
        names: of the classes.
    """
    end = max(1e-12, float(np.nanmax(np.abs(matrix.values_CC), initial=0.0)))
    return Cells(
        values_RC=100 * matrix.values_CC,
        span=(-100 * end, 100 * end),
        scale="differences",
        ticks={100 * share * end: short(share * end, signed=True) for share in (-1, 0, 1)},
        title="Difference (percentage points)",
        **_words(matrix, names, signed=True),
    )


def short(share: float, *, signed: bool = False) -> str:
    """A share of 1 in percent, short enough for a cell on a phone.

    >>> [short(share) for share in (0.987, 0.0312, 0.00049, 2e-5, 0)]
    ['99', '3.1', '0.05', '2e-3', '0']
    >>> [short(share, signed=True) for share in (-0.0312, 0.0312, -0.0031)]
    ['−3.1', '+3.1', '−.31']
    """
    if math.isnan(share):
        return ""
    percent = abs(100 * share)
    if percent >= 9.95:
        text = f"{percent:.0f}"
    elif percent >= 0.995:
        text = f"{percent:.1f}"
    elif percent >= 0.00995:
        text = f"{percent:.2f}"[1 if signed else 0 :]
    else:
        text = "0" if percent == 0 else f"{percent:.0e}".replace("e-0", "e-")
    sign = ("−" if share < 0 else "+" if signed else "") if share else ""
    return sign + text


def _linear(matrix: ClassMatrix, words: _Words, ends: Span) -> Cells:
    high = ends.high
    ticks = {100 * part * high: short(part * high) for part in (0, 0.25, 0.5, 0.75, 1)}
    values_CC, title = 100 * matrix.values_CC, "Mean soft target (%)"
    return Cells(values_CC, (0.0, 100 * high), "amounts", ticks, title, **words)


def _logarithmic(matrix: ClassMatrix, words: _Words, ends: Span) -> Cells:
    low = math.floor(math.log10(ends.low) + 1e-9)
    high = max(math.log10(ends.high), low + 1.0)
    powers = range(low, math.floor(high + 1e-9) + 1)
    ticks = {float(power): f"{100 * 10.0**power:.4g}" for power in powers}
    values_CC = np.log10(np.maximum(matrix.values_CC, FLOOR))
    title = "Mean soft target (%), log"
    return Cells(values_CC, (float(low), high), "amounts", ticks, title, **words)


def _words(matrix: ClassMatrix, names: Sequence[str], *, signed: bool) -> _Words:
    unit = "points" if signed else "%"

    def hover(row: int, column: int, value: float) -> str:
        number = f"{100 * value:{'+' if signed else ''}.4g} {unit}"
        return (
            f"True class {names[row]} ({matrix.counts_C[row]:,} images)\n"
            f"Soft target for {names[column]}: {number}"
        )

    rows = matrix.values_CC.tolist()
    return {
        "shown": [[short(value, signed=signed) for value in row] for row in rows],
        "hover": [
            [hover(r, c, value) for c, value in enumerate(row)] for r, row in enumerate(rows)
        ],
    }


PER_CLASS = 36
MARGINS = 90


def distributions_figure(
    distributions: Mapping[Role, Floats], classes: Sequence[str], palette: Palette
) -> go.Figure:
    """Probabilities in percent, classes from top to bottom.

    Args:
        distributions: C probabilities for each net.
        classes: names of the C classes.
        palette: colours on the background in force.
    """
    roles = tuple(role for role in ROLES if role in distributions)
    figure = go.Figure(_empty(roles, tuple(classes), palette))
    for bars, role in zip(figure.data, roles, strict=True):
        bars.x = [100 * float(share) for share in distributions[role]]
    return figure


@lru_cache(maxsize=32)
def _empty(roles: tuple[Role, ...], classes: tuple[str, ...], palette: Palette) -> go.Figure:
    """The figure without its numbers: a copy is had in a tenth of the time."""
    figure = go.Figure()
    for role in roles:
        figure.add_bar(
            y=[literal(name) for name in classes],
            orientation="h",
            name=TITLES[role],
            marker_color=palette[role],
            hovertemplate=f"{TITLES[role]}: %{{y}} with %{{x:.3g}} %<extra></extra>",
        )
    figure.update_yaxes(type="category", autorange="reversed", dtick=1, title="Class")
    figure.update_xaxes(title="Probability (%)", range=[0, 100.5], dtick=25)
    dressed(figure, palette, MARGINS + PER_CLASS * len(classes))
    figure.update_layout(barmode="group", bargap=0.18, bargroupgap=0.08, margin_t=8, margin_r=8)
    return figure
