"""A sweep's map, and all its axes at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from tsexplorer.objectives.base import format_number
from tsexplorer.plots.measures import (
    MEASURES,
    MeasureName,
    cell_in_words,
    in_words,
    mean,
    rank_in_words,
    span,
)
from tsexplorer.plots.palette import Palette
from tsexplorer.plots.scales import SCALES, dressed
from tsexplorer.plots.soft_targets import Cells
from tsexplorer.sweeps.map import CellResult, SweepMap
from tsexplorer.sweeps.spec import Cell, SweepSpec

WIDE = 6
"""Columns up to which a cell has room for two digits behind the point."""
STAR = "★"
VISIBLE = 3
"""Amounts from which on a thin line is seen on the page's ground."""


def columns_of(sweep: SweepSpec) -> tuple[float, ...]:
    """The temperatures, from left to right."""
    return tuple(sorted(sweep.temperatures))


def rows_of(sweep: SweepSpec) -> tuple[float, ...]:
    """The lambdas, from the top down: from the teacher alone to the labels alone."""
    return tuple(sorted(sweep.lambdas))


def map_cells(
    sweep: SweepSpec,
    found: SweepMap,
    rate: float,
    measure: MeasureName,
    remarks: Mapping[Cell, str] | None = None,
) -> Cells:
    """The cells of one learning rate: rows are lambdas, columns temperatures.

    Framed are those that cannot be told apart from the best, whatever the colours show; the best
    has a star. All rates have the same colours.

    Args:
        sweep: what was asked for.
        found: its figures.
        rate: which learning rate.
        measure: what the colours and the numbers show.
        remarks: a further line of some cells' hover.
    """
    known = {one.cell: one for one in found.cells}
    columns, rows = columns_of(sweep), rows_of(sweep)
    grid = [[known.get(Cell(t, lam, rate)) for t in columns] for lam in rows]
    values_RC = np.array(
        [[math.nan if one is None else 100 * mean(one, measure) for one in row] for row in grid]
    )
    ends = span([100 * mean(one, measure) for one in found.cells], MEASURES[measure])
    digits = 2 if len(columns) <= WIDE else 1
    framed = [
        [one is not None and one.may_be_best and not math.isnan(mean(one, measure)) for one in row]
        for row in grid
    ]
    return Cells(
        values_RC=values_RC,
        span=ends,
        scale=MEASURES[measure].scale,
        ticks={low: f"{low:.1f}" for low in np.linspace(*ends, 3).tolist()},
        title=MEASURES[measure].title,
        shown=[[_shown(one, measure, digits, found.best) for one in row] for row in grid],
        hover=[[_hover(one, sweep, found, remarks or {}) for one in row] for row in grid],
        framed=framed,
    )


def best_of_row(found: SweepMap, lam: float) -> Cell | None:
    """The cell of the highest mean accuracy among those of one lambda; None where there is none."""
    row = [one for one in found.cells if one.cell.lam == lam]
    best = max(row, key=lambda one: one.accuracy.mean, default=None)
    return None if best is None else best.cell


def parallel_figure(sweep: SweepSpec, found: SweepMap, palette: Palette) -> go.Figure:
    """A line a cell through T, lambda, learning rate and accuracy; axes can be brushed."""
    cells = [one.cell for one in found.cells]
    accuracy = [100 * one.accuracy.mean for one in found.cells]
    low, high = span(accuracy, MEASURES["accuracy"])
    dimensions = [
        _dimension("T", sorted(sweep.temperatures), [cell.temperature for cell in cells]),
        _dimension("λ", sorted(sweep.lambdas), [cell.lam for cell in cells]),
        _dimension("Rate", sorted(sweep.rates), [cell.learning_rate for cell in cells]),
        {"label": "Accuracy (%)", "values": accuracy, "range": [low, high]},
    ]
    figure = go.Figure()
    figure.add_parcoords(
        dimensions=dimensions,
        line={
            "color": accuracy,
            "cmin": low,
            "cmax": high,
            "colorscale": list(SCALES[palette].amounts[VISIBLE:]),
        },
        labelfont={"color": palette.text},
        tickfont={"color": palette.text, "shadow": "none"},
        rangefont={"color": palette.muted, "shadow": "none"},
    )
    dressed(figure, palette, 380)
    figure.update_layout(margin={"l": 40, "r": 48, "t": 56, "b": 24})
    return figure


def _dimension(label: str, values: Sequence[float], own: Sequence[float]) -> dict[str, object]:
    """An axis whose values stand at equal distances."""
    return {
        "label": label,
        "values": [values.index(value) for value in own],
        "tickvals": list(range(len(values))),
        "ticktext": [format_number(value) for value in values],
        "range": [-0.2, len(values) - 0.8],
    }


def _shown(one: CellResult | None, measure: MeasureName, digits: int, best: Cell | None) -> str:
    if one is None:
        return ""
    value = mean(one, measure)
    if math.isnan(value):
        return ""
    text = f"{100 * value:.0f}" if measure == "gap" else f"{100 * value:.{digits}f}"
    star = f"{STAR} " if one.cell == best else ""
    return star + text.replace("-", "−")


def _hover(
    one: CellResult | None, sweep: SweepSpec, found: SweepMap, remarks: Mapping[Cell, str]
) -> str:
    if one is None:
        return ""
    lines = [
        cell_in_words(one.cell, sweep),
        f"Validation accuracy: {in_words(one.accuracy)}",
        f"Gap closed: {in_words(one.gap)}",
        f"Agreement: {in_words(one.agreement)}",
        f"ECE: {in_words(one.ece)}",
        rank_in_words(one, found.best),
    ]
    return "\n".join([*lines, *filter(None, [remarks.get(one.cell)])])
