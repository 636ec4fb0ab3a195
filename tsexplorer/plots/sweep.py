"""A sweep's map, cuts through it, and all its axes at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import plotly.graph_objects as go

from tsexplorer.objectives.base import format_number
from tsexplorer.plots.palette import Palette
from tsexplorer.plots.scales import SCALES, dressed
from tsexplorer.plots.soft_targets import Cells
from tsexplorer.sweeps.map import CellResult, Estimate, SweepMap
from tsexplorer.sweeps.spec import Cell, SweepSpec

MeasureName = Literal["accuracy", "gap", "agreement", "ece"]
AxisName = Literal["T", "λ"]
WIDE = 6
"""Columns up to which a cell has room for two digits behind the point."""
STAR = "★"
VISIBLE = 3
"""Amounts from which on a thin line is seen on the page's ground."""
SMALLEST_RANGE = 0.2
"""Percentage points that the colours, and the axis of a slice, span at least."""


class Measure(NamedTuple):
    """A figure that the map can show.

    Attributes:
        name: a word or two.
        title: of the colours, with the unit and what is better.
        meaning: one sentence.
        scale: whether its colours have nothing in the middle.
    """

    name: str
    title: str
    meaning: str
    scale: Literal["amounts", "differences"] = "amounts"


MEASURES: dict[MeasureName, Measure] = {
    "accuracy": Measure(
        "Accuracy",
        "Validation accuracy (%), mean over seeds",
        "The share of validation images that the student gets right.",
    ),
    "gap": Measure(
        "Gap closed",
        "Gap closed on validation (%), mean over seeds; 0 is the baseline",
        "(distilled − baseline) / (teacher − baseline), paired by seed, against the baseline at "
        "the learning rate that suits it best; – where the teacher is not better.",
        "differences",
    ),
    "agreement": Measure(
        "Agreement",
        "Agreement with the teacher on validation (%), mean over seeds",
        "The share of validation images to which the student gives the teacher’s answer, right "
        "or wrong.",
    ),
    "ece": Measure(
        "Calibration",
        "Expected calibration error on validation (%), mean over seeds; lower is better",
        "How far the student’s confidence is from its accuracy: 15 bins, T = 1 (Guo et al. 2017).",
    ),
}


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


def in_words(estimate: Estimate | None) -> str:
    """An estimate of shares in percent, with its interval and how that came about.

    >>> in_words(Estimate(0.97, 0.965, 0.975, 3, "t over seeds"))
    '97.00 % (95 % interval 96.50 to 97.50 %, t over 3 seeds)'
    >>> in_words(Estimate(0.97, None, None, 1, "none")), in_words(None)
    ('97.00 % (1 seed, no interval)', '–')
    """
    if estimate is None or math.isnan(estimate.mean):
        return "–"
    mean = f"{_percent(estimate.mean)} %"
    seeds = f"{estimate.seeds} seed{'s' * (estimate.seeds != 1)}"
    if estimate.low is None or estimate.high is None:
        return f"{mean} ({seeds}, no interval)"
    ends = f"95 % interval {_percent(estimate.low)} to {_percent(estimate.high)} %"
    method = (
        f"t over {seeds}" if estimate.method == "t over seeds" else f"{estimate.method}, 1 seed"
    )
    return f"{mean} ({ends}, {method})"


def rank_in_words(result: CellResult, best: Cell | None) -> str:
    """How a cell stands to the best one."""
    if result.cell == best:
        return "The best mean on validation"
    if result.behind is None or not result.behind.seeds:
        return "Not comparable with the best yet"
    points = f"{100 * result.behind.mean:.2f} points behind the best"
    if result.behind.low is not None and result.behind.high is not None:
        low, high = _percent(result.behind.low), _percent(result.behind.high)
        points += f" (95 % interval {low} to {high})"
    return points + (": cannot be told apart from it" if result.may_be_best else "")


def cell_in_words(cell: Cell, sweep: SweepSpec) -> str:
    """A cell's name: without T where that has no say, with the learning rate where it varies."""
    words = f"λ = {format_number(cell.lam)}"
    if cell.lam == 1 and sweep.baseline_in_grid:
        words += " (the baseline, whatever T)"
    else:
        words = f"T = {format_number(cell.temperature)}, {words}"
    if len(sweep.rates) > 1:
        words += f", learning rate {format_number(cell.learning_rate)}"
    return words


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
    span = _span([100 * mean(one, measure) for one in found.cells], MEASURES[measure])
    digits = 2 if len(columns) <= WIDE else 1
    framed = [
        [one is not None and one.may_be_best and not math.isnan(mean(one, measure)) for one in row]
        for row in grid
    ]
    return Cells(
        values_RC=values_RC,
        span=span,
        scale=MEASURES[measure].scale,
        ticks={low: f"{low:.1f}" for low in np.linspace(*span, 3).tolist()},
        title=MEASURES[measure].title,
        shown=[[_shown(one, measure, digits, found.best) for one in row] for row in grid],
        hover=[[_hover(one, sweep, found, remarks or {}) for one in row] for row in grid],
        framed=framed,
    )


def mean(result: CellResult, measure: MeasureName) -> float:
    """The mean of a figure, share of 1; NaN where it is not known."""
    estimate: Estimate | None = getattr(result, measure)
    return math.nan if estimate is None else estimate.mean


def best_of_row(found: SweepMap, lam: float) -> Cell | None:
    """The cell of the highest mean accuracy among those of one lambda; None where there is none."""
    row = [one for one in found.cells if one.cell.lam == lam]
    best = max(row, key=lambda one: one.accuracy.mean, default=None)
    return None if best is None else best.cell


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


def parallel_figure(sweep: SweepSpec, found: SweepMap, palette: Palette) -> go.Figure:
    """A line a cell through T, lambda, learning rate and accuracy; axes can be brushed."""
    cells = [one.cell for one in found.cells]
    accuracy = [100 * one.accuracy.mean for one in found.cells]
    low, high = _span(accuracy, MEASURES["accuracy"])
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


def _dimension(label: str, values: Sequence[float], own: Sequence[float]) -> dict[str, object]:
    """An axis whose values stand at equal distances."""
    return {
        "label": label,
        "values": [values.index(value) for value in own],
        "tickvals": list(range(len(values))),
        "ticktext": [format_number(value) for value in values],
        "range": [-0.2, len(values) - 0.8],
    }


def _span(values: Sequence[float], measure: Measure) -> tuple[float, float]:
    """Values, in percent, at both ends of the colours."""
    known = [value for value in values if not math.isnan(value)] or [0.0]
    if measure.scale == "differences":
        end = max(SMALLEST_RANGE, *(abs(value) for value in known))
        return -end, end
    low, high = min(known), max(known)
    missing = max(0.0, SMALLEST_RANGE - (high - low)) / 2
    return low - missing, high + missing


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


def _percent(share: float) -> str:
    return f"{100 * share:.2f}".replace("-", "−")
