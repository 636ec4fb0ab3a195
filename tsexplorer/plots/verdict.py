"""What the nets say to one image: a bar a class and net."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import plotly.graph_objects as go

from tsexplorer.analysis.soft_targets import Floats
from tsexplorer.plots.compare import literal
from tsexplorer.plots.palette import TITLES, Palette
from tsexplorer.plots.scales import dressed
from tsexplorer.specs import ROLES, Role

PER_CLASS = 36
MARGINS = 90


def distributions_figure(
    distributions: Mapping[Role, Floats], classes: Sequence[str], palette: Palette
) -> go.Figure:
    """Probabilities in percent, classes from top to bottom.

    Args:
        distributions: C probabilities for each net.
        classes: names of the C classes.
        palette: colours on the background in force.
    """
    roles = tuple(role for role in ROLES if role in distributions)
    figure = go.Figure(_empty(roles, tuple(classes), palette))
    for bars, role in zip(figure.data, roles, strict=True):
        bars.x = [100 * float(share) for share in distributions[role]]
    return figure


@lru_cache(maxsize=32)
def _empty(roles: tuple[Role, ...], classes: tuple[str, ...], palette: Palette) -> go.Figure:
    """The figure without its numbers: a copy is had in a tenth of the time."""
    figure = go.Figure()
    for role in roles:
        figure.add_bar(
            y=[literal(name) for name in classes],
            orientation="h",
            name=TITLES[role],
            marker_color=palette[role],
            hovertemplate=f"{TITLES[role]}: %{{y}} with %{{x:.3g}} %<extra></extra>",
        )
    figure.update_yaxes(type="category", autorange="reversed", dtick=1, title="Class")
    figure.update_xaxes(title="Probability (%)", range=[0, 100.5], dtick=25)
    dressed(figure, palette, MARGINS + PER_CLASS * len(classes))
    figure.update_layout(barmode="group", bargap=0.18, bargroupgap=0.08, margin_t=8, margin_r=8)
    return figure
