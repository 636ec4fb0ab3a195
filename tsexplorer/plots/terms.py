"""The terms of an objective over epochs, each a line, as an ECharts option that grows in place."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from tsexplorer.plots.live import MARKED, framed, points, value_axis
from tsexplorer.plots.palette import Palette

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
