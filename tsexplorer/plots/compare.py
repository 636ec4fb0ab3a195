"""Experiments side by side, as Plotly figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from tsexplorer.analysis.gain import Interval
from tsexplorer.plots.palette import PLOTLY_SYMBOLS, TITLES, Palette
from tsexplorer.specs import ROLES, Role

DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
ROW_HEIGHT = 64


class Dot(NamedTuple):
    """One role's accuracy in one experiment, in percent."""

    experiment: str
    role: Role
    mean: float
    half: float | None
    seeds: int


class Line(NamedTuple):
    """Validation accuracy by epoch, mean over seeds, in percent."""

    experiment: str
    role: Role
    epochs: tuple[int, ...]
    values: tuple[float, ...]
    seeds: int


class Bar(NamedTuple):
    """A cost of one net in one experiment."""

    experiment: str
    role: Role
    value: float


def dot(experiment: str, role: Role, accuracy: Interval) -> Dot:
    """An interval of accuracies (share of 1) as a dot in percent."""
    half = None if accuracy.half is None else 100 * accuracy.half
    return Dot(experiment, role, 100 * accuracy.mean, half, accuracy.n)


def line(experiment: str, role: Role, curves: Sequence[Sequence[float]]) -> Line:
    """The mean over seeds of accuracy curves (share of 1), as far as all seeds have come."""
    length = min((len(curve) for curve in curves), default=0)
    means = tuple(100 * sum(curve[i] for curve in curves) / len(curves) for i in range(length))
    return Line(experiment, role, tuple(range(1, length + 1)), means, len(curves))


def accuracy_figure(dots: Sequence[Dot], palette: Palette, split: str) -> go.Figure:
    """A row an experiment, a dot a role, with the 95 % interval over seeds as whiskers."""
    experiments = list(dict.fromkeys(point.experiment for point in dots))
    figure = go.Figure()
    for experiment in experiments:
        means = [point.mean for point in dots if point.experiment == experiment]
        figure.add_scatter(
            x=[min(means), max(means)],
            y=[experiment] * 2,
            mode="lines",
            line={"color": palette.grid, "width": 6},
            hoverinfo="skip",
            showlegend=False,
        )
    for role in ROLES:
        own = [point for point in dots if point.role == role]
        figure.add_scatter(
            x=[point.mean for point in own],
            y=[point.experiment for point in own],
            mode="markers",
            name=TITLES[role],
            marker={"color": palette[role], "symbol": PLOTLY_SYMBOLS[role], "size": 13},
            error_x={
                "type": "data",
                "array": [point.half or 0 for point in own],
                "color": palette[role],
                "thickness": 2,
                "width": 5,
            },
            customdata=[[point.seeds] for point in own],
            hovertemplate="%{y}<br>"
            + f"{TITLES[role]}: "
            + "%{x:.2f} % (seeds: %{customdata[0]})<extra></extra>",
        )
    figure.update_xaxes(title=f"{split.capitalize()} accuracy (%)", zeroline=False)
    figure.update_yaxes(autorange="reversed", title=None, automargin=True)
    return _laid_out(figure, palette, 120 + ROW_HEIGHT * max(len(experiments), 2))


def curves_figure(lines: Sequence[Line], palette: Palette) -> go.Figure:
    """A panel a role; each experiment keeps its dash through the panels."""
    experiments = list(dict.fromkeys(curve.experiment for curve in lines))
    figure = make_subplots(
        rows=1,
        cols=len(ROLES),
        shared_yaxes=True,
        subplot_titles=[TITLES[role] for role in ROLES],
        horizontal_spacing=0.03,
    )
    for curve in lines:
        place = experiments.index(curve.experiment)
        figure.add_scatter(
            x=curve.epochs,
            y=curve.values,
            mode="lines",
            name=curve.experiment,
            legendgroup=curve.experiment,
            showlegend=curve.role == "distilled",
            line={"color": palette[curve.role], "dash": DASHES[place % len(DASHES)], "width": 2},
            hovertemplate=f"{curve.experiment}<br>epoch %{{x}}: %{{y:.2f}} %<extra></extra>",
            row=1,
            col=ROLES.index(curve.role) + 1,
        )
    figure.update_xaxes(title="Epoch", zeroline=False)
    low = _settled_low(lines)
    figure.update_yaxes(range=[low, 100.2] if low is not None else None, zeroline=False)
    figure.update_yaxes(title="Validation accuracy (%)", col=1)
    return _laid_out(figure, palette, 380)


def cost_figure(bars: Sequence[Bar], palette: Palette, title: str) -> go.Figure:
    """Bars grouped by experiment; a logarithmic axis, since teachers are many times larger."""
    figure = go.Figure()
    for role in ("teacher", "distilled"):
        own = [bar for bar in bars if bar.role == role]
        figure.add_bar(
            y=[bar.experiment for bar in own],
            x=[bar.value for bar in own],
            orientation="h",
            name="Teacher" if role == "teacher" else "Student",
            marker={"color": palette[role]},  # type: ignore[index]
            text=[f"{bar.value:,.0f}" if bar.value >= 10 else f"{bar.value:.3g}" for bar in own],
            textposition="auto",
            hovertemplate="%{y}: %{x:,.4~g}<extra></extra>",
        )
    experiments = len({bar.experiment for bar in bars})
    figure.update_xaxes(title=title, type="log", dtick=1)
    figure.update_yaxes(autorange="reversed", automargin=True)
    return _laid_out(figure, palette, 140 + ROW_HEIGHT * max(experiments, 1))


def _settled_low(lines: Sequence[Line]) -> float | None:
    settled = [value for curve in lines for value in curve.values[2:] or curve.values]
    return max(0.0, min(settled) - 0.5) if settled else None


def _laid_out(figure: go.Figure, palette: Palette, height: int) -> go.Figure:
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
