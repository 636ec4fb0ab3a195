"""The map of features in Python: the data for the browser, and the image that it opens."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tsexplorer.plots.style import DARK, LIGHT, SCALES
from tsexplorer.ui.soft_targets.feature_map import SHAPES, MapImages, NetMap, payload

PIXELS = np.arange(2 * 28 * 28, dtype=np.uint16).reshape(2, 28, 28).astype(np.uint8)
IMAGES = MapImages(
    index_N=np.array([7, 11]), labels_N=np.array([1, 0]), pixels_N=PIXELS, classes=("0", "1")
)
MAPS: dict[Any, NetMap] = {
    "distilled": NetMap(np.array([[9.0, 8.0], [7.0, 6.0]]), ("a", "b")),
    "teacher": NetMap(np.array([[1.0, -2.0], [0.123456, 3.25]], dtype=np.float32), ("c", "d")),
}
ANSWERS: dict[Any, Any] = {"baseline": np.array([0, 0]), "teacher": np.array([1, 0])}


def browser_data(**changes: Any) -> dict[str, Any]:
    """The payload as the browser reads it, with some arguments changed."""
    arguments = {"maps": MAPS, "answers": ANSWERS, "images": IMAGES, "name": "features-pca"}
    text = json.dumps(payload(**{**arguments, **changes}), allow_nan=False)
    data: dict[str, Any] = json.loads(text)
    return data


def test_points_are_in_the_order_of_roles_and_images() -> None:
    data = browser_data()
    assert data["maps"] == [
        {
            **{"role": "teacher", "title": "Teacher", "mark": "■"},
            **{"axes": ["c", "d"], "points": [[1, -2], [0.1235, 3.25]]},
        },
        {
            **{"role": "distilled", "title": "Distilled", "mark": "◆"},
            **{"axes": ["a", "b"], "points": [[9, 8], [7, 6]]},
        },
    ]
    assert [(net["role"], net["classes"]) for net in data["answers"]] == [
        ("teacher", [1, 0]),
        ("baseline", [0, 0]),
    ]
    assert (data["places"], data["labels"], data["file"]) == ([7, 11], [1, 0], "features-pca")


def test_images_are_sent_as_bytes_in_row_order() -> None:
    images = browser_data()["images"]
    content = base64.b64decode(images.pop("pixels"))
    assert images == {"height": 28, "width": 28, "channels": 1}
    assert np.array_equal(np.frombuffer(content, np.uint8).reshape(2, 28, 28), PIXELS)
    transposed = IMAGES._replace(pixels_N=PIXELS.transpose(0, 2, 1))
    content = base64.b64decode(browser_data(images=transposed)["images"]["pixels"])
    pixels_N = np.frombuffer(content, np.uint8).reshape(2, 28, 28)
    assert np.array_equal(pixels_N, transposed.pixels_N)


@pytest.mark.parametrize(
    ("shape", "height", "width"),
    [
        ((32, 20), 32, 20),
        ((48, 64), 24, 32),
        ((128, 16), 32, 4),
        ((33, 33), 32, 32),
    ],
)
@pytest.mark.parametrize("channels", [(), (3,)])
def test_large_images_are_reduced_to_32_pixels(
    shape: tuple[int, int], height: int, width: int, channels: tuple[int, ...]
) -> None:
    pixels = np.zeros((2, *shape, *channels), np.uint8)
    pixels[1] = 200
    images = browser_data(images=IMAGES._replace(pixels_N=pixels))["images"]
    content = np.frombuffer(base64.b64decode(images["pixels"]), np.uint8)
    assert (images["height"], images["width"]) == (height, width)
    assert images["channels"] == (channels[0] if channels else 1)
    size = height * width * images["channels"]
    assert set(content[:size]) == {0}
    assert set(content[size:]) == {200}


def test_a_reduced_image_has_the_mean_of_its_pixels() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    content = browser_data(images=IMAGES._replace(pixels_N=pixels))["images"]["pixels"]
    shown = np.frombuffer(base64.b64decode(content), np.uint8).reshape(2, 32, 32, 3)
    means = pixels.reshape(2, 32, 2, 32, 2, 3).mean((2, 4))
    assert np.abs(shown - means).max() <= 1


def test_classes_with_short_names_are_drawn_as_their_names() -> None:
    assert [style["glyph"] for style in browser_data()["classes"]] == ["0", "1"]
    clothes = browser_data(images=IMAGES._replace(classes=("Bag", "x")))["classes"]
    assert [style["glyph"] for style in clothes] == list(SHAPES[:2])


def test_classes_have_the_colours_of_both_themes() -> None:
    letters = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    classes = browser_data(images=IMAGES._replace(classes=letters))["classes"]
    for theme, palette in (("light", LIGHT), ("dark", DARK)):
        colours = SCALES[palette].categories
        assert [style[theme] for style in classes[: len(colours)]] == list(colours)
        assert classes[len(colours)][theme] == colours[0]


def test_classes_with_the_same_colour_have_different_shapes() -> None:
    names = tuple(f"class {label}" for label in range(26))
    classes = browser_data(images=IMAGES._replace(classes=names))["classes"]
    assert len({(style["glyph"], style["light"]) for style in classes}) == 26


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": IMAGES._replace(pixels_N=PIXELS[:1])}, "2 images are uint8 N×H×W"),
        ({"images": IMAGES._replace(pixels_N=PIXELS / 255)}, "uint8"),
        ({"images": IMAGES._replace(pixels_N=PIXELS[..., None])}, r"not \(2, 28, 28, 1\)"),
        ({"images": IMAGES._replace(labels_N=np.array([1]))}, "1 rows for 2 images"),
        ({"answers": {"teacher": np.array([1, 2, 3])}}, "3 rows for 2 images"),
        ({"maps": {"teacher": NetMap(np.zeros((1, 2)), ("a", "b"))}}, "1 rows for 2 images"),
    ],
)
def test_arguments_that_do_not_match_are_rejected(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        browser_data(**changes)


def page() -> None:
    import numpy as np
    import streamlit as st

    from tsexplorer.ui.soft_targets.feature_map import MapImages, NetMap, feature_map

    images = MapImages(
        index_N=np.array([7, 11]),
        labels_N=np.array([1, 0]),
        pixels_N=np.zeros((2, 28, 28), dtype=np.uint8),
        classes=("0", "1"),
    )

    def open_image(index: int) -> None:
        st.session_state.opened = index

    maps = {"teacher": NetMap(np.zeros((2, 2)), ("a", "b"))}
    feature_map(maps, {}, images, name="features", on_open=open_image, key="map")


def test_a_script_draws_the_map() -> None:
    app = AppTest.from_function(page).run()
    assert not app.exception
    data = json.loads(app.get("bidi_component")[0].proto.json)
    assert data["places"] == [7, 11]
    assert "opened" not in app.session_state
