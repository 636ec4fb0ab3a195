"""Experiments side by side, as Plotly figures.

Ways to teach one student, placed by their differences, as a Plotly figure.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import NamedTuple

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from tsexplorer.analysis.seed_statistics import Interval, Placed
from tsexplorer.plots.live import lower_bound
from tsexplorer.plots.style import PLOTLY_SYMBOLS, TITLES, Palette, dressed
from tsexplorer.specs import ROLES, Role

DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
FEW = 8
"""Epochs up to which each has a tick of its own."""
SIZES: dict[Role, int] = {"teacher": 13, "baseline": 16, "distilled": 13}
"""Of dots; the baseline lies lowest, and its rim is seen behind a student that is just as good."""
ROW_HEIGHT = 64
TICK_STEPS = (
    (1,),
    (1, 2, 5),
    (1, 1.5, 2, 3, 4, 5, 7),
    (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9),
    [step / 10 for step in range(10, 100)],
)
"""Ticks within a power of ten, the fewest first: a phone has room for about five."""
LABEL_WIDTH = 22
PEER_OPACITY = 0.7
COST_ROLES: dict[Role, str] = {"teacher": "Teacher", "distilled": "Student"}


class Dot(NamedTuple):
    """One role's accuracy in one experiment, in percent."""

    experiment: str
    role: Role
    mean: float
    half: float | None
    seeds: int


class Line(NamedTuple):
    """Validation accuracy by epoch, mean over seeds, in percent.

    Attributes:
        peer: the net's name, where it is one that was trained along with the role's.
    """

    experiment: str
    role: Role
    epochs: tuple[int, ...]
    values: tuple[float, ...]
    seeds: int
    peer: str = ""


class Cost(NamedTuple):
    """A cost in one experiment: of its teachers, all together, or of its student."""

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


def literal(text: str) -> str:
    """A person's text as Plotly shows it: no tag, entity, template or formula is read in it.

    >>> literal("<b>T</b> %{y}")
    '&#60;b&#62;T&#60;/b&#62; &#37;{y}'
    """
    return "".join(f"&#{ord(letter)};" if letter in "&<>%$" else letter for letter in text)


def label(experiment: str) -> str:
    """An experiment's name as an axis label: literal, and broken into short lines for phones."""
    return "<br>".join(literal(part) for part in textwrap.wrap(experiment, LABEL_WIDTH))


def accuracy_figure(dots: Sequence[Dot], palette: Palette, split: str) -> go.Figure:
    """A row an experiment, a dot a role, with the 95 % interval over seeds as whiskers."""
    experiments = list(dict.fromkeys(point.experiment for point in dots))
    figure = go.Figure()
    for experiment in experiments:
        means = [point.mean for point in dots if point.experiment == experiment]
        figure.add_scatter(
            x=[min(means), max(means)],
            y=[literal(experiment)] * 2,
            mode="lines",
            line={"color": palette.grid, "width": 6},
            hoverinfo="skip",
            showlegend=False,
        )
    for role in ROLES:
        own = [point for point in dots if point.role == role]
        figure.add_scatter(
            x=[point.mean for point in own],
            y=[literal(point.experiment) for point in own],
            mode="markers",
            name=TITLES[role],
            marker={"color": palette[role], "symbol": PLOTLY_SYMBOLS[role], "size": SIZES[role]},
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
    _name_rows(figure, experiments)
    return _laid_out(figure, palette, 112 + ROW_HEIGHT * len(experiments))


def curves_figure(lines: Sequence[Line], palette: Palette) -> go.Figure:
    """A panel a role; each experiment keeps its dash through the panels; peers are thin."""
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
            name=literal(curve.experiment),
            legendgroup=literal(curve.experiment),
            showlegend=False,
            line={
                "color": palette[curve.role],
                "dash": DASHES[place % len(DASHES)],
                "width": 1 if curve.peer else 2,
            },
            opacity=PEER_OPACITY if curve.peer else 1,
            hovertemplate="<br>".join(
                [
                    *map(literal, filter(None, (curve.experiment, curve.peer))),
                    "epoch %{x}: %{y:.2f} %<extra></extra>",
                ]
            ),
            row=1,
            col=ROLES.index(curve.role) + 1,
        )
    for place, experiment in enumerate(experiments):
        figure.add_scatter(  # the legend tells dashes apart; the panels' colours are the roles'
            x=[None],
            y=[None],
            mode="lines",
            name=literal(experiment),
            legendgroup=literal(experiment),
            line={"color": palette.text, "dash": DASHES[place % len(DASHES)], "width": 2},
        )
    figure.update_xaxes(title="Epoch", zeroline=False)
    for column, role in enumerate(ROLES, start=1):
        if max((curve.epochs[-1] for curve in lines if curve.role == role), default=0) <= FEW:
            figure.update_xaxes(dtick=1, col=column)  # else Plotly puts ticks between epochs
    low = lower_bound(lines, longest(lines))
    figure.update_yaxes(range=[low, 100.2] if low is not None else None, zeroline=False)
    figure.update_yaxes(title="Validation accuracy (%)", col=1)
    _laid_out(figure, palette, 380 + 20 * len(experiments))
    figure.update_layout(
        margin_t=36, legend={"orientation": "h", "yanchor": "top", "y": -0.24, "x": 0}
    )
    return figure


def longest(lines: Sequence[Line]) -> int:
    """Epochs of the longest curve."""
    return max((curve.epochs[-1] for curve in lines), default=0)


def cost_figure(bars: Sequence[Cost], palette: Palette, title: str) -> go.Figure:
    """A row an experiment, a dot a role, on a logarithmic axis: teachers may be 100 times larger.

    Dots rather than bars, whose length would mean nothing on such an axis.
    """
    figure = go.Figure()
    for experiment in dict.fromkeys(bar.experiment for bar in bars):
        values = [bar.value for bar in bars if bar.experiment == experiment]
        figure.add_scatter(
            x=[min(values), max(values)],
            y=[literal(experiment)] * 2,
            mode="lines",
            line={"color": palette.grid, "width": 6},
            hoverinfo="skip",
            showlegend=False,
        )
    for role, name in COST_ROLES.items():
        own = [bar for bar in bars if bar.role == role]
        figure.add_scatter(
            y=[literal(bar.experiment) for bar in own],
            x=[bar.value for bar in own],
            mode="markers+text",
            name=name,
            marker={"color": palette[role], "symbol": PLOTLY_SYMBOLS[role], "size": 13},
            text=[f"{bar.value:,.0f}" if bar.value >= 10 else f"{bar.value:.3g}" for bar in own],
            textposition="top center" if role == "teacher" else "bottom center",
            textfont={"color": palette.text},
            cliponaxis=False,
            hovertemplate="%{y}<br>" + f"{name}: " + "%{text}<extra></extra>",
        )
    low, high = min(bar.value for bar in bars), max(bar.value for bar in bars)
    pad = 0.12 + 0.08 * math.log10(high / low)
    figure.update_xaxes(
        title=title,
        type="log",
        range=[math.log10(low) - pad, math.log10(high) + pad],
        tickformat="~s" if high >= 1000 else "~g",
        tickvals=log_ticks(low / 10**pad, high * 10**pad),
    )
    _name_rows(figure, [bar.experiment for bar in bars])
    return _laid_out(figure, palette, 128 + ROW_HEIGHT * len({bar.experiment for bar in bars}))


def log_ticks(low: float, high: float) -> list[float]:
    """Round values from low to high for a logarithmic axis; three at least, where it can be.

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


def _name_rows(figure: go.Figure, experiments: Sequence[str]) -> None:
    """A row a name, from the top down; labels are broken, and names that break alike stay two."""
    names = list(dict.fromkeys(experiments))
    figure.update_yaxes(
        type="category",
        tickvals=[literal(name) for name in names],
        ticktext=[label(name) for name in names],
        autorange="reversed",
        automargin=True,
    )


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


COMPARISON_ROW_HEIGHT = 34
MARGINS = 96
TIED, BEHIND = "cannot be told apart from the first", "behind the first"


def contest_figure(
    places: Sequence[Placed], against: str, baseline: str, palette: Palette
) -> go.Figure:
    """A row an entrant, the first on top, with the 95 % interval of its difference.

    Filled marks are the first and those that cannot be told apart from it.

    Args:
        places: the highest mean first.
        against: title of what all are held against; its row has a mark at 0.
        baseline: title of the baseline's row, which has its own colour.
        palette: colours on the background in force.
    """
    figure = go.Figure()
    figure.add_vline(x=0, line={"color": palette.muted, "width": 1, "dash": "dot"})
    for tied in (True, False):
        own = [one for one in places if one.tied is tied]
        if own:
            figure.add_scatter(**_marks(own, tied, baseline, palette))
    names = [one.title for one in places]
    figure.update_yaxes(
        type="category",
        tickvals=[literal(name) for name in names],
        ticktext=[label(name) for name in names],
        categoryorder="array",
        categoryarray=[literal(name) for name in names],
        autorange="reversed",
        automargin=True,
    )
    figure.update_xaxes(
        title=f"Test accuracy less {literal(against)} (points)", zeroline=False, nticks=8
    )
    dressed(figure, palette, MARGINS + COMPARISON_ROW_HEIGHT * len(places))
    figure.update_layout(margin_t=8, margin_r=8, legend={"yanchor": "top", "y": -0.2, "x": 0})
    return figure


def _marks(own: Sequence[Placed], tied: bool, baseline: str, palette: Palette) -> dict[str, object]:
    roles: list[Role] = ["baseline" if one.title == baseline else "distilled" for one in own]
    symbols = [PLOTLY_SYMBOLS[role] + ("" if tied else "-open") for role in roles]
    apart = [one.difference or Interval(0.0, None, one.accuracy.n) for one in own]
    return {
        "x": [100 * value.mean for value in apart],
        "y": [literal(one.title) for one in own],
        "mode": "markers",
        "name": TIED if tied else BEHIND,
        "marker": {"color": [palette[role] for role in roles], "symbol": symbols, "size": 11},
        "error_x": {
            "type": "data",
            "array": [100 * (value.half or 0) for value in apart],
            "color": palette.muted,
            "thickness": 1.5,
            "width": 4,
        },
        "customdata": [[100 * one.accuracy.mean, one.accuracy.n] for one in own],
        "hovertemplate": "%{y}<br>%{x:+.2f} points; test %{customdata[0]:.2f} % "
        "(seeds: %{customdata[1]})<extra></extra>",
    }
