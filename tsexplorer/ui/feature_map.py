"""The map of features: nets' images as points in the plane, linked to each other and the images.

The browser gets points and images once and does the rest (``assets/map``). Python hears only of an
image that is to be opened.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from tsexplorer.plots.style import DARK, LIGHT, SCALES, TITLES
from tsexplorer.specs import ROLES, Role
from tsexplorer.ui.components import joined
from tsexplorer.ui.theme import MARKS

SHAPES = "●◆■▲▼★"
"""Told apart without colours, for classes whose names are too long to be drawn as points."""

_mount = st.components.v2.component(
    "tsexplorer_feature_map",
    html=joined("map/map.html"),
    css=joined("shared/pictures.css", "map/map.css"),
    js=joined(
        *("shared/elements.js", "shared/pictures.js"),
        *("map/points.js", "map/picture.js", "map/map.js"),
    ),
)


class NetMap(NamedTuple):
    """Where one net puts the images.

    Attributes:
        points_N2: coordinates; scaled to the frame, each axis by itself.
        axes: titles of both.
    """

    points_N2: NDArray[Any]
    axes: tuple[str, str]


class Shown(NamedTuple):
    """The images on the map.

    Attributes:
        places_N: in their split.
        labels_N: true classes.
        pixels_N: uint8 N×28×28.
        classes: the names of the C classes.
    """

    places_N: NDArray[np.int64]
    labels_N: NDArray[np.int64]
    pixels_N: NDArray[np.uint8]
    classes: Sequence[str]


def feature_map(
    maps: Mapping[Role, NetMap],
    answers: Mapping[Role, NDArray[np.int64]],
    images: Shown,
    *,
    name: str,
    on_open: Callable[[int], None],
    key: str,
) -> None:
    """Draw the maps side by side.

    Args:
        maps: by role, one net or several.
        answers: what each net takes each image for, N class numbers by role.
        images: what the points stand for.
        name: of the picture that is saved.
        on_open: called with an image's place when a person opens it.
        key: the map's name on its page.

    Raises:
        ValueError: shapes do not fit.
    """

    def opened() -> None:
        place = st.session_state[key].get("opened")
        if place in images.places_N.tolist():  # it comes from a browser
            on_open(place)

    data = payload(maps, answers, images, name)
    _mount(key=key, data=data, on_opened_change=opened)


def payload(
    maps: Mapping[Role, NetMap],
    answers: Mapping[Role, NDArray[np.int64]],
    images: Shown,
    name: str,
) -> dict[str, Any]:
    """What the browser gets, as JSON; for arguments and errors see :func:`feature_map`."""
    count = len(images.places_N)
    pixels_N = np.ascontiguousarray(images.pixels_N)
    if pixels_N.shape != (count, 28, 28) or pixels_N.dtype != np.uint8:
        raise ValueError(f"{count} images are {count}×28×28 uint8, not {pixels_N.shape}")
    for rows in (images.labels_N, *answers.values(), *(one.points_N2 for one in maps.values())):
        if len(rows) != count:
            raise ValueError(f"{len(rows)} rows for {count} images")
    return {
        "classes": _classes(images.classes),
        "images": base64.b64encode(pixels_N.tobytes()).decode(),
        "places": images.places_N.tolist(),
        "labels": images.labels_N.tolist(),
        "maps": [
            {
                **_titles(role),
                "axes": list(maps[role].axes),
                "points": np.round(maps[role].points_N2.astype(np.float64), 4).tolist(),
            }
            for role in ROLES
            if role in maps
        ],
        "answers": [
            {**_titles(role), "classes": answers[role].tolist()}
            for role in ROLES
            if role in answers
        ],
        "file": name,
    }


def _titles(role: Role) -> dict[str, str]:
    return {"role": role, "title": TITLES[role], "mark": MARKS[role]}


def _classes(names: Sequence[str]) -> list[dict[str, str]]:
    """Each class with its point, a character, and its colour on light and dark."""
    short = all(len(name) == 1 for name in names)
    light, dark = SCALES[LIGHT].categories, SCALES[DARK].categories
    return [
        {
            "name": name,
            "glyph": name if short else SHAPES[k % len(SHAPES)],
            "light": light[k % len(light)],
            "dark": dark[k % len(dark)],
        }
        for k, name in enumerate(names)
    ]
