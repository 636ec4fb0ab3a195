"""The loss of one image and its gradients, as Plotly figures.

Colours say where a term comes from: the labels alone (the baseline's), the teacher, and both (the
distilled student's).

The terms of an objective over epochs, each a line, as an ECharts option that grows in place.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import plotly.graph_objects as go

from tsexplorer.analysis.loss_terms import Gradients, Pull, Surface
from tsexplorer.analysis.soft_targets import Floats
from tsexplorer.plots.compare import literal
from tsexplorer.plots.live import MARKED, framed, points, value_axis
from tsexplorer.plots.style import Palette, dressed

SMALLEST = 1e-8
"""Below this a curve on a logarithmic axis is left out: it says no more than zero."""
T_TICKS = (0.5, 1, 2, 5, 10, 20, 50)
DASHES = ("solid", "longdash", "dashdot", "dot")


def terms_figure(surface: Surface, palette: Palette) -> go.Figure:
    """The terms and the loss over T, both axes logarithmic; a line a lambda for the loss."""
    figure = go.Figure()
    temperatures_K = surface.temperatures_K
    labels_K = temperatures_K * 0 + surface.labels
    _curve(figure, temperatures_K, labels_K, "Labels: CE", palette.baseline, "dash", "nats")
    _curve(figure, temperatures_K, surface.soft_K, "KL", palette.teacher, "dot", "nats")
    _curve(figure, temperatures_K, surface.restored_K, "T² · KL", palette.teacher, "solid", "nats")
    for number, (lam, total_K) in enumerate(
        zip(surface.lambdas_L.tolist(), surface.total_LK, strict=True)
    ):
        name, dash = f"Loss, λ = {lam:.3g}", DASHES[number % len(DASHES)]
        _curve(figure, temperatures_K, total_K, name, palette.distilled, dash, "nats", width=3)
    return _over_temperature(figure, palette, "Term (nats)")


def pull_figure(pull: Pull, palette: Palette) -> go.Figure:
    """The norm of the soft gradient over T, without T² and with it, and where it tends to."""
    figure = go.Figure()
    T_K = pull.temperatures_K
    unit = "nats per logit"
    _curve(figure, T_K, pull.soft_K, "without T²", palette.teacher, "dot", unit)
    _curve(figure, T_K, pull.restored_K, "with T²", palette.teacher, "solid", unit, width=3)
    _curve(figure, T_K, T_K * 0 + pull.limit, "limit of T² as T grows", palette.muted, "dash", unit)
    return _over_temperature(figure, palette, "Soft gradient (norm)")


def gradient_figure(
    gradients: Gradients, lam: float, names: Sequence[str], palette: Palette
) -> go.Figure:
    """What the two terms, weighted, and the loss do to each of the student's logits.

    A descent step goes against the bars: a logit whose bar is negative rises.

    Args:
        gradients: at one T and lambda.
        lam: that lambda.
        names: of the classes.
        palette: colours on the background in force.
    """
    places = list(range(len(names)))
    figure = go.Figure()
    for name, values_C, colour in (
        ("λ · labels", lam * gradients.labels_C, palette.baseline),
        ("(1 − λ) · T² · soft", (1 - lam) * gradients.restored_C, palette.teacher),
    ):
        figure.add_bar(
            x=places, y=values_C, name=name, marker_color=colour, hovertemplate=_hover(name)
        )
    figure.add_scatter(
        x=places,
        y=gradients.total_C,
        mode="markers",
        name="Loss",
        marker={"color": palette.distilled, "symbol": "diamond", "size": 9},
        hovertemplate=_hover("Loss"),
    )
    dressed(figure, palette, 380)
    spelt = [literal(name) for name in names]
    figure.update_xaxes(title="Logit of", tickmode="array", tickvals=places, ticktext=spelt)
    figure.update_yaxes(title="Gradient (nats per logit)", zerolinecolor=palette.muted)
    figure.update_layout(bargap=0.25, hovermode="x unified")
    return figure


def _hover(name: str) -> str:
    return f"{name}: " + "%{y:.4~g}<extra></extra>"


def _curve(
    figure: go.Figure,
    temperatures_K: Floats,
    values_K: Floats,
    name: str,
    colour: str,
    dash: str,
    unit: str,
    width: int = 2,
) -> None:
    figure.add_scatter(
        x=temperatures_K,
        y=[value if value >= SMALLEST else None for value in values_K.tolist()],
        mode="lines",
        name=name,
        line={"color": colour, "dash": dash, "width": width},
        hovertemplate=f"{name}: " + "%{y:.4~g} " + unit + "<extra></extra>",
    )


def _over_temperature(figure: go.Figure, palette: Palette, title: str) -> go.Figure:
    dressed(figure, palette, 400)
    figure.update_xaxes(title="T", type="log", tickmode="array", tickvals=T_TICKS)
    figure.update_yaxes(title=title, type="log", exponentformat="power", dtick=1)
    figure.update_layout(hovermode="x unified", margin_t=8, legend={"yanchor": "top", "y": -0.18})
    return figure


LINES = ("solid", "dashed", "dotted")
SYMBOLS = ("circle", "triangle", "rect", "diamond")


class Term(NamedTuple):
    """One term's means by epoch, before its weight."""

    name: str
    epochs: tuple[int, ...]
    values: tuple[float, ...]


def terms(rows: Sequence[Any]) -> tuple[Term, ...]:
    """The terms of one stage, in the objective's order.

    Args:
        rows: finished epochs; each has ``epoch``, and ``terms`` by name.
    """
    names = dict.fromkeys(name for row in rows for name in row.terms)
    return tuple(
        Term(
            name,
            tuple(row.epoch for row in rows if name in row.terms),
            tuple(round(row.terms[name], 6) for row in rows if name in row.terms),
        )
        for name in names
    )


def terms_option(
    lines: Sequence[Term], shares: Collection[str], unit: str, palette: Palette, epochs: int
) -> dict[str, Any]:
    """The chart; its axis is logarithmic, since a small term may have a large weight.

    Terms that are shares of 1 have an axis of their own, on the right.

    Args:
        lines: what there is so far.
        shares: names of those that are shares.
        unit: of the others, empty where they have several.
        palette: colours on the background in force.
        epochs: length of the x axis.
    """
    axis = value_axis(f"Term ({unit})" if unit else "Term", palette)
    axes = [axis | {"type": "log"}]
    if any(line.name in shares for line in lines):
        right = {"align": "right", "padding": [0, -40, 0, 0], "color": palette.muted}
        own = value_axis("Share", palette) | {"nameTextStyle": right, "splitLine": {"show": False}}
        axes.append(own | {"min": 0, "max": 1})
    series = [_series(place, line, shares, palette) for place, line in enumerate(lines)]
    return framed(series, axes, palette, epochs, name="loss_terms", written="%.4f")


def _series(place: int, line: Term, shares: Collection[str], palette: Palette) -> dict[str, Any]:
    share = line.name in shares
    # What is 0, or below it by rounding, has no place on a logarithmic axis.
    values = [value if share or value > 0 else math.nan for value in line.values]
    colour = palette.terms[place % len(palette.terms)]
    return {
        "id": line.name,
        "name": line.name,
        "type": "line",
        "yAxisIndex": int(share),
        "data": points(line.epochs, values),
        "symbol": SYMBOLS[place % len(SYMBOLS)],
        "symbolSize": 6,
        "showSymbol": len(line.epochs) <= MARKED,
        "lineStyle": {"width": 2, "type": LINES[place % len(LINES)], "color": colour},
        "itemStyle": {"color": colour},
    }
