"""Features of a net in two dimensions, as a Vega-Lite chart, whose tooltips show pictures."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tsexplorer.plots.palette import Palette
from tsexplorer.plots.scales import SCALES

HOVERED = "hovered"
HEIGHT_PX = 420


@dataclass(frozen=True, eq=False)
class Map:
    """What to draw.

    Attributes:
        points_N2: coordinates.
        axes: titles of both axes.
        places_N: the images' places in their split.
        labels_N: true classes.
        pixels_N: uint8 N×28×28.
        names: of the classes.
    """

    points_N2: NDArray[Any]
    axes: tuple[str, str]
    places_N: NDArray[np.int64]
    labels_N: NDArray[np.int64]
    pixels_N: NDArray[np.uint8]
    names: Sequence[str]


def map_spec(drawn: Map, palette: Palette) -> dict[str, Any]:
    """The chart: a point an image, coloured by its true class; hover lights it up and shows it."""
    domain, colours = list(drawn.names), SCALES[palette].categories
    lit = {"param": HOVERED, "empty": False}
    return {
        "data": {"url": _inline(drawn), "format": {"type": "json"}},
        "height": HEIGHT_PX,
        "params": [
            {
                "name": HOVERED,
                "select": {"type": "point", "on": "pointerover", "fields": ["place"]},
            }
        ],
        "mark": {"type": "point", "filled": True},
        "encoding": {
            "x": _axis("x", drawn.axes[0]),
            "y": _axis("y", drawn.axes[1]),
            "color": {
                "field": "class",
                "type": "nominal",
                "title": "True class",
                "sort": domain,
                "scale": {
                    "domain": domain,
                    "range": [colours[k % len(colours)] for k in range(len(domain))],
                },
                "legend": {"orient": "bottom", "columns": 7},
            },
            "size": {"condition": {**lit, "value": 260}, "value": 30},
            "opacity": {"condition": {**lit, "value": 1}, "value": 0.7},
            "tooltip": [
                {"field": "image", "type": "nominal"},
                {"field": "class", "type": "nominal", "title": "True class"},
                {"field": "place", "type": "quantitative", "title": "Image", "format": "d"},
            ],
        },
        "config": {"view": {"stroke": palette.grid}, "background": "transparent"},
    }


def _axis(name: str, title: str) -> dict[str, Any]:
    return {
        "field": name,
        "type": "quantitative",
        "title": title,
        "axis": {"grid": False, "labels": False, "ticks": False},
        "scale": {"zero": False, "nice": False, "padding": 12},
    }


def _inline(drawn: Map) -> str:
    """The rows as a data URI.

    Streamlit hands rows over beside the chart, after it was drawn once without any, and Vega
    complains of that on the console.
    """
    content = json.dumps(_rows(drawn), separators=(",", ":")).encode()
    return "data:application/json;base64," + base64.b64encode(content).decode()


def _rows(drawn: Map) -> list[dict[str, Any]]:
    return [
        {
            "place": place,
            "class": drawn.names[int(drawn.labels_N[n])],
            "image": picture(drawn.pixels_N[n]),
            "x": round(float(drawn.points_N2[n, 0]), 4),
            "y": round(float(drawn.points_N2[n, 1]), 4),
        }
        for n, place in enumerate(drawn.places_N.tolist())
    ]


def picture(pixels: NDArray[np.uint8], scale: int = 2) -> str:
    """A grey image as a data URI; pixels stay squares."""
    from PIL import Image

    opened = Image.fromarray(pixels.repeat(scale, 0).repeat(scale, 1), mode="L")
    held = io.BytesIO()
    opened.save(held, "PNG")
    return "data:image/png;base64," + base64.b64encode(held.getvalue()).decode()
