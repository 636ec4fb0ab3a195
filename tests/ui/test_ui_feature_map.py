"""The map's Python half: what the browser is sent, and what may come back."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tsexplorer.plots.style import DARK, LIGHT, SCALES
from tsexplorer.ui.feature_map import SHAPES, NetMap, Shown, payload

PIXELS = np.arange(2 * 28 * 28, dtype=np.uint16).reshape(2, 28, 28).astype(np.uint8)
IMAGES = Shown(
    places_N=np.array([7, 11]), labels_N=np.array([1, 0]), pixels_N=PIXELS, classes=("0", "1")
)
MAPS: dict[Any, NetMap] = {
    "distilled": NetMap(np.array([[9.0, 8.0], [7.0, 6.0]]), ("a", "b")),
    "teacher": NetMap(np.array([[1.0, -2.0], [0.123456, 3.25]], dtype=np.float32), ("c", "d")),
}
ANSWERS: dict[Any, Any] = {"baseline": np.array([0, 0]), "teacher": np.array([1, 0])}


def sent(**changes: Any) -> dict[str, Any]:
    """What the browser reads of a payload in which these arguments differ."""
    arguments = {"maps": MAPS, "answers": ANSWERS, "images": IMAGES, "name": "features-pca"}
    text = json.dumps(payload(**{**arguments, **changes}), allow_nan=False)
    read: dict[str, Any] = json.loads(text)
    return read


def test_points_come_in_the_order_of_the_roles_and_of_the_images() -> None:
    data = sent()
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
    assert [(one["role"], one["classes"]) for one in data["answers"]] == [
        ("teacher", [1, 0]),
        ("baseline", [0, 0]),
    ]
    assert (data["places"], data["labels"], data["file"]) == ([7, 11], [1, 0], "features-pca")


def test_images_are_one_text_of_bytes() -> None:
    content = base64.b64decode(sent()["images"])
    assert np.array_equal(np.frombuffer(content, np.uint8).reshape(2, 28, 28), PIXELS)
    turned = IMAGES._replace(pixels_N=PIXELS.transpose(0, 2, 1))
    content = base64.b64decode(sent(images=turned)["images"])
    assert np.array_equal(np.frombuffer(content, np.uint8).reshape(2, 28, 28), turned.pixels_N)


def test_a_class_is_its_own_point_where_its_name_is_one_character() -> None:
    assert [one["glyph"] for one in sent()["classes"]] == ["0", "1"]
    clothes = sent(images=IMAGES._replace(classes=("Bag", "x")))["classes"]
    assert [one["glyph"] for one in clothes] == list(SHAPES[:2])


def test_colours_are_those_of_both_backgrounds_and_begin_again() -> None:
    letters = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    classes = sent(images=IMAGES._replace(classes=letters))["classes"]
    for theme, palette in (("light", LIGHT), ("dark", DARK)):
        colours = SCALES[palette].categories
        assert [one[theme] for one in classes[: len(colours)]] == list(colours)
        assert classes[len(colours)][theme] == colours[0]


def test_classes_that_share_a_colour_have_other_shapes() -> None:
    names = tuple(f"class {k}" for k in range(26))
    classes = sent(images=IMAGES._replace(classes=names))["classes"]
    assert len({(one["glyph"], one["light"]) for one in classes}) == 26


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": IMAGES._replace(pixels_N=PIXELS[:1])}, "2 images are 2×28×28"),
        ({"images": IMAGES._replace(pixels_N=PIXELS / 255)}, "uint8"),
        ({"images": IMAGES._replace(labels_N=np.array([1]))}, "1 rows for 2 images"),
        ({"answers": {"teacher": np.array([1, 2, 3])}}, "3 rows for 2 images"),
        ({"maps": {"teacher": NetMap(np.zeros((1, 2)), ("a", "b"))}}, "1 rows for 2 images"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sent(**changes)


def page() -> None:
    import numpy as np
    import streamlit as st

    from tsexplorer.ui.feature_map import NetMap, Shown, feature_map

    images = Shown(
        places_N=np.array([7, 11]),
        labels_N=np.array([1, 0]),
        pixels_N=np.zeros((2, 28, 28), dtype=np.uint8),
        classes=("0", "1"),
    )

    def opened(place: int) -> None:
        st.session_state.opened = place

    maps = {"teacher": NetMap(np.zeros((2, 2)), ("a", "b"))}
    feature_map(maps, {}, images, name="features", on_open=opened, key="map")


def test_a_script_draws_the_map() -> None:
    app = AppTest.from_function(page).run()
    assert not app.exception
    data = json.loads(app.get("bidi_component")[0].proto.json)
    assert data["places"] == [7, 11]
    assert "opened" not in app.session_state
