"""Mean soft targets by true class as coloured cells, and the probabilities of one image as bars."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Literal, NamedTuple, TypedDict

import numpy as np
import plotly.graph_objects as go

from tsexplorer.analysis.soft_targets import ClassMatrix, Floats
from tsexplorer.plots.classes import (
    LIKELIEST,
    MAX_ROWS,
    likeliest_classes,
    short_name,
    short_names,
)
from tsexplorer.plots.style import TITLES, Palette, apply_style, escape_plotly
from tsexplorer.specs import ROLES, Role

FLOOR = 1e-5
"""Smaller shares have the same colour: a thousandth of a percent."""


class CellGrid(NamedTuple):
    """Coloured cells in R rows and C columns; in a class matrix, both are classes.

    Attributes:
        values_RC: the values that the colours show; NaN: no cell.
        limits: values of the first and the last colour.
        scale: name of a colour scale of :class:`~tsexplorer.plots.style.Scales`.
        ticks: labels beside the colours, by value.
        title: title of the colours.
        texts: a few characters in each cell.
        hover: all details of each cell, in a few lines.
        framed: whether a cell has a frame; None: no cell has one.
    """

    values_RC: Floats
    limits: tuple[float, float]
    scale: Literal["amounts", "differences"]
    ticks: Mapping[float, str]
    title: str
    texts: Sequence[Sequence[str]]
    hover: Sequence[Sequence[str]]
    framed: Sequence[Sequence[bool]] | None = None


class _CellTexts(TypedDict):
    texts: list[list[str]]
    hover: list[list[str]]


HOVER_WIDTH = 60
"""Characters of a class name in the details of a cell."""


def select_classes(matrix: ClassMatrix, classes: Sequence[int]) -> ClassMatrix:
    """Return rows and columns of some classes; the values stay the same."""
    index_K = np.asarray(classes, dtype=np.int64)
    return replace(
        matrix,
        values_CC=matrix.values_CC[np.ix_(index_K, index_K)],
        counts_C=matrix.counts_C[index_K],
    )


class Limits(NamedTuple):
    """Shares of 1 with the first and the last colour; linear colours begin at 0 instead."""

    low: float
    high: float


def value_limits(*matrices: ClassMatrix) -> Limits:
    """Return common limits of matrices, so that they have the same colours side by side.

    Returns:
        the smallest and the largest value, both at least the floor, and never equal.
    """
    values = np.concatenate([matrix.values_CC.ravel() for matrix in matrices])
    shares = np.maximum(values[~np.isnan(values)], FLOOR)
    low, high = (shares.min(), shares.max()) if len(shares) else (FLOOR, 1.0)
    return Limits(float(low), float(max(high, 10 * FLOOR)))


def matrix_cells(
    matrix: ClassMatrix, names: Sequence[str], *, limits: Limits | None = None, log: bool = False
) -> CellGrid:
    """Return the cells of one net's matrix, in percent.

    Args:
        matrix: the matrix, with or without its diagonal.
        names: names of the classes.
        limits: shares with the first and the last colour; None: those of this matrix.
        log: whether colours are logarithmic, from the power of ten below the smallest share.
    """
    make_cells = _logarithmic if log else _linear
    texts = _cell_texts(matrix, names, signed=False)
    return make_cells(matrix, texts, limits or value_limits(matrix))


def difference_cells(matrix: ClassMatrix, names: Sequence[str]) -> CellGrid:
    """Return the cells of the difference of two matrices, in points; zero has the middle colour.

    Args:
        matrix: teacher less student.
        names: names of the classes.
    """
    largest = max(1e-12, float(np.nanmax(np.abs(matrix.values_CC), initial=0.0)))
    return CellGrid(
        values_RC=100 * matrix.values_CC,
        limits=(-100 * largest, 100 * largest),
        scale="differences",
        ticks={
            100 * sign * largest: short_percent(sign * largest, signed=True) for sign in (-1, 0, 1)
        },
        title="Difference (points)",
        **_cell_texts(matrix, names, signed=True),
    )


def short_percent(share: float, *, signed: bool = False) -> str:
    """Return a share of 1 in percent, short enough for a cell on a phone.

    >>> [short_percent(share) for share in (0.987, 0.0312, 0.00049, 2e-5, 0)]
    ['99', '3.1', '0.05', '2e-3', '0']
    >>> [short_percent(share, signed=True) for share in (-0.0312, 0.0312, -0.0031)]
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


def _linear(matrix: ClassMatrix, texts: _CellTexts, limits: Limits) -> CellGrid:
    high = limits.high
    ticks = {100 * part * high: short_percent(part * high) for part in (0, 0.25, 0.5, 0.75, 1)}
    values_CC, title = 100 * matrix.values_CC, "Mean soft target (%)"
    return CellGrid(values_CC, (0.0, 100 * high), "amounts", ticks, title, **texts)


def _logarithmic(matrix: ClassMatrix, texts: _CellTexts, limits: Limits) -> CellGrid:
    low = math.floor(math.log10(limits.low) + 1e-9)
    high = max(math.log10(limits.high), low + 1.0)
    powers = range(low, math.floor(high + 1e-9) + 1)
    ticks = {float(power): f"{100 * 10.0**power:.4g}" for power in powers}
    values_CC = np.log10(np.maximum(matrix.values_CC, FLOOR))
    title = "Mean soft target (%), log"
    return CellGrid(values_CC, (float(low), high), "amounts", ticks, title, **texts)


def _cell_texts(matrix: ClassMatrix, names: Sequence[str], *, signed: bool) -> _CellTexts:
    unit = "points" if signed else "%"
    names = [short_name(name, HOVER_WIDTH) for name in names]

    def hover(row: int, column: int, value: float) -> str:
        number = f"{100 * value:{'+' if signed else ''}.4g} {unit}"
        return (
            f"True class {names[row]} ({matrix.counts_C[row]:,} images)\n"
            f"Soft target for {names[column]}: {number}"
        )

    rows = matrix.values_CC.tolist()
    return {
        "texts": [[short_percent(value, signed=signed) for value in row] for row in rows],
        "hover": [
            [hover(r, c, value) for c, value in enumerate(row)] for r, row in enumerate(rows)
        ],
    }


# -- the probabilities of one image -------------------------------------------------------------

HEIGHT_PER_CLASS = 36
MARGINS = 90


def distributions_figure(
    distributions: Mapping[Role, Floats], names: Sequence[str], palette: Palette
) -> go.Figure:
    """Draw probabilities in percent, a bar for each class and net, classes from top to bottom.

    Of more than 12 classes, the likeliest have a bar, and the last bar is the sum of all others.

    Args:
        distributions: C probabilities of each net.
        names: names of the C classes.
        palette: colours on the current background.
    """
    roles = tuple(role for role in ROLES if role in distributions)
    rows = _distribution_rows([distributions[role] for role in roles], len(names))
    figure = go.Figure(_empty_distributions_figure(roles, _row_names(rows, names), palette))
    for bars, role in zip(figure.data, roles, strict=True):
        p_C = np.asarray(distributions[role])
        bars.x = [100 * float(p_C[row].sum()) for row in rows]
    return figure


def _distribution_rows(nets: Sequence[Floats], count: int) -> list[list[int]]:
    """Return the classes of each bar."""
    if count <= MAX_ROWS or not nets:
        return [[label] for label in range(count)]
    single = likeliest_classes(nets, LIKELIEST)
    return [*([label] for label in single), [c for c in range(count) if c not in single]]


def _row_names(rows: Sequence[Sequence[int]], names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return for each bar its label and the name that is shown on hover."""
    full = [names[row[0]] if len(row) == 1 else f"The rest ({len(row)})" for row in rows]
    return tuple(
        (escape_plotly(short), escape_plotly(short_name(name, HOVER_WIDTH)))
        for short, name in zip(short_names(full), full, strict=True)
    )


@lru_cache(maxsize=32)
def _empty_distributions_figure(
    roles: tuple[Role, ...], names: tuple[tuple[str, str], ...], palette: Palette
) -> go.Figure:
    """The figure without its numbers; to copy it takes a tenth of the time of making it."""
    figure = go.Figure()
    for role in roles:
        figure.add_bar(
            y=[short for short, _ in names],
            customdata=[[full] for _, full in names],
            orientation="h",
            name=TITLES[role],
            marker_color=palette[role],
            hovertemplate=f"{TITLES[role]}: %{{customdata[0]}} with %{{x:.3g}} %<extra></extra>",
        )
    figure.update_yaxes(type="category", autorange="reversed", dtick=1, title="Class")
    figure.update_xaxes(title="Probability (%)", range=[0, 100.5], dtick=25)
    apply_style(figure, palette, MARGINS + HEIGHT_PER_CLASS * len(names))
    figure.update_layout(barmode="group", bargap=0.18, bargroupgap=0.08, margin_t=8, margin_r=8)
    return figure
