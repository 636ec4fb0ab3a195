"""The map of features carries its points, their pictures and the theme's colours."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
from PIL import Image

from tsexplorer.plots.feature_map import Map, map_spec, picture
from tsexplorer.plots.palette import DARK, LIGHT
from tsexplorer.plots.scales import SCALES

PIXELS = np.arange(2 * 28 * 28, dtype=np.uint8).reshape(2, 28, 28)
TWO = Map(
    points_N2=np.array([[1.0, -2.0], [0.5, 3.25]]),
    axes=("across", "up"),
    places_N=np.array([7, 11]),
    labels_N=np.array([1, 0]),
    pixels_N=PIXELS,
    names=("zero", "one"),
)


def rows() -> list[dict[str, object]]:
    head, _, content = map_spec(TWO, LIGHT)["data"]["url"].partition(",")
    assert head == "data:application/json;base64"
    return json.loads(base64.b64decode(content))  # type: ignore[no-any-return]


def test_a_row_an_image() -> None:
    found = [{key: row[key] for key in ("place", "class", "x", "y")} for row in rows()]
    assert found == [
        {"place": 7, "class": "one", "x": 1.0, "y": -2.0},
        {"place": 11, "class": "zero", "x": 0.5, "y": 3.25},
    ]


def test_a_picture_is_the_image_enlarged() -> None:
    content = base64.b64decode(picture(PIXELS[1], scale=2).partition(",")[2])
    shown = np.asarray(Image.open(io.BytesIO(content)))
    assert shown.shape == (56, 56)
    assert (shown[::2, ::2] == PIXELS[1]).all()
    assert rows()[1]["image"] == picture(PIXELS[1])


def test_colours_are_those_of_the_background() -> None:
    for palette in (LIGHT, DARK):
        scale = map_spec(TWO, palette)["encoding"]["color"]["scale"]
        assert scale["domain"] == ["zero", "one"]
        assert scale["range"] == list(SCALES[palette].categories[:2])
