"""Ways to teach one student, placed by their differences, as a Plotly figure."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from tsexplorer.analysis.contest import Placed
from tsexplorer.analysis.gain import Interval
from tsexplorer.plots.compare import label, literal
from tsexplorer.plots.palette import PLOTLY_SYMBOLS, Palette
from tsexplorer.plots.scales import dressed
from tsexplorer.specs import Role

ROW_HEIGHT = 34
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
    dressed(figure, palette, MARGINS + ROW_HEIGHT * len(places))
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
