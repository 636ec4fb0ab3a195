"""Curves that grow while a job trains, as ECharts options.

ECharts because Streamlit updates such a chart in place: a Plotly chart is mounted anew with each
point and loses zoom and hover.
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
STEEP = 2
"""Epochs at the start of a long run that do not decide the accuracy axis: they would flatten the
rest. No more than a third of those there are, or a run that has just begun would hide itself."""
FEW = 5
"""Epochs up to which curves are shown whole: a part of so few would look like all."""
TICKS = 6
STEPS = (1.0, 2.0, 5.0, 10.0, 20.0)
"""Between the ticks of an accuracy axis, which begins at one."""

HOLLOW = ("emptyCircle", "emptyTriangle", "emptyRect", "emptyDiamond")
THIN = ("dotted", "dashed")
BEHIND = 1
"""Where ECharts draws the further nets; it draws the three at 2 unless told."""
MARKED = 40
"""Epochs up to which each has a mark."""


LEGEND = 6
"""Lines up to which the legend shows all at once; more would hang into the chart on a phone."""


class Curve(NamedTuple):
    """One role's values by epoch."""

    role: Role
    epochs: tuple[int, ...]
    values: tuple[float, ...]


class Member(NamedTuple):
    """A net trained along by the objective: its validation accuracy in percent by epoch."""

    name: str
    epochs: tuple[int, ...]
    values: tuple[float, ...]


class ByEpoch(Protocol):
    """What has a value an epoch."""

    @property
    def epochs(self) -> tuple[int, ...]:
        """Numbers of the epochs, from 1."""

    @property
    def values(self) -> tuple[float, ...]:
        """One an epoch."""


def members(rows: Sequence[Any], terms: Mapping[str, str]) -> tuple[Member, ...]:
    """Curves of the members there are.

    Args:
        rows: finished epochs; each has ``epoch``, and ``terms`` by name.
        terms: by a member's name, the term that is its validation accuracy, a share of 1.
    """
    return tuple(
        Member(
            name.capitalize(),
            tuple(row.epoch for row in rows if term in row.terms),
            tuple(round(100 * row.terms[term], 5) for row in rows if term in row.terms),
        )
        for name, term in terms.items()
        if any(term in row.terms for row in rows)
    )


def curves(rows: Mapping[Role, Sequence[Any]], metric: Metric) -> tuple[Curve, ...]:
    """Curves of one seed.

    Args:
        rows: finished epochs by role; each has ``epoch`` and the metrics as attributes.
        metric: which; accuracies come out in percent.
    """
    factor = 100.0 if metric.endswith("accuracy") else 1.0
    return tuple(
        Curve(
            role,
            tuple(row.epoch for row in rows[role]),
            tuple(round(getattr(row, metric) * factor, 5) for row in rows[role]),
        )
        for role in ROLES
        if rows.get(role)
    )


def lower_bound(lines: Sequence[ByEpoch], epochs: int) -> float | None:
    """Where an accuracy axis begins: just below what is reached once the start is over.

    What lies below it is said by :func:`start_hidden`.

    Args:
        lines: accuracies in percent.
        epochs: how many there will be; where they are few, all of them count.
    """
    settled = [
        value
        for line in lines
        for epoch, value in zip(line.epochs, line.values, strict=True)
        if epochs <= FEW or epoch > min(STEEP, len(line.epochs) // 3)
    ]
    if not settled:
        return None
    low, high = min(settled), max(settled)
    below = low - 0.1 * (high - low)
    step = _tick(below)
    return max(0.0, below // step * step)


def start_hidden(lines: Sequence[ByEpoch], epochs: int) -> str:
    """A sentence on epochs below an accuracy axis, to go on with; nothing where there are none."""
    low = lower_bound(lines, epochs)
    hidden = low is not None and any(value < low for line in lines for value in line.values)
    return " The steep start lies below the accuracy axis." if hidden else ""


def _tick(low: float) -> float:
    """How far apart the ticks of an accuracy axis are that begins about there."""
    return next(step for step in STEPS if 100 - low <= TICKS * step)


def live_option(
    lines: Sequence[Curve],
    metric: Metric,
    palette: Palette,
    epochs: int,
    beside: Sequence[Member] = (),
) -> dict[str, Any]:
    """The chart.

    Args:
        lines: what has been trained so far; may be empty.
        metric: names the axis.
        palette: colours on the background in force.
        epochs: length of the x axis, known before the first epoch ends.
        beside: further nets, where the metric is validation accuracy.
    """
    accuracy = metric.endswith("accuracy")
    bounds: dict[str, Any] = {"scale": True}
    if accuracy:
        low = lower_bound([*lines, *beside], epochs) or 0.0
        bounds = {"max": 100, "min": low, "interval": _tick(low)}
    return framed(
        [
            *(_series(line, palette) for line in lines),
            *(_thin_series(place, line, palette) for place, line in enumerate(beside)),
        ],
        [value_axis(AXES[metric], palette) | bounds],
        palette,
        epochs,
        name=metric,
        written="%.2f" + (" %%" if accuracy else ""),
    )


def framed(
    series: Sequence[dict[str, Any]],
    axes: Sequence[dict[str, Any]],
    palette: Palette,
    epochs: int,
    *,
    name: str,
    written: str,
) -> dict[str, Any]:
    """Lines over epochs, with a legend, a tooltip, zoom and download.

    Args:
        series: the lines.
        axes: vertical ones; a second one stands on the right.
        palette: colours on the background in force.
        epochs: length of the x axis.
        name: of the file when it is saved.
        written: how values are written in the tooltip, as in ``%.2f``.
    """
    return {
        "animation": False,
        "grid": {"left": 44, "right": 16 if len(axes) == 1 else 44, "top": 72, "bottom": 44},
        "legend": {
            "type": "plain" if len(series) <= LEGEND else "scroll",
            "top": 4,
            "left": 0,
            "itemGap": 14,
            "textStyle": {"color": palette.text},
        },
        "tooltip": {"trigger": "axis", "valueFormatter": written},
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
    """A vertical axis with its title above."""
    return {
        "type": "value",
        "name": title,
        "nameTextStyle": {"color": palette.muted, "align": "left", "padding": [0, 0, 0, -40]},
        "axisLabel": {"color": palette.muted},
        "splitLine": {"lineStyle": {"color": palette.grid}},
    }


def points(epochs: Sequence[int], values: Sequence[float]) -> list[list[float | None]]:
    """Epochs and values as a series wants them: where a run has diverged, the line has a gap."""
    return [
        [epoch, value if math.isfinite(value) else None]  # JSON has no NaN
        for epoch, value in zip(epochs, values, strict=True)
    ]


def _series(line: Curve, palette: Palette) -> dict[str, Any]:
    colour = palette[line.role]
    return {
        "id": line.role,
        "name": TITLES[line.role],
        "type": "line",
        "data": points(line.epochs, line.values),
        "symbol": ECHARTS_SYMBOLS[line.role],
        "symbolSize": 6,
        "showSymbol": len(line.epochs) <= MARKED,
        "lineStyle": {"width": 2, "type": ECHARTS_LINES[line.role], "color": colour},
        "itemStyle": {"color": colour},
    }


def _thin_series(place: int, line: Member, palette: Palette) -> dict[str, Any]:
    """A line that stands back behind the roles', with a hollow mark."""
    colours = len(palette.terms)
    colour = palette.terms[place % colours]
    return {
        "id": line.name,
        "name": line.name,
        "type": "line",
        "data": points(line.epochs, line.values),
        "z": BEHIND,
        "symbol": HOLLOW[place % len(HOLLOW)],
        "symbolSize": 4,
        "showSymbol": len(line.epochs) <= MARKED,
        "lineStyle": {
            "width": 1.5,
            "type": THIN[place // colours % len(THIN)],
            "color": colour,
        },
        "itemStyle": {"color": colour},
    }
