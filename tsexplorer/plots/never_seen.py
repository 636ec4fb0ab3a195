"""What raising the biases of never-seen classes does, as Plotly figures."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from tsexplorer.analysis.bias import Rule
from tsexplorer.analysis.soft_targets import Floats, Integers
from tsexplorer.plots.compare import literal, log_ticks
from tsexplorer.plots.quality import LINES
from tsexplorer.plots.style import PLOTLY_SYMBOLS, TITLES, Palette, dressed
from tsexplorer.specs import Role

RULE_TITLES: dict[Rule, str] = {
    "none": "As trained",
    "label-free": "Label-free rule",
    "validation": "Chosen on validation",
    "test": "Chosen on test",
}
RULE_SYMBOLS: dict[Rule, str] = {
    "none": "circle-open",
    "label-free": "star",
    "validation": "triangle-up",
    "test": "x",
}
HEIGHT = 380
LEAST_SHOWN = 0.5
"""Errors below one on a logarithmic axis."""


class Curve(NamedTuple):
    """Test errors of the student as the bias moves.

    Attributes:
        biases_K: ascending.
        errors_K: images answered wrongly.
        size: images.
    """

    biases_K: Floats
    errors_K: Integers
    size: int


class Mark(NamedTuple):
    """The bias that a rule chose, and the test errors there."""

    rule: Rule
    bias: float
    errors: int


def errors_figure(
    curve: Curve, marks: Sequence[Mark], bias: float, others: Mapping[Role, int], palette: Palette
) -> go.Figure:
    """Test errors over the bias: the rules' choices as marks, the bias in force as a line.

    Args:
        curve: the student's.
        marks: a mark a rule.
        bias: in force.
        others: errors of the nets that saw all classes.
        palette: colours on the background in force.
    """
    figure = go.Figure()
    ends = [float(curve.biases_K[0]), float(curve.biases_K[-1])]
    for role, errors in others.items():
        figure.add_scatter(
            x=ends,
            y=[max(errors, LEAST_SHOWN)] * 2,
            mode="lines",
            name=f"{TITLES[role]}: {errors:,}",
            line={"color": palette[role], "dash": LINES[role], "width": 1.5},
            hoverinfo="skip",
        )
    figure.add_scatter(
        x=curve.biases_K,
        y=[max(count, LEAST_SHOWN) for count in curve.errors_K.tolist()],
        mode="lines",
        name=TITLES["distilled"],
        line={"color": palette["distilled"], "width": 3},
        customdata=[[count, 100 * count / curve.size] for count in curve.errors_K.tolist()],
        hovertemplate="b = %{x:.2f}: %{customdata[0]:,} errors (%{customdata[1]:.2f} %)"
        "<extra></extra>",
    )
    for mark in marks:
        figure.add_scatter(
            x=[mark.bias],
            y=[max(mark.errors, LEAST_SHOWN)],
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
    figure.add_vline(bias, line={"color": palette["distilled"], "dash": "dot", "width": 2})
    dressed(figure, palette, HEIGHT)
    low, high = _span([*curve.errors_K.tolist(), *others.values()])
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


def recall_figure(
    recall: Mapping[Role, Floats],
    names: Sequence[str],
    never_seen: Collection[int],
    palette: Palette,
) -> go.Figure:
    """The share of each class that is answered rightly: bars for the student, marks for others.

    Args:
        recall: by role, C shares of 1; NaN for a class without images.
        names: of the classes.
        never_seen: classes that the student was never shown.
        palette: colours on the background in force.
    """
    figure = go.Figure()
    spelt = [literal(name) for name in names]
    for seen, title, pattern in ((True, "seen", ""), (False, "never seen", "/")):
        own = [label for label in range(len(names)) if (label not in never_seen) == seen]
        figure.add_bar(
            x=own,
            y=[100 * float(recall["distilled"][label]) for label in own],
            name=f"{TITLES['distilled']}, {title}",
            marker={
                "color": palette["distilled"],
                "opacity": 0.45 if seen else 1.0,
                "pattern": {"shape": pattern, "fillmode": "overlay", "size": 8, "solidity": 0.2},
            },
            customdata=[[spelt[label]] for label in own],
            hovertemplate="%{customdata[0]}: %{y:.1f} % right, " + title + "<extra></extra>",
        )
    for role in (role for role in recall if role != "distilled"):
        figure.add_scatter(
            x=list(range(len(names))),
            y=[100 * float(share) for share in recall[role]],
            mode="markers",
            name=TITLES[role],
            marker={"symbol": PLOTLY_SYMBOLS[role], "size": 8, "color": palette[role]},
            customdata=[[name] for name in spelt],
            hovertemplate="%{customdata[0]}: %{y:.1f} % right, "
            + TITLES[role].lower()
            + "<extra></extra>",
        )
    dressed(figure, palette, HEIGHT)
    figure.update_xaxes(
        title="True class",
        tickvals=list(range(len(names))),
        ticktext=[
            f"<b>{name}</b>" if label in never_seen else name for label, name in enumerate(spelt)
        ],
        showgrid=False,
    )
    figure.update_yaxes(title="Answered rightly (%)", range=[0, 104])
    figure.update_layout(
        margin_t=8, barmode="overlay", bargap=0.25, legend={"yanchor": "top", "y": -0.24}
    )
    return figure


def _span(counts: Sequence[int]) -> tuple[float, float]:
    """Ends of a logarithmic axis that has all counts on it, with some room.

    >>> _span([10, 1000])
    (7.0, 1400.0)
    """
    low, high = max(min(counts), LEAST_SHOWN), max(max(counts), 1)
    return 0.7 * low, 1.4 * high
