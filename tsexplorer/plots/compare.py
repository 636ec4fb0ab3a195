"""Experiments side by side, and the ranked students of a comparison, as Plotly figures."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import NamedTuple

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from tsexplorer.analysis.seed_statistics import Interval, RankedMethod
from tsexplorer.plots.live import lower_bound
from tsexplorer.plots.style import PLOTLY_SYMBOLS, TITLES, Palette, apply_style, escape_plotly
from tsexplorer.specs import ROLES, Role

DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
FEW_EPOCHS = 8
"""Epochs up to which each has a tick of its own."""
MARKER_SIZES: dict[Role, int] = {"teacher": 13, "baseline": 16, "distilled": 13}
"""The baseline is drawn below the student: the larger one can be seen behind an equal student."""
ROW_HEIGHT = 64
TICK_STEPS = (
    (1,),
    (1, 2, 5),
    (1, 1.5, 2, 3, 4, 5, 7),
    (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9),
    [step / 10 for step in range(10, 100)],
)
"""Ticks within a power of ten, fewest first: a phone has room for about five."""
LABEL_WIDTH = 22
"""Characters by line of a row's label."""
PEER_OPACITY = 0.7
COST_ROLES: dict[Role, str] = {"teacher": "Teacher", "distilled": "Student"}


class AccuracyPoint(NamedTuple):
    """The accuracy of one role in one experiment, in percent.

    Attributes:
        experiment: name of the experiment.
        role: the net's role.
        mean: mean over seeds.
        half: half the width of the 95 % interval; None without an interval.
        seeds: number of seeds.
    """

    experiment: str
    role: Role
    mean: float
    half: float | None
    seeds: int


class AccuracyCurve(NamedTuple):
    """Validation accuracy by epoch, mean over seeds, in percent.

    Attributes:
        experiment: name of the experiment.
        role: the net's role.
        epochs: numbers of the epochs, from 1.
        values: one accuracy for each epoch.
        seeds: number of seeds.
        peer: name of a net that was trained along with the role's; empty for the role's own.
    """

    experiment: str
    role: Role
    epochs: tuple[int, ...]
    values: tuple[float, ...]
    seeds: int
    peer: str = ""


class CostPoint(NamedTuple):
    """A cost in one experiment: of all its teachers together, or of its student."""

    experiment: str
    role: Role
    value: float


def accuracy_point(experiment: str, role: Role, accuracy: Interval) -> AccuracyPoint:
    """Make a point in percent from an interval of accuracies (shares of 1)."""
    half = None if accuracy.half is None else 100 * accuracy.half
    return AccuracyPoint(experiment, role, 100 * accuracy.mean, half, accuracy.n)


def mean_curve(experiment: str, role: Role, curves: Sequence[Sequence[float]]) -> AccuracyCurve:
    """Return the mean over seeds of accuracy curves (shares of 1), up to the shortest curve."""
    length = min((len(curve) for curve in curves), default=0)
    means = tuple(100 * sum(curve[i] for curve in curves) / len(curves) for i in range(length))
    return AccuracyCurve(experiment, role, tuple(range(1, length + 1)), means, len(curves))


class LabelPoint(NamedTuple):
    """The mean accuracy of a role, as shares of 1, with a number of labelled training images."""

    role: Role
    labels: int
    accuracy: Interval


def label_figure(points: Sequence[LabelPoint], palette: Palette, split: str) -> go.Figure:
    """Draw accuracy against the number of labels, with 95 % intervals over seeds by role."""
    figure = go.Figure()
    for role in ROLES:
        of_role = sorted(point for point in points if point.role == role)
        figure.add_scatter(
            x=[point.labels for point in of_role],
            y=[100 * point.accuracy.mean for point in of_role],
            mode="lines+markers",
            name=TITLES[role],
            line={"color": palette[role], "width": 2},
            marker={"symbol": PLOTLY_SYMBOLS[role], "size": MARKER_SIZES[role]},
            error_y={
                "type": "data",
                "array": [100 * (point.accuracy.half or 0) for point in of_role],
                "color": palette[role],
                "thickness": 2,
                "width": 5,
            },
            hovertemplate=f"{TITLES[role]}, %{{x:,}} labels: %{{y:.2f}} %<extra></extra>",
        )
    labels = sorted({point.labels for point in points})
    ticks = {"tickvals": labels, "ticktext": [f"{count:,}" for count in labels]}
    figure.update_xaxes(title="Training images with a label", type="log", **ticks)
    figure.update_yaxes(title=f"{split.capitalize()} accuracy (%)", zeroline=False)
    return _apply_layout(figure, palette, 360)


# -- accuracies and costs: a row for each experiment --------------------------------------------


def accuracy_figure(points: Sequence[AccuracyPoint], palette: Palette, split: str) -> go.Figure:
    """Draw a row for each experiment, with a marker and the 95 % interval over seeds by role."""
    experiments = list(dict.fromkeys(point.experiment for point in points))
    figure = go.Figure()
    _add_ranges(
        figure, points=[(point.experiment, point.mean) for point in points], palette=palette
    )
    for role in ROLES:
        of_role = [point for point in points if point.role == role]
        figure.add_scatter(
            x=[point.mean for point in of_role],
            y=[escape_plotly(point.experiment) for point in of_role],
            mode="markers",
            name=TITLES[role],
            marker={
                "color": palette[role],
                "symbol": PLOTLY_SYMBOLS[role],
                "size": MARKER_SIZES[role],
            },
            error_x={
                "type": "data",
                "array": [point.half or 0 for point in of_role],
                "color": palette[role],
                "thickness": 2,
                "width": 5,
            },
            customdata=[[point.seeds] for point in of_role],
            hovertemplate="%{y}<br>"
            + f"{TITLES[role]}: "
            + "%{x:.2f} % (seeds: %{customdata[0]})<extra></extra>",
        )
    figure.update_xaxes(title=f"{split.capitalize()} accuracy (%)", zeroline=False)
    _label_rows(figure, experiments)
    return _apply_layout(figure, palette, 112 + ROW_HEIGHT * len(experiments))


def cost_figure(points: Sequence[CostPoint], palette: Palette, title: str) -> go.Figure:
    """Draw a row for each experiment, with a marker by role, on a logarithmic axis.

    The axis is logarithmic because a teacher may cost 100 times as much as its student. Bars would
    have no meaningful length on it.
    """
    experiments = list(dict.fromkeys(point.experiment for point in points))
    figure = go.Figure()
    _add_ranges(
        figure, points=[(point.experiment, point.value) for point in points], palette=palette
    )
    for role, name in COST_ROLES.items():
        values = [point.value for point in points if point.role == role]
        figure.add_scatter(
            x=values,
            y=[escape_plotly(point.experiment) for point in points if point.role == role],
            mode="markers+text",
            name=name,
            marker={"color": palette[role], "symbol": PLOTLY_SYMBOLS[role], "size": 13},
            text=[f"{value:,.0f}" if value >= 10 else f"{value:.3g}" for value in values],
            textposition="top center" if role == "teacher" else "bottom center",
            textfont={"color": palette.text},
            cliponaxis=False,
            hovertemplate="%{y}<br>" + f"{name}: " + "%{text}<extra></extra>",
        )
    low, high = min(point.value for point in points), max(point.value for point in points)
    padding = 0.12 + 0.08 * math.log10(high / low)
    figure.update_xaxes(
        title=title,
        type="log",
        range=[math.log10(low) - padding, math.log10(high) + padding],
        tickformat="~s" if high >= 1000 else "~g",
        tickvals=log_ticks(low / 10**padding, high * 10**padding),
    )
    _label_rows(figure, experiments)
    return _apply_layout(figure, palette, 128 + ROW_HEIGHT * len(experiments))


def log_ticks(low: float, high: float) -> list[float]:
    """Return round values from low to high for a logarithmic axis, at least three if possible.

    >>> log_ticks(1, 1e6)[:3], log_ticks(30, 300), log_ticks(38e3, 81e3)
    ([1.0, 10.0, 100.0], [50.0, 100.0, 200.0], [40000.0, 50000.0, 70000.0])
    """
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks: list[float] = []
    for steps in TICK_STEPS:
        values = [float(f"{step}e{power}") for power in powers for step in steps]
        ticks = [tick for tick in values if low <= tick <= high]
        if len(ticks) >= 3:
            break
    return ticks


def _add_ranges(figure: go.Figure, points: Sequence[tuple[str, float]], palette: Palette) -> None:
    """Draw a bar from the lowest to the highest value of each experiment."""
    for experiment in dict.fromkeys(name for name, _ in points):
        values = [value for name, value in points if name == experiment]
        figure.add_scatter(
            x=[min(values), max(values)],
            y=[escape_plotly(experiment)] * 2,
            mode="lines",
            line={"color": palette.grid, "width": 6},
            hoverinfo="skip",
            showlegend=False,
        )


def _label_rows(figure: go.Figure, names: Sequence[str]) -> None:
    """Label the rows from top to bottom; names whose short lines are equal stay two rows."""
    figure.update_yaxes(
        type="category",
        tickvals=[escape_plotly(name) for name in names],
        ticktext=[row_label(name) for name in names],
        autorange="reversed",
        automargin=True,
    )


def row_label(name: str) -> str:
    """Return a name as an axis label: escaped, and broken into short lines for phones."""
    return "<br>".join(escape_plotly(part) for part in textwrap.wrap(name, LABEL_WIDTH))


def _apply_layout(figure: go.Figure, palette: Palette, height: int) -> go.Figure:
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 16, "t": 48, "b": 8},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.04, "x": 0},
        font={"color": palette.text},
        hoverlabel={"namelength": -1},
        bargap=0.3,
    )
    figure.update_xaxes(gridcolor=palette.grid, color=palette.muted, automargin=True)
    figure.update_yaxes(gridcolor=palette.grid, color=palette.muted)
    return figure


# -- curves: a panel for each role --------------------------------------------------------------


def curves_figure(curves: Sequence[AccuracyCurve], palette: Palette) -> go.Figure:
    """Draw a panel for each role; an experiment has one dash in all panels; peers are thin."""
    experiments = list(dict.fromkeys(curve.experiment for curve in curves))
    dashes = {name: DASHES[i % len(DASHES)] for i, name in enumerate(experiments)}
    figure = make_subplots(
        rows=1,
        cols=len(ROLES),
        shared_yaxes=True,
        subplot_titles=[TITLES[role] for role in ROLES],
        horizontal_spacing=0.03,
    )
    for curve in curves:
        _add_curve(figure, curve, dashes[curve.experiment], palette)
    for experiment in experiments:
        figure.add_scatter(  # the legend shows dashes only: the colours of the panels are roles
            x=[None],
            y=[None],
            mode="lines",
            name=escape_plotly(experiment),
            legendgroup=escape_plotly(experiment),
            line={"color": palette.text, "dash": dashes[experiment], "width": 2},
        )
    figure.update_xaxes(title="Epoch", zeroline=False)
    for column, role in enumerate(ROLES, start=1):
        if last_epoch([curve for curve in curves if curve.role == role]) <= FEW_EPOCHS:
            figure.update_xaxes(dtick=1, col=column)  # else Plotly puts ticks between epochs
    low = lower_bound(curves, last_epoch(curves))
    figure.update_yaxes(range=[low, 100.2] if low is not None else None, zeroline=False)
    figure.update_yaxes(title="Validation accuracy (%)", col=1)
    _apply_layout(figure, palette, 380 + 20 * len(experiments))
    figure.update_layout(
        margin_t=36, legend={"orientation": "h", "yanchor": "top", "y": -0.24, "x": 0}
    )
    return figure


def _add_curve(figure: go.Figure, curve: AccuracyCurve, dash: str, palette: Palette) -> None:
    names = [escape_plotly(name) for name in (curve.experiment, curve.peer) if name]
    figure.add_scatter(
        x=curve.epochs,
        y=curve.values,
        mode="lines",
        name=escape_plotly(curve.experiment),
        legendgroup=escape_plotly(curve.experiment),
        showlegend=False,
        line={"color": palette[curve.role], "dash": dash, "width": 1 if curve.peer else 2},
        opacity=PEER_OPACITY if curve.peer else 1,
        hovertemplate="<br>".join([*names, "epoch %{x}: %{y:.2f} %<extra></extra>"]),
        row=1,
        col=ROLES.index(curve.role) + 1,
    )


def last_epoch(curves: Sequence[AccuracyCurve]) -> int:
    """The last epoch of the longest curve; 0 without curves."""
    return max((curve.epochs[-1] for curve in curves), default=0)


# -- a comparison: a row for each student -------------------------------------------------------

COMPARISON_ROW_HEIGHT = 34
COMPARISON_MARGINS = 96
TIED, BEHIND = "cannot be told apart from the first", "behind the first"


def comparison_figure(
    students: Sequence[RankedMethod], reference: str, baseline: str, palette: Palette
) -> go.Figure:
    """Draw a row for each student, best first, with the 95 % interval of its difference.

    Filled markers are the first student and those that cannot be told apart from it.

    Args:
        students: highest mean first.
        reference: title of the student from which differences are computed; its marker is at 0.
        baseline: title of the baseline, which has its own colour.
        palette: colours on the current background.
    """
    figure = go.Figure()
    figure.add_vline(x=0, line={"color": palette.muted, "width": 1, "dash": "dot"})
    for tied in (True, False):
        group = [student for student in students if student.tied is tied]
        if group:
            figure.add_scatter(**_comparison_markers(group, tied, baseline, palette))
    names = [student.title for student in students]
    _label_rows(figure, names)
    figure.update_yaxes(
        categoryorder="array", categoryarray=[escape_plotly(name) for name in names]
    )
    figure.update_xaxes(
        title=f"Test accuracy less {escape_plotly(reference)} (points)", zeroline=False, nticks=8
    )
    apply_style(figure, palette, COMPARISON_MARGINS + COMPARISON_ROW_HEIGHT * len(students))
    figure.update_layout(margin_t=8, margin_r=8, legend={"yanchor": "top", "y": -0.2, "x": 0})
    return figure


def _comparison_markers(
    students: Sequence[RankedMethod], tied: bool, baseline: str, palette: Palette
) -> dict[str, object]:
    roles: list[Role] = [
        "baseline" if student.title == baseline else "distilled" for student in students
    ]
    symbols = [PLOTLY_SYMBOLS[role] + ("" if tied else "-open") for role in roles]
    differences = [
        student.difference or Interval(0.0, None, student.accuracy.n) for student in students
    ]
    return {
        "x": [100 * difference.mean for difference in differences],
        "y": [escape_plotly(student.title) for student in students],
        "mode": "markers",
        "name": TIED if tied else BEHIND,
        "marker": {"color": [palette[role] for role in roles], "symbol": symbols, "size": 11},
        "error_x": {
            "type": "data",
            "array": [100 * (difference.half or 0) for difference in differences],
            "color": palette.muted,
            "thickness": 1.5,
            "width": 4,
        },
        "customdata": [[100 * student.accuracy.mean, student.accuracy.n] for student in students],
        "hovertemplate": "%{y}<br>%{x:+.2f} points; test %{customdata[0]:.2f} % "
        "(seeds: %{customdata[1]})<extra></extra>",
    }
