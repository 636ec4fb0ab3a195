"""Features of two nets in two dimensions, side by side, as one Vega-Lite chart.

Vega-Lite because its tooltips show pictures, and because two charts can share what is hovered:
the same image lights up on both maps.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tsexplorer.plots.palette import TITLES, Palette
from tsexplorer.plots.scales import SCALES
from tsexplorer.specs import Role

HOVERED = "hovered"
SIDE_PX = 360


@dataclass(frozen=True, eq=False)
class Maps:
    """What to draw.

    Attributes:
        points: N×2 by role; the nets' units differ, so each map has axes of its own.
        axes: titles of both axes, by role.
        places_N: the images' places in their split.
        labels_N: true classes.
        pixels_N: uint8 N×28×28.
        names: of the classes.
    """

    points: Mapping[Role, NDArray[Any]]
    axes: Mapping[Role, tuple[str, str]]
    places_N: NDArray[np.int64]
    labels_N: NDArray[np.int64]
    pixels_N: NDArray[np.uint8]
    names: Sequence[str]


def map_spec(maps: Maps, palette: Palette) -> dict[str, Any]:
    """The chart: a map a role, points coloured by true class, hover shared."""
    scales = SCALES[palette]
    domain = list(maps.names)
    return {
        "data": {"url": _inline(maps), "format": {"type": "json"}},
        "params": [
            {
                "name": HOVERED,
                "select": {"type": "point", "on": "pointerover", "fields": ["place"]},
                "views": list(maps.points),
            }
        ],
        "hconcat": [_map(role, maps, scales.categories, domain, palette) for role in maps.points],
        "autosize": {"type": "pad"},
        "config": {"view": {"stroke": palette.grid}, "background": "transparent"},
    }


def _inline(maps: Maps) -> str:
    """The rows as a data URI.

    Streamlit hands rows over beside the chart, after it was drawn once without any, and Vega
    complains of that on the console.
    """
    content = json.dumps(_rows(maps), separators=(",", ":")).encode()
    return "data:application/json;base64," + base64.b64encode(content).decode()


def _rows(maps: Maps) -> list[dict[str, Any]]:
    rows = []
    for n, place in enumerate(maps.places_N.tolist()):
        row: dict[str, Any] = {
            "place": place,
            "class": maps.names[int(maps.labels_N[n])],
            "image": picture(maps.pixels_N[n]),
        }
        for role, points_N2 in maps.points.items():
            row[f"{role}_x"], row[f"{role}_y"] = (round(float(v), 4) for v in points_N2[n])
        rows.append(row)
    return rows


def _map(
    role: Role, maps: Maps, colours: Sequence[str], domain: list[str], palette: Palette
) -> dict[str, Any]:
    def axis(name: str, title: str) -> dict[str, Any]:
        return {
            "field": f"{role}_{name}",
            "type": "quantitative",
            "title": title,
            "axis": {"grid": False, "labels": False, "ticks": False},
            "scale": {"zero": False, "nice": False, "padding": 12},
        }

    lit = {"param": HOVERED, "empty": False}
    return {
        "name": role,
        "title": {"text": TITLES[role], "color": palette[role], "anchor": "start"},
        "width": SIDE_PX,
        "height": SIDE_PX,
        "mark": {"type": "point", "filled": True},
        "encoding": {
            "x": axis("x", maps.axes[role][0]),
            "y": axis("y", maps.axes[role][1]),
            "color": {
                "field": "class",
                "type": "nominal",
                "title": "True class",
                "sort": domain,
                "scale": {
                    "domain": domain,
                    "range": [colours[k % len(colours)] for k in range(len(domain))],
                },
                "legend": {"orient": "bottom", "columns": 13},
            },
            "size": {"condition": {**lit, "value": 260}, "value": 30},
            "opacity": {"condition": {**lit, "value": 1}, "value": 0.7},
            "stroke": {"condition": {**lit, "value": palette.text}, "value": None},
            "tooltip": [
                {"field": "image", "type": "nominal"},
                {"field": "class", "type": "nominal", "title": "True class"},
                {"field": "place", "type": "quantitative", "title": "Image", "format": "d"},
            ],
        },
    }


def picture(pixels: NDArray[np.uint8], scale: int = 2) -> str:
    """A grey image as a data URI; pixels stay squares."""
    from PIL import Image

    opened = Image.fromarray(pixels.repeat(scale, 0).repeat(scale, 1), mode="L")
    held = io.BytesIO()
    opened.save(held, "PNG")
    return "data:image/png;base64," + base64.b64encode(held.getvalue()).decode()
