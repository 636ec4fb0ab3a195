"""The effect of larger biases for excluded classes, as Plotly figures."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from tsexplorer.analysis.bias import BiasRule
from tsexplorer.analysis.soft_targets import Floats, Integers
from tsexplorer.plots.classes import MAX_CLASSES, short_name, short_names
from tsexplorer.plots.compare import log_ticks
from tsexplorer.plots.style import (
    PLOTLY_DASHES,
    PLOTLY_SYMBOLS,
    TITLES,
    Palette,
    apply_style,
    escape_plotly,
)
from tsexplorer.specs import Role

RULE_TITLES: dict[BiasRule, str] = {
    "none": "As trained",
    "label-free": "Label-free rule",
    "validation": "Chosen on validation",
    "test": "Chosen on test",
}
RULE_SYMBOLS: dict[BiasRule, str] = {
    "none": "circle-open",
    "label-free": "star",
    "validation": "triangle-up",
    "test": "x",
}
HEIGHT = 380
HOVER_WIDTH = 60
"""Characters of a class name on hover."""
SMALLEST_COUNT = 0.5
"""The position of 0 errors on a logarithmic axis."""


class BiasCurve(NamedTuple):
    """Test errors of the student over the bias.

    Attributes:
        biases_K: ascending biases.
        errors_K: number of wrongly classified images, by bias.
        size: number of images.
    """

    biases_K: Floats
    errors_K: Integers
    size: int


class BiasMark(NamedTuple):
    """The bias that a rule chose, and the number of test errors with it."""

    rule: BiasRule
    bias: float
    errors: int


def errors_figure(
    curve: BiasCurve,
    marks: Sequence[BiasMark],
    bias: float,
    others: Mapping[Role, int],
    palette: Palette,
) -> go.Figure:
    """Draw test errors over the bias, the rules' choices as markers, the current bias as a line.

    Args:
        curve: the errors of the student.
        marks: one for each rule.
        bias: the current bias.
        others: errors of the nets that were trained on all classes.
        palette: colours on the current background.
    """
    figure = go.Figure()
    ends = (float(curve.biases_K[0]), float(curve.biases_K[-1]))
    for role, errors in others.items():
        figure.add_scatter(
            x=ends,
            y=[max(errors, SMALLEST_COUNT)] * 2,
            mode="lines",
            name=f"{TITLES[role]}: {errors:,}",
            line={"color": palette[role], "dash": PLOTLY_DASHES[role], "width": 1.5},
            hoverinfo="skip",
        )
    counts = curve.errors_K.tolist()
    figure.add_scatter(
        x=curve.biases_K,
        y=[max(count, SMALLEST_COUNT) for count in counts],
        mode="lines",
        name=TITLES["distilled"],
        line={"color": palette["distilled"], "width": 3},
        customdata=[[count, 100 * count / curve.size] for count in counts],
        hovertemplate="b = %{x:.2f}: %{customdata[0]:,} errors (%{customdata[1]:.2f} %)"
        "<extra></extra>",
    )
    for mark in marks:
        _add_mark(figure, mark, palette)
    figure.add_vline(bias, line={"color": palette["distilled"], "dash": "dot", "width": 2})
    apply_style(figure, palette, HEIGHT)
    low, high = _log_limits([*counts, *others.values()])
    figure.update_xaxes(title="Bias b of the classes never seen", range=ends, zeroline=False)
    figure.update_yaxes(
        title="Test errors (log)",
        type="log",
        range=[math.log10(low), math.log10(high)],
        tickvals=log_ticks(low, high),
        tickformat=",~g",
    )
    figure.update_layout(margin_t=8, legend={"yanchor": "top", "y": -0.24})
    return figure


def _add_mark(figure: go.Figure, mark: BiasMark, palette: Palette) -> None:
    figure.add_scatter(
        x=[mark.bias],
        y=[max(mark.errors, SMALLEST_COUNT)],
        mode="markers",
        name=RULE_TITLES[mark.rule],
        marker={
            "symbol": RULE_SYMBOLS[mark.rule],
            "size": 13,
            "color": palette.text,
            "line": {"width": 2, "color": palette.text},
        },
        hovertemplate=f"{RULE_TITLES[mark.rule]}: b = {mark.bias:.2f}, "
        f"{mark.errors:,} errors<extra></extra>",
    )


def _log_limits(counts: Sequence[int]) -> tuple[float, float]:
    """Ends of a logarithmic axis that shows all counts, with some space.

    >>> _log_limits([10, 1000])
    (7.0, 1400.0)
    """
    low, high = max(min(counts), SMALLEST_COUNT), max(max(counts), 1)
    return 0.7 * low, 1.4 * high


def recall_figure(
    recall: Mapping[Role, Floats],
    names: Sequence[str],
    never_seen: Collection[int],
    palette: Palette,
) -> go.Figure:
    """Draw the recall of each class: bars for the student, markers for the other nets.

    Of more than 20 classes, those never seen are drawn first, then those with the lowest recall.

    Args:
        recall: by role, C shares of 1; NaN for a class without images.
        names: names of the classes.
        never_seen: classes that the student was not trained on.
        palette: colours on the current background.
    """
    figure, shown = go.Figure(), _recall_classes(recall["distilled"], never_seen)
    full = [escape_plotly(short_name(names[c], HOVER_WIDTH)) for c in shown]
    labels = [escape_plotly(name) for name in short_names([names[c] for c in shown])]
    for is_seen, group, pattern in ((True, "seen", ""), (False, "never seen", "/")):
        positions = [x for x, c in enumerate(shown) if (c not in never_seen) == is_seen]
        figure.add_bar(
            x=positions,
            y=[100 * float(recall["distilled"][shown[x]]) for x in positions],
            name=f"{TITLES['distilled']}, {group}",
            marker={
                "color": palette["distilled"],
                "opacity": 0.45 if is_seen else 1.0,
                "pattern": {"shape": pattern, "fillmode": "overlay", "size": 8, "solidity": 0.2},
            },
            customdata=[[full[x]] for x in positions],
            hovertemplate=_recall_hover(group),
        )
    for role in (role for role in recall if role != "distilled"):
        figure.add_scatter(
            x=list(range(len(shown))),
            y=[100 * float(recall[role][c]) for c in shown],
            mode="markers",
            name=TITLES[role],
            marker={"symbol": PLOTLY_SYMBOLS[role], "size": 8, "color": palette[role]},
            customdata=[[name] for name in full],
            hovertemplate=_recall_hover(TITLES[role].lower()),
        )
    apply_style(figure, palette, HEIGHT)
    some = f" ({len(shown)} of {len(names)}:<br>never seen or lowest recall)"
    figure.update_xaxes(
        title="True class" + some * (len(shown) < len(names)),
        tickvals=list(range(len(shown))),
        ticktext=[
            f"<b>{label}</b>" if c in never_seen else label
            for c, label in zip(shown, labels, strict=True)
        ],
        showgrid=False,
    )
    figure.update_yaxes(title="Recall (%)", range=[0, 104])
    figure.update_layout(
        margin_t=8, barmode="overlay", bargap=0.25, legend={"yanchor": "top", "y": -0.24}
    )
    return figure


def _recall_classes(recall_C: Floats, never_seen: Collection[int]) -> list[int]:
    """Return the classes that are drawn, in the order of their numbers."""
    order = sorted(
        range(len(recall_C)),
        key=lambda c: (c not in never_seen, bool(np.isnan(recall_C[c])), recall_C[c]),
    )
    return sorted(order[:MAX_CLASSES])


def _recall_hover(group: str) -> str:
    return f"%{{customdata[0]}}: %{{y:.1f}} % right, {group}<extra></extra>"
