"""The map of a sweep: its cells, slices through them, and all axes in parallel."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import plotly.graph_objects as go

from tsexplorer.objectives.base import format_number
from tsexplorer.plots.grid_metrics import (
    GRID_METRICS,
    GridMetricName,
    cell_in_words,
    colour_limits,
    estimate_in_words,
    metric_mean,
    rank_in_words,
)
from tsexplorer.plots.soft_targets import CellGrid
from tsexplorer.plots.style import SCALES, Palette, apply_style, hex_channels
from tsexplorer.studies.grid_results import CellResult, Estimate, SweepMap
from tsexplorer.studies.student_stages import Cell
from tsexplorer.studies.sweep.spec import SweepSpec

MAX_COLUMNS_WITH_TWO_DIGITS = 6
"""Columns up to which a cell has room for two digits after the decimal point."""
STAR = "★"
FIRST_LINE_COLOUR = 3
"""Index of the first colour of the amounts in which a thin line is visible on the background."""

# -- cells --------------------------------------------------------------------------------------


def grid_columns(sweep: SweepSpec) -> tuple[float, ...]:
    """The temperatures, from left to right."""
    return tuple(sorted(sweep.temperatures))


def grid_rows(sweep: SweepSpec) -> tuple[float, ...]:
    """The λ, from top to bottom: from the teacher alone to the labels alone."""
    return tuple(sorted(sweep.lambdas))


def map_cells(
    sweep: SweepSpec,
    results: SweepMap,
    rate: float,
    metric: GridMetricName,
    notes: Mapping[Cell, str] | None = None,
) -> CellGrid:
    """Return the cells of one learning rate: λ by row, temperature by column.

    The best cell has a star, and cells that cannot be told apart from it have a frame; both are by
    accuracy, with any metric. All learning rates have the same colours.

    Args:
        sweep: the grid.
        results: the results of all cells.
        rate: the learning rate.
        metric: the metric of the colours and numbers.
        notes: another line of the hover text, by cell.
    """
    by_cell = {result.cell: result for result in results.cells}
    columns, rows = grid_columns(sweep), grid_rows(sweep)
    grid = [[by_cell.get(Cell(t, lam, rate)) for t in columns] for lam in rows]
    percents = [
        [math.nan if result is None else 100 * metric_mean(result, metric) for result in row]
        for row in grid
    ]
    limits = colour_limits(
        [100 * metric_mean(result, metric) for result in results.cells], GRID_METRICS[metric]
    )
    digits = 2 if len(columns) <= MAX_COLUMNS_WITH_TWO_DIGITS else 1
    return CellGrid(
        values_RC=np.array(percents),
        limits=limits,
        scale=GRID_METRICS[metric].scale,
        ticks={value: f"{value:.1f}" for value in np.linspace(*limits, 3).tolist()},
        title=GRID_METRICS[metric].title,
        texts=[
            [_cell_text(result, metric, digits, results.best) for result in row] for row in grid
        ],
        hover=[
            [_cell_hover(result, sweep, results, notes or {}) for result in row] for row in grid
        ],
        framed=[[_is_framed(result, metric) for result in row] for row in grid],
    )


def best_cell_of_row(results: SweepMap, lam: float) -> Cell | None:
    """Return the cell with the highest mean accuracy at one λ; None without a result there."""
    row = [result for result in results.cells if result.cell.lam == lam]
    best = max(row, key=lambda result: result.accuracy.mean, default=None)
    return None if best is None else best.cell


def _is_framed(result: CellResult | None, metric: GridMetricName) -> bool:
    return result is not None and result.may_be_best and not math.isnan(metric_mean(result, metric))


def _cell_text(
    result: CellResult | None, metric: GridMetricName, digits: int, best: Cell | None
) -> str:
    value = math.nan if result is None else metric_mean(result, metric)
    if result is None or math.isnan(value):
        return ""
    text = f"{100 * value:.0f}" if metric == "gap" else f"{100 * value:.{digits}f}"
    star = f"{STAR} " if result.cell == best else ""
    return star + text.replace("-", "−")


def _cell_hover(
    result: CellResult | None, sweep: SweepSpec, results: SweepMap, notes: Mapping[Cell, str]
) -> str:
    if result is None:
        return ""
    lines = [
        cell_in_words(result.cell, sweep),
        f"Validation accuracy: {estimate_in_words(result.accuracy)}",
        f"Gap closed: {estimate_in_words(result.gap)}",
        f"Agreement: {estimate_in_words(result.agreement)}",
        f"ECE: {estimate_in_words(result.ece)}",
        rank_in_words(result, results.best),
    ]
    if result.cell in notes:
        lines.append(notes[result.cell])
    return "\n".join(lines)


# -- all axes in parallel -----------------------------------------------------------------------


def parallel_figure(sweep: SweepSpec, results: SweepMap, palette: Palette) -> go.Figure:
    """Draw a line for each cell through T, λ, learning rate and accuracy; axes can be brushed."""
    cells = [result.cell for result in results.cells]
    accuracies = [100 * result.accuracy.mean for result in results.cells]
    low, high = colour_limits(accuracies, GRID_METRICS["accuracy"])
    dimensions = [
        _dimension("T", sorted(sweep.temperatures), [cell.temperature for cell in cells]),
        _dimension("λ", sorted(sweep.lambdas), [cell.lam for cell in cells]),
        _dimension("Rate", sorted(sweep.rates), [cell.learning_rate for cell in cells]),
        {"label": "Accuracy (%)", "values": accuracies, "range": [low, high]},
    ]
    figure = go.Figure()
    figure.add_parcoords(
        dimensions=dimensions,
        line={
            "color": accuracies,
            "cmin": low,
            "cmax": high,
            "colorscale": list(SCALES[palette].amounts[FIRST_LINE_COLOUR:]),
        },
        labelfont={"color": palette.text},
        tickfont={"color": palette.text, "shadow": "none"},
        rangefont={"color": palette.muted, "shadow": "none"},
    )
    apply_style(figure, palette, 380)
    figure.update_layout(margin={"l": 40, "r": 48, "t": 56, "b": 24})
    return figure


def _dimension(label: str, values: Sequence[float], of_cells: Sequence[float]) -> dict[str, object]:
    """An axis with its values at equal distances."""
    return {
        "label": label,
        "values": [values.index(value) for value in of_cells],
        "tickvals": list(range(len(values))),
        "ticktext": [format_number(value) for value in values],
        "range": [-0.2, len(values) - 0.8],
    }


# -- slices -------------------------------------------------------------------------------------

AxisName = Literal["T", "λ"]


class Slice(NamedTuple):
    """A line through the map along one axis, at one value of the other axis.

    Attributes:
        name: the value of the other axis, in words.
        values: values along the axis.
        means: accuracy in percent.
        lows: lower ends of the 95 % intervals, in percent; None without an interval.
        highs: upper ends.
        hover: hover text of each point, with Plotly's tags.
        chosen: whether this line is in the foreground.
    """

    name: str
    values: tuple[float, ...]
    means: tuple[float, ...]
    lows: tuple[float | None, ...]
    highs: tuple[float | None, ...]
    hover: tuple[str, ...]
    chosen: bool


def slices(sweep: SweepSpec, results: SweepMap, along: AxisName, at: Cell) -> tuple[Slice, ...]:
    """Return accuracy along one axis, a line for each value of the other, at one learning rate.

    Args:
        sweep: the grid.
        results: the results of all cells.
        along: the axis of the lines.
        at: the line through this cell is the chosen one, and the last; all lines have its
            learning rate.
    """
    axis = 0 if along == "T" else 1
    other: AxisName = "λ" if along == "T" else "T"
    lines: dict[float, list[CellResult]] = {}
    for result in results.cells:
        if result.cell.learning_rate == at.learning_rate:
            lines.setdefault(result.cell[1 - axis], []).append(result)
    made = [
        _slice(
            f"{other} = {format_number(value)}",
            sorted(line, key=lambda result: result.cell[axis]),
            axis,
            sweep,
            chosen=value == at[1 - axis],
        )
        for value, line in sorted(lines.items())
    ]
    return tuple(sorted(made, key=lambda line: line.chosen))


def _slice(
    name: str, line: Sequence[CellResult], axis: int, sweep: SweepSpec, *, chosen: bool
) -> Slice:
    def ends(end: Literal["low", "high"]) -> tuple[float | None, ...]:
        shares = (getattr(result.accuracy, end) for result in line)
        return tuple(None if share is None else 100 * share for share in shares)

    return Slice(
        name,
        values=tuple(result.cell[axis] for result in line),
        means=tuple(100 * result.accuracy.mean for result in line),
        lows=ends("low"),
        highs=ends("high"),
        hover=tuple(
            f"{cell_in_words(result.cell, sweep)}<br>{estimate_in_words(result.accuracy)}"
            for result in line
        ),
        chosen=chosen,
    )


def slice_figure(
    lines: Sequence[Slice],
    baseline: Estimate | None,
    along: AxisName,
    palette: Palette,
) -> go.Figure:
    """Draw accuracy along an axis: the chosen line with its band, the others, and the baseline.

    T has a logarithmic axis; values of λ are at equal distances.
    """
    figure = go.Figure()
    values = sorted({value for line in lines for value in line.values})
    positions = {
        value: math.log2(value) if along == "T" else float(index)
        for index, value in enumerate(values)
    }
    limits = _axis_limits(list(positions.values()))
    if baseline is not None:
        _add_baseline(figure, baseline, limits, palette)
    for line in lines:
        x = [positions[value] for value in line.values]
        colour = palette.distilled if line.chosen else palette.muted
        if line.chosen:
            _add_band(figure, x, line.lows, line.highs, colour)
        figure.add_scatter(
            x=x,
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
    apply_style(figure, palette, 360)
    figure.update_xaxes(
        title="Temperature T" if along == "T" else "Weight of the labels λ",
        tickmode="array",
        tickvals=list(positions.values()),
        ticktext=[format_number(value) for value in values],
        range=limits,
        zeroline=False,
    )
    figure.update_yaxes(title="Validation accuracy (%)", zeroline=False)
    figure.update_layout(hovermode="closest")
    return figure


def _axis_limits(positions: Sequence[float]) -> list[float]:
    """Ends of an axis, with some space beyond its values."""
    padding = 0.06 * (max(positions) - min(positions)) or 0.3
    return [min(positions) - padding, max(positions) + padding]


def _add_baseline(
    figure: go.Figure, baseline: Estimate, limits: Sequence[float], palette: Palette
) -> None:
    if baseline.low is not None and baseline.high is not None:
        low, high = 100 * baseline.low, 100 * baseline.high
        _add_band(figure, limits, [low, low], [high, high], palette.baseline)
    figure.add_scatter(
        x=list(limits),
        y=[100 * baseline.mean] * 2,
        mode="lines",
        name="Baseline",
        line={"color": palette.baseline, "dash": "dash", "width": 2},
        hovertext=[f"Baseline<br>{estimate_in_words(baseline)}"] * 2,
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _add_band(
    figure: go.Figure,
    positions: Sequence[float],
    lows: Sequence[float | None],
    highs: Sequence[float | None],
    colour: str,
) -> None:
    """Draw an area between the ends of the intervals; points without an interval are left out."""
    intervals = [
        (x, low, high)
        for x, low, high in zip(positions, lows, highs, strict=True)
        if low is not None and high is not None
    ]
    if not intervals:
        return
    there, back = intervals, intervals[::-1]
    red, green, blue = hex_channels(colour)
    figure.add_scatter(
        x=[x for x, _, _ in (*there, *back)],
        y=[high for _, _, high in there] + [low for _, low, _ in back],
        fill="toself",
        fillcolor=f"rgba({red},{green},{blue},0.18)",
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        showlegend=False,
    )
