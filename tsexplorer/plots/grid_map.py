"""A sweep's map, and all its axes at once.

Cuts through a sweep's map: accuracy along one axis, at one value of the other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import plotly.graph_objects as go

from tsexplorer.objectives.base import format_number
from tsexplorer.plots.grid_metrics import (
    MEASURES,
    MeasureName,
    cell_in_words,
    in_words,
    mean,
    rank_in_words,
    span,
)
from tsexplorer.plots.soft_targets import Cells
from tsexplorer.plots.style import SCALES, Palette, dressed
from tsexplorer.studies.grid_results import CellResult, Estimate, SweepMap
from tsexplorer.studies.student_stages import Cell
from tsexplorer.studies.sweep.spec import SweepSpec

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


AxisName = Literal["T", "λ"]


class Slice(NamedTuple):
    """A line through the map: one axis runs, the other stays.

    Attributes:
        name: the value that stays, in words.
        values: along the axis that runs.
        means: accuracy in percent.
        lows: lower ends of the 95 % intervals, in percent; None where there is no interval.
        highs: upper ends.
        hover: what is said of each point, as HTML of Plotly's.
        chosen: whether this line is the one in the foreground.
    """

    name: str
    values: tuple[float, ...]
    means: tuple[float, ...]
    lows: tuple[float | None, ...]
    highs: tuple[float | None, ...]
    hover: tuple[str, ...]
    chosen: bool


def slices(sweep: SweepSpec, found: SweepMap, along: AxisName, at: Cell) -> tuple[Slice, ...]:
    """Accuracy along one axis, a line for each value of the other, at one learning rate.

    Args:
        sweep: what was asked for.
        found: its figures.
        along: the axis that runs.
        at: the line through this cell is the chosen one, and the last; its rate is that of all.
    """
    place = 0 if along == "T" else 1
    other: AxisName = "λ" if along == "T" else "T"
    lines: dict[float, list[CellResult]] = {}
    for one in found.cells:
        if one.cell.learning_rate == at.learning_rate:
            lines.setdefault(one.cell[1 - place], []).append(one)
    made = [
        _slice(
            f"{other} = {format_number(stays)}",
            sorted(ones, key=lambda one: one.cell[place]),
            place,
            sweep,
            chosen=stays == at[1 - place],
        )
        for stays, ones in sorted(lines.items())
    ]
    return tuple(sorted(made, key=lambda line: line.chosen))


def slice_figure(
    lines: Sequence[Slice],
    baseline: Estimate | None,
    along: AxisName,
    palette: Palette,
) -> go.Figure:
    """Accuracy along an axis: the chosen line with its band before the others and the baseline.

    T stands on a logarithmic axis, the values of lambda at equal distances.
    """
    figure = go.Figure()
    values = sorted({value for line in lines for value in line.values})
    at = {v: math.log2(v) if along == "T" else float(place) for place, v in enumerate(values)}
    ends = _ends(list(at.values()))
    if baseline is not None:
        _baseline(figure, baseline, ends, palette)
    for line in lines:
        places = [at[value] for value in line.values]
        colour = palette.distilled if line.chosen else palette.muted
        if line.chosen:
            _band(figure, places, line.lows, line.highs, colour)
        figure.add_scatter(
            x=places,
            y=line.means,
            mode="lines+markers" if line.chosen else "lines",
            name=line.name,
            line={"color": colour, "width": 3 if line.chosen else 1},
            marker={"symbol": "diamond", "size": 9},
            opacity=1 if line.chosen else 0.6,
            hovertext=line.hover,
            hovertemplate="%{hovertext}<extra></extra>",
            showlegend=line.chosen,
        )
    dressed(figure, palette, 360)
    figure.update_xaxes(
        title="Temperature T" if along == "T" else "Weight of the labels λ",
        tickmode="array",
        tickvals=list(at.values()),
        ticktext=[format_number(value) for value in values],
        range=ends,
        zeroline=False,
    )
    figure.update_yaxes(title="Validation accuracy (%)", zeroline=False)
    figure.update_layout(hovermode="closest")
    return figure


def _slice(
    name: str, ones: Sequence[CellResult], place: int, sweep: SweepSpec, *, chosen: bool
) -> Slice:
    def ends(which: Literal["low", "high"]) -> tuple[float | None, ...]:
        found = (getattr(one.accuracy, which) for one in ones)
        return tuple(None if end is None else 100 * end for end in found)

    return Slice(
        name,
        values=tuple(one.cell[place] for one in ones),
        means=tuple(100 * one.accuracy.mean for one in ones),
        lows=ends("low"),
        highs=ends("high"),
        hover=tuple(
            f"{cell_in_words(one.cell, sweep)}<br>{in_words(one.accuracy)}" for one in ones
        ),
        chosen=chosen,
    )


def _ends(places: Sequence[float]) -> list[float]:
    """Where an axis begins and ends: a little beyond its values."""
    beyond = 0.06 * (max(places) - min(places)) or 0.3
    return [min(places) - beyond, max(places) + beyond]


def _baseline(
    figure: go.Figure, baseline: Estimate, ends: Sequence[float], palette: Palette
) -> None:
    if baseline.low is not None and baseline.high is not None:
        low, high = 100 * baseline.low, 100 * baseline.high
        _band(figure, ends, [low, low], [high, high], palette.baseline)
    figure.add_scatter(
        x=list(ends),
        y=[100 * baseline.mean] * 2,
        mode="lines",
        name="Baseline",
        line={"color": palette.baseline, "dash": "dash", "width": 2},
        hovertext=[f"Baseline<br>{in_words(baseline)}"] * 2,
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _band(
    figure: go.Figure,
    places: Sequence[float],
    lows: Sequence[float | None],
    highs: Sequence[float | None],
    colour: str,
) -> None:
    """An area between the ends of intervals, as far as there are intervals."""
    whole = [
        (place, low, high)
        for place, low, high in zip(places, lows, highs, strict=True)
        if low is not None and high is not None
    ]
    if not whole:
        return
    figure.add_scatter(
        x=[place for place, _, _ in whole] + [place for place, _, _ in reversed(whole)],
        y=[high for _, _, high in whole] + [low for _, low, _ in reversed(whole)],
        fill="toself",
        fillcolor=_faint(colour),
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        showlegend=False,
    )


def _faint(colour: str) -> str:
    channels = ",".join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5))
    return f"rgba({channels},0.18)"
