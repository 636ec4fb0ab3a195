"""Curves that grow while a job trains, as ECharts options.

ECharts, because Streamlit updates such a chart in place: it draws a Plotly chart again with each
point, and zoom and hover are lost.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

from tsexplorer.plots.style import ECHARTS_LINES, ECHARTS_SYMBOLS, TITLES, Palette
from tsexplorer.specs import ROLES, Role

Metric = Literal["validation_accuracy", "train_accuracy", "validation_loss", "train_loss"]
AXES: dict[Metric, str] = {
    "validation_accuracy": "Validation accuracy (%)",
    "train_accuracy": "Training accuracy (%)",
    "validation_loss": "Validation cross-entropy (nats)",
    "train_loss": "Training objective (unit of each loss)",
}
START_EPOCHS = 2
"""Epochs at the start of a long run that do not count for the accuracy axis, because their range
would flatten the other epochs. At most a third of the finished epochs: otherwise the curve of a
run that has just started would be hidden."""
SHORT_RUN = 5
"""Epochs up to which curves are shown in full: of a short run, every epoch is of interest."""
MAX_TICKS = 6
TICK_STEPS = (1.0, 2.0, 5.0, 10.0, 20.0)
"""Distances between the ticks of an accuracy axis, which begins at a tick."""

MEMBER_SYMBOLS = ("emptyCircle", "emptyTriangle", "emptyRect", "emptyDiamond")
MEMBER_LINES = ("dotted", "dashed")
MEMBER_Z = 1
"""Drawing order of the members' curves: behind those of the roles, which have ECharts' 2."""
MAX_MARKED_EPOCHS = 40
"""Epochs up to which each has a marker."""
MAX_LEGEND_LINES = 6
"""Lines up to which the legend shows all at once: more would cover the chart on a phone."""


class RoleCurve(NamedTuple):
    """The values of one role by epoch."""

    role: Role
    epochs: tuple[int, ...]
    values: tuple[float, ...]


class MemberCurve(NamedTuple):
    """Validation accuracy by epoch, in percent, of a net that the objective trains along."""

    name: str
    epochs: tuple[int, ...]
    values: tuple[float, ...]


class EpochCurve(Protocol):
    """A curve with one value for each epoch."""

    @property
    def epochs(self) -> tuple[int, ...]:
        """Numbers of the epochs, from 1."""

    @property
    def values(self) -> tuple[float, ...]:
        """One value for each epoch."""


def member_curves(rows: Sequence[Any], terms: Mapping[str, str]) -> tuple[MemberCurve, ...]:
    """Return the curves of the members that have a value.

    Args:
        rows: finished epochs; each has ``epoch``, and ``terms`` by name.
        terms: by a member's name, the term that is its validation accuracy, a share of 1.
    """
    return tuple(
        MemberCurve(
            name.capitalize(),
            tuple(row.epoch for row in rows if term in row.terms),
            tuple(round(100 * row.terms[term], 5) for row in rows if term in row.terms),
        )
        for name, term in terms.items()
        if any(term in row.terms for row in rows)
    )


def role_curves(rows: Mapping[Role, Sequence[Any]], metric: Metric) -> tuple[RoleCurve, ...]:
    """Return the curves of one seed, for the roles that have a finished epoch.

    Args:
        rows: finished epochs by role; each has ``epoch`` and the metrics as attributes.
        metric: the metric; accuracies are returned in percent.
    """
    factor = 100.0 if metric.endswith("accuracy") else 1.0
    return tuple(
        RoleCurve(
            role,
            tuple(row.epoch for row in rows[role]),
            tuple(round(getattr(row, metric) * factor, 5) for row in rows[role]),
        )
        for role in ROLES
        if rows.get(role)
    )


# -- the accuracy axis --------------------------------------------------------------------------


def lower_bound(curves: Sequence[EpochCurve], epochs: int) -> float | None:
    """Return the lower end of an accuracy axis: just below the values after the first epochs.

    Args:
        curves: accuracies in percent.
        epochs: length of the run; in a short run, all epochs count.

    Returns:
        a tick of the axis; None without values.
    """
    settled = [
        value
        for curve in curves
        for epoch, value in zip(curve.epochs, curve.values, strict=True)
        if epochs <= SHORT_RUN or epoch > min(START_EPOCHS, len(curve.epochs) // 3)
    ]
    if not settled:
        return None
    low, high = min(settled), max(settled)
    below = low - 0.1 * (high - low)
    step = _tick_step(below)
    return max(0.0, below // step * step)


def hidden_start_note(curves: Sequence[EpochCurve], epochs: int) -> str:
    """Return a sentence, after a space, if values are below the axis; otherwise empty."""
    low = lower_bound(curves, epochs)
    hidden = low is not None and any(value < low for curve in curves for value in curve.values)
    return " The first epochs are below the plotted range." if hidden else ""


def _tick_step(low: float) -> float:
    """Distance between the ticks of an accuracy axis that begins at about ``low``."""
    return next(step for step in TICK_STEPS if 100 - low <= MAX_TICKS * step)


# -- the chart ----------------------------------------------------------------------------------


def live_option(
    curves: Sequence[RoleCurve],
    metric: Metric,
    palette: Palette,
    epochs: int,
    members: Sequence[MemberCurve] = (),
) -> dict[str, Any]:
    """Return the option of the chart.

    Args:
        curves: the finished epochs; may be empty.
        metric: the metric, which names the axis.
        palette: colours on the current background.
        epochs: length of the x axis, known before the first epoch is finished.
        members: curves of further nets, if the metric is validation accuracy.
    """
    is_accuracy = metric.endswith("accuracy")
    bounds: dict[str, Any] = {"scale": True}
    if is_accuracy:
        low = lower_bound([*curves, *members], epochs) or 0.0
        bounds = {"max": 100, "min": low, "interval": _tick_step(low)}
    return chart_option(
        [
            *(_role_series(curve, palette) for curve in curves),
            *(_member_series(index, curve, palette) for index, curve in enumerate(members)),
        ],
        [value_axis(AXES[metric], palette) | bounds],
        palette,
        epochs,
        name=metric,
        value_format="%.2f" + (" %%" if is_accuracy else ""),
    )


def chart_option(
    series: Sequence[dict[str, Any]],
    axes: Sequence[dict[str, Any]],
    palette: Palette,
    epochs: int,
    *,
    name: str,
    value_format: str,
) -> dict[str, Any]:
    """Return the option of a chart over epochs, with legend, tooltip, zoom and download.

    Args:
        series: the lines.
        axes: one or two vertical axes; the second is on the right.
        palette: colours on the current background.
        epochs: length of the x axis.
        name: name of the downloaded file.
        value_format: format of values in the tooltip, such as ``%.2f``.
    """
    return {
        "animation": False,
        "grid": {"left": 44, "right": 16 if len(axes) == 1 else 44, "top": 72, "bottom": 44},
        "legend": {
            "type": "plain" if len(series) <= MAX_LEGEND_LINES else "scroll",
            "top": 4,
            "left": 0,
            "itemGap": 14,
            "textStyle": {"color": palette.text},
        },
        "tooltip": {"trigger": "axis", "valueFormatter": value_format},
        "toolbox": {
            "right": 0,
            "top": 30,
            "itemSize": 14,
            "iconStyle": {"borderColor": palette.muted},
            "feature": {
                "dataZoom": {"title": {"zoom": "Zoom into a box", "back": "Undo zoom"}},
                "saveAsImage": {"title": "Save as PNG", "name": name},
            },
        },
        "xAxis": {
            "type": "value",
            "name": "Epoch",
            "nameLocation": "middle",
            "nameGap": 26,
            "min": 1,
            "max": max(epochs, 2),
            "minInterval": 1,
            "axisLabel": {"color": palette.muted},
            "nameTextStyle": {"color": palette.muted},
            "splitLine": {"show": False},
        },
        "yAxis": axes[0] if len(axes) == 1 else list(axes),
        "series": list(series),
    }


def value_axis(title: str, palette: Palette) -> dict[str, Any]:
    """Return a vertical axis with its title above it."""
    return {
        "type": "value",
        "name": title,
        "nameTextStyle": {"color": palette.muted, "align": "left", "padding": [0, 0, 0, -40]},
        "axisLabel": {"color": palette.muted},
        "splitLine": {"lineStyle": {"color": palette.grid}},
    }


def series_data(epochs: Sequence[int], values: Sequence[float]) -> list[list[float | None]]:
    """Return epochs and values as the data of a series; a value that is not finite is a gap."""
    return [
        [epoch, value if math.isfinite(value) else None]  # JSON has no NaN
        for epoch, value in zip(epochs, values, strict=True)
    ]


def _role_series(curve: RoleCurve, palette: Palette) -> dict[str, Any]:
    colour = palette[curve.role]
    return {
        "id": curve.role,
        "name": TITLES[curve.role],
        "type": "line",
        "data": series_data(curve.epochs, curve.values),
        "symbol": ECHARTS_SYMBOLS[curve.role],
        "symbolSize": 6,
        "showSymbol": len(curve.epochs) <= MAX_MARKED_EPOCHS,
        "lineStyle": {"width": 2, "type": ECHARTS_LINES[curve.role], "color": colour},
        "itemStyle": {"color": colour},
    }


def _member_series(index: int, curve: MemberCurve, palette: Palette) -> dict[str, Any]:
    """A thin line with hollow markers, behind the lines of the roles."""
    colours = len(palette.terms)
    colour = palette.terms[index % colours]
    return {
        "id": curve.name,
        "name": curve.name,
        "type": "line",
        "data": series_data(curve.epochs, curve.values),
        "z": MEMBER_Z,
        "symbol": MEMBER_SYMBOLS[index % len(MEMBER_SYMBOLS)],
        "symbolSize": 4,
        "showSymbol": len(curve.epochs) <= MAX_MARKED_EPOCHS,
        "lineStyle": {
            "width": 1.5,
            "type": MEMBER_LINES[index // colours % len(MEMBER_LINES)],
            "color": colour,
        },
        "itemStyle": {"color": colour},
    }
