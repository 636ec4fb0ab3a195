"""The terms of a loss: over T and by logit for one image (Plotly), and over epochs (ECharts).

In the figures of one image, the colour shows where a term comes from: the labels alone (the
baseline's colour), the teacher, or both (the distilled student's).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from tsexplorer.analysis.loss_terms import GradientNorms, Gradients, LossSurface
from tsexplorer.analysis.soft_targets import Floats
from tsexplorer.plots.classes import largest_classes, short_name, short_names
from tsexplorer.plots.live import MAX_MARKED_EPOCHS, chart_option, series_data, value_axis
from tsexplorer.plots.style import Palette, apply_style, escape_plotly

SMALLEST_VALUE = 1e-8
"""Smaller values are not drawn on a logarithmic axis, because they are rounding errors of 0."""
HOVER_WIDTH = 60
"""Characters of a class name on hover."""
T_TICKS = (0.5, 1, 2, 5, 10, 20, 50)
LOSS_DASHES = ("solid", "longdash", "dashdot", "dot")

# -- one image ----------------------------------------------------------------------------------


def terms_figure(surface: LossSurface, palette: Palette) -> go.Figure:
    """Draw the terms over T, and the loss for each λ; both axes are logarithmic."""
    figure = go.Figure()
    T_K = surface.temperatures_K
    labels_K = T_K * 0 + surface.labels
    _add_line(figure, T_K, labels_K, "Labels: CE", palette.baseline, "dash", "nats")
    _add_line(figure, T_K, surface.soft_K, "KL", palette.teacher, "dot", "nats")
    _add_line(figure, T_K, surface.scaled_K, "T² · KL", palette.teacher, "solid", "nats")
    for index, (lam, total_K) in enumerate(
        zip(surface.lambdas_L.tolist(), surface.total_LK, strict=True)
    ):
        name, dash = f"Loss, λ = {lam:.3g}", LOSS_DASHES[index % len(LOSS_DASHES)]
        _add_line(figure, T_K, total_K, name, palette.distilled, dash, "nats", width=3)
    return _apply_t_axis(figure, palette, "Term (nats)")


def gradient_norm_figure(norms: GradientNorms, palette: Palette) -> go.Figure:
    """Draw the norm of the soft gradient over T, without and with the factor T², and its limit."""
    figure = go.Figure()
    T_K = norms.temperatures_K
    limit_K = T_K * 0 + norms.limit
    unit = "nats per logit"
    _add_line(figure, T_K, norms.soft_K, "without T²", palette.teacher, "dot", unit)
    _add_line(figure, T_K, norms.scaled_K, "with T²", palette.teacher, "solid", unit, width=3)
    _add_line(figure, T_K, limit_K, "limit of T² as T grows", palette.muted, "dash", unit)
    return _apply_t_axis(figure, palette, "Soft gradient (norm)")


def gradient_figure(
    gradients: Gradients, lam: float, names: Sequence[str], palette: Palette
) -> go.Figure:
    """Draw the gradients of both weighted terms and of the loss by logit of the student.

    A gradient step has the opposite sign: a logit with a negative bar rises. Of more than 20
    classes, those with the largest gradients are drawn.

    Args:
        gradients: the gradients at one T and λ.
        lam: that λ.
        names: names of the classes.
        palette: colours on the current background.
    """
    labels_C, soft_C = lam * gradients.labels_C, (1 - lam) * gradients.scaled_C
    sizes_C = np.max(np.abs([labels_C, soft_C, gradients.total_C]), axis=0)
    classes = largest_classes(sizes_C)
    positions = list(range(len(classes)))
    full = [escape_plotly(short_name(names[label], HOVER_WIDTH)) for label in classes]
    labels = [escape_plotly(name) for name in short_names([names[label] for label in classes])]
    figure = go.Figure()
    for name, values_C, colour in (
        ("λ · labels", labels_C, palette.baseline),
        ("(1 − λ) · T² · soft", soft_C, palette.teacher),
    ):
        figure.add_bar(
            x=positions,
            y=values_C[classes],
            name=name,
            marker_color=colour,
            hovertemplate=_hover(name),
        )
    figure.add_scatter(
        x=positions,
        y=gradients.total_C[classes],
        mode="markers",
        name="Loss",
        marker={"color": palette.distilled, "symbol": "diamond", "size": 9},
        # The title of this hover is the shortened name.
        customdata=[
            [f"<br>{name}" if name != short else ""]
            for name, short in zip(full, labels, strict=True)
        ],
        hovertemplate=_hover("Loss", "%{customdata[0]}"),
    )
    apply_style(figure, palette, 380)
    title = "Logit of"
    if len(classes) < len(names):
        title += f" ({len(classes)} largest of {len(names)} classes)"
    figure.update_xaxes(title=title, tickmode="array", tickvals=positions, ticktext=labels)
    figure.update_yaxes(title="Gradient (nats per logit)", zerolinecolor=palette.muted)
    figure.update_layout(bargap=0.25, hovermode="x unified")
    return figure


def _hover(name: str, unit: str = "") -> str:
    return f"{name}: %{{y:.4~g}}{unit}<extra></extra>"


def _add_line(
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
        y=[value if value >= SMALLEST_VALUE else None for value in values_K.tolist()],
        mode="lines",
        name=name,
        line={"color": colour, "dash": dash, "width": width},
        hovertemplate=_hover(name, f" {unit}"),
    )


def _apply_t_axis(figure: go.Figure, palette: Palette, title: str) -> go.Figure:
    apply_style(figure, palette, 400)
    figure.update_xaxes(title="T", type="log", tickmode="array", tickvals=T_TICKS)
    figure.update_yaxes(title=title, type="log", exponentformat="power", dtick=1)
    figure.update_layout(hovermode="x unified", margin_t=8, legend={"yanchor": "top", "y": -0.18})
    return figure


# -- over epochs --------------------------------------------------------------------------------

TERM_LINES = ("solid", "dashed", "dotted")
TERM_SYMBOLS = ("circle", "triangle", "rect", "diamond")


class TermCurve(NamedTuple):
    """The mean of a term by epoch, without its weight."""

    name: str
    epochs: tuple[int, ...]
    values: tuple[float, ...]


def term_curves(rows: Sequence[Any]) -> tuple[TermCurve, ...]:
    """Return the terms of one stage, in the objective's order.

    Args:
        rows: finished epochs; each has ``epoch``, and ``terms`` by name.
    """
    names = dict.fromkeys(name for row in rows for name in row.terms)
    return tuple(
        TermCurve(
            name,
            tuple(row.epoch for row in rows if name in row.terms),
            tuple(round(row.terms[name], 6) for row in rows if name in row.terms),
        )
        for name in names
    )


def terms_option(
    curves: Sequence[TermCurve], shares: Collection[str], unit: str, palette: Palette, epochs: int
) -> dict[str, Any]:
    """Return the option of the chart; its axis is logarithmic, because terms differ in size.

    Args:
        curves: the finished epochs.
        shares: names of the terms that are shares of 1: they have an axis on the right.
        unit: unit of the other terms; empty if they have several units.
        palette: colours on the current background.
        epochs: length of the x axis.
    """
    axes = [value_axis(f"Term ({unit})" if unit else "Term", palette) | {"type": "log"}]
    if any(curve.name in shares for curve in curves):
        on_right = {"align": "right", "padding": [0, -40, 0, 0], "color": palette.muted}
        style = {"nameTextStyle": on_right, "splitLine": {"show": False}, "min": 0, "max": 1}
        axes.append(value_axis("Share", palette) | style)
    series = [_term_series(index, curve, shares, palette) for index, curve in enumerate(curves)]
    return chart_option(series, axes, palette, epochs, name="loss_terms", value_format="%.4f")


def _term_series(
    index: int, curve: TermCurve, shares: Collection[str], palette: Palette
) -> dict[str, Any]:
    is_share = curve.name in shares
    # A logarithmic axis has no place for 0 and for rounding errors below it.
    values = [value if is_share or value > 0 else math.nan for value in curve.values]
    colour = palette.terms[index % len(palette.terms)]
    return {
        "id": curve.name,
        "name": curve.name,
        "type": "line",
        "yAxisIndex": int(is_share),
        "data": series_data(curve.epochs, values),
        "symbol": TERM_SYMBOLS[index % len(TERM_SYMBOLS)],
        "symbolSize": 6,
        "showSymbol": len(curve.epochs) <= MAX_MARKED_EPOCHS,
        "lineStyle": {
            "width": 2,
            "type": TERM_LINES[index % len(TERM_LINES)],
            "color": colour,
        },
        "itemStyle": {"color": colour},
    }
