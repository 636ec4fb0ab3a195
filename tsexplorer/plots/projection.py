"""Features in two dimensions, as a Plotly figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from tsexplorer.analysis.class_matrix import Integers
from tsexplorer.analysis.soft_targets import Logits
from tsexplorer.plots.compare import literal
from tsexplorer.plots.palette import Palette
from tsexplorer.plots.scales import SCALES, dressed

MANY = 3000
"""Points from which the graphics card draws them: a browser is slow with as many shapes."""


@dataclass(frozen=True, eq=False)
class Cloud:
    """Points to draw, one an image.

    Attributes:
        points_N2: coordinates.
        places_N: the images' places in their split.
        labels_N: their true classes.
        shares: of the variance that the axes show; None where axes mean nothing, as in t-SNE.
    """

    points_N2: Logits
    places_N: Integers
    labels_N: Integers
    shares: tuple[float, float] | None = None


def projection_figure(cloud: Cloud, names: Sequence[str], palette: Palette) -> go.Figure:
    """A point an image, coloured by its true class; its custom data is its place in the split.

    The class's name stands at the median of its points, so that it is not told by colour alone.
    """
    draw = go.Scattergl if len(cloud.places_N) >= MANY else go.Scatter
    figure = go.Figure()
    for number, name in enumerate(names):
        own = np.flatnonzero(cloud.labels_N == number)
        if not len(own):
            continue
        colour, symbol = SCALES[palette].mark(number)
        figure.add_trace(
            draw(
                x=cloud.points_N2[own, 0],
                y=cloud.points_N2[own, 1],
                mode="markers",
                name=literal(name),
                marker={"color": colour, "symbol": symbol, "size": 5, "opacity": 0.8},
                customdata=cloud.places_N[own, None],
                hovertemplate=literal(name) + ", image %{customdata[0]}<extra></extra>",
            )
        )
    present = [number for number in range(len(names)) if (cloud.labels_N == number).any()]
    medians = [np.median(cloud.points_N2[cloud.labels_N == number], axis=0) for number in present]
    for number, (x, y) in zip(present, medians, strict=True):
        figure.add_annotation(  # text of a trace would lie below what the graphics card draws
            x=float(x),
            y=float(y),
            text=f"<b>{literal(names[number])}</b>",
            showarrow=False,
            font={"color": palette.text, "size": 15, "shadow": "auto"},
            captureevents=False,
        )
    figure.update_xaxes(title=_title(cloud, 0), showticklabels=cloud.shares is not None)
    figure.update_yaxes(title=_title(cloud, 1), showticklabels=cloud.shares is not None)
    dressed(figure, palette, 460)
    figure.update_layout(
        margin_t=8,
        legend={"yanchor": "top", "y": -0.16, "itemsizing": "constant", "title": "True class"},
    )
    return figure


def _title(cloud: Cloud, axis: int) -> str | None:
    if cloud.shares is None:
        return None
    return f"Component {axis + 1} ({100 * cloud.shares[axis]:.0f} % of variance)"
