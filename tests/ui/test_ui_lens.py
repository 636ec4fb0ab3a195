"""The temperature lens in Python: the data for the browser, and which T holds."""

from __future__ import annotations

import base64
import json
from math import inf, nan
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tsexplorer.errors import UserError
from tsexplorer.specs import Role
from tsexplorer.ui.lens import (
    MARKED_TEMPERATURES,
    MAX_TEMPERATURE,
    MIN_TEMPERATURE,
    Release,
    TemperatureState,
    payload,
)

LOGITS: dict[Role, list[float]] = {
    "distilled": [0.0, 1.0, 2.0],
    "teacher": [1.5, -2.5, 80.0],
}
CLASSES = ("a", "b", "c")
IMAGE = np.arange(784, dtype=np.uint16).reshape(28, 28).astype(np.uint8)
COLOUR = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
HOSTILE = ("<script>alert(1)</script>", "%{y} $x$ [a](b)", "漢字 🦊", "n" * 300, "שלום")
STATE = TemperatureState(4.0, serial=3, released=6.3)


def browser_data(**changes: Any) -> dict[str, Any]:
    """The payload as the browser reads it, with some arguments changed."""
    arguments = {
        "logits": LOGITS,
        "label": 2,
        "classes": CLASSES,
        "image": IMAGE,
        "state": STATE,
    }
    text = json.dumps(payload(**{**arguments, **changes}), allow_nan=False)
    read: dict[str, Any] = json.loads(text)
    return read


def many_classes(count: int) -> dict[str, Any]:
    """Arguments with many classes, some with hostile names."""
    random = np.random.default_rng(count)
    return {
        "logits": {role: random.normal(0, 5, count).tolist() for role in ("teacher", "distilled")},
        "label": None,
        "classes": (*HOSTILE, *(f"class {label}" for label in range(count - len(HOSTILE)))),
    }


# -- payload ----------------------------------------------------------------------------------


def test_the_browser_gets_the_nets_in_the_order_of_roles() -> None:
    data = browser_data()
    assert data["roles"] == [
        {"role": "teacher", "title": "Teacher", "mark": "■", "logits": [1.5, -2.5, 80.0]},
        {"role": "distilled", "title": "Distilled", "mark": "◆", "logits": [0.0, 1.0, 2.0]},
    ]
    assert (data["classes"], data["label"]) == (["a", "b", "c"], 2)
    assert (data["temperature"], data["serial"]) == (6.3, 3)
    assert (data["range"], data["marks"]) == (
        [MIN_TEMPERATURE, MAX_TEMPERATURE],
        list(MARKED_TEMPERATURES),
    )


def test_pixels_are_in_row_order() -> None:
    image = browser_data()["image"]
    pixels = list(base64.b64decode(image.pop("pixels")))
    assert image == {"height": 28, "width": 28, "channels": 1}
    assert len(pixels) == 784
    assert pixels[:3] == [0, 1, 2]
    assert pixels[28] == IMAGE[1, 0] == 28
    assert pixels[255:257] == [255, 0]


def test_a_colour_image_has_three_values_a_pixel() -> None:
    image = browser_data(image=COLOUR)["image"]
    pixels = np.frombuffer(base64.b64decode(image.pop("pixels")), np.uint8)
    assert image == {"height": 48, "width": 64, "channels": 3}
    assert np.array_equal(pixels.reshape(48, 64, 3), COLOUR)
    reversed_columns = browser_data(image=COLOUR[:, ::-1])["image"]["pixels"]
    assert list(base64.b64decode(reversed_columns)[:3]) == COLOUR[0, -1].tolist()


def test_up_to_12_classes_all_have_a_row() -> None:
    assert browser_data()["rows"] is None
    assert browser_data(**many_classes(12))["rows"] is None


@pytest.mark.parametrize("count", [13, 40, 200])
def test_of_many_classes_the_likeliest_of_all_nets_have_a_row(count: int) -> None:
    arguments = many_classes(count)
    data = browser_data(**arguments)
    rows = data["rows"]
    assert len(rows) == len(set(rows)) == 10
    logits = arguments["logits"]
    best = [int(np.argmax(values)) for values in logits.values()]
    assert {*best} <= {*rows}
    teacher = [logits["teacher"][label] for label in rows]
    assert teacher == sorted(teacher, reverse=True)
    assert data["classes"] == list(arguments["classes"])
    assert len(data["roles"][0]["logits"]) == count


def test_the_label_has_a_row_even_if_it_is_unlikely() -> None:
    logits: dict[Role, list[float]] = {"teacher": [float(c) for c in range(40)]}
    arguments = {**many_classes(40), "logits": logits}
    assert browser_data(**{**arguments, "label": 0})["rows"] == [*range(39, 29, -1), 0]
    assert browser_data(**{**arguments, "label": None})["rows"] == list(range(39, 29, -1))
    assert browser_data(**{**arguments, "label": 35})["rows"] == list(range(39, 29, -1))


def test_numpy_numbers_are_sent_as_numbers() -> None:
    single = np.array([0.1, -0.2, 3.0], dtype=np.float32)
    data = browser_data(logits={"baseline": single}, label=np.int64(1))
    assert data["roles"][0]["logits"] == [float(value) for value in single]
    assert data["label"] == 1


def test_label_and_image_may_be_unknown() -> None:
    data = browser_data(label=None, image=None)
    assert data["label"] is None
    assert data["image"] is None


@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_logits_that_are_not_finite_are_a_user_error(value: float) -> None:
    with pytest.raises(UserError, match=r"The baseline net’s logits .* train it again"):
        browser_data(logits={**LOGITS, "baseline": [0.0, value, 1.0]})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"logits": {}}, "at least one role"),
        ({"logits": {"teacher": [1.0, 2.0]}}, "2 logits for 3 classes"),
        ({"label": 3}, "label 3 is not one"),
        ({"label": -1}, "label -1 is not one"),
        ({"image": IMAGE.ravel()}, r"not \(784,\)"),
        ({"image": IMAGE / 255}, "float64"),
        ({"image": np.zeros((28, 28, 4), np.uint8)}, r"H×W×3 .* not \(28, 28, 4\)"),
        ({"image": np.zeros((8, 28), np.uint8)}, "sides of 16 to 128 pixels"),
        ({"image": np.zeros((28, 129, 3), np.uint8)}, "sides of 16 to 128 pixels"),
    ],
)
def test_arguments_that_do_not_match_are_rejected(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        browser_data(**changes)


# -- which T holds ----------------------------------------------------------------------------


def test_the_pages_t_holds_until_the_first_release() -> None:
    first = TemperatureState(4.0).update(4.0, None)
    assert (first.temperature, first.released) == (4.0, None)
    moved = first.update(4.0, Release(6.3, 1))
    assert (moved.temperature, moved.released, moved.serial) == (6.3, 6.3, 1)


def test_a_release_holds_in_later_runs() -> None:
    released = TemperatureState(4.0).update(4.0, Release(6.3, 1))
    for release in (Release(6.3, 1), None):
        assert released.update(4.0, release) == released


def test_the_released_t_from_the_page_is_no_change() -> None:
    state = TemperatureState(4.0).update(4.0, Release(6.3, 1)).update(6.3, Release(6.3, 1))
    assert state.released == 6.3
    # Two releases before the page's value, which is one release behind.
    later = state.update(6.3, Release(8.0, 2))
    assert later.released == 8.0
    assert later.update(8.0, Release(8.0, 2)).released == 8.0


def test_a_change_by_the_page_replaces_the_release() -> None:
    release = Release(6.3, 1)
    state = TemperatureState(4.0).update(4.0, release).update(10.0, release)
    assert (state.temperature, state.released) == (10.0, None)
    back = state.update(4.0, release)
    assert (back.temperature, back.released) == (4.0, None)
    again = back.update(4.0, Release(6.3, 2))
    assert again.released == 6.3


# -- in a script ------------------------------------------------------------------------------


def page(temperature: float) -> None:
    import streamlit as st

    from tsexplorer.ui.lens import lens

    released = lens(
        logits={"teacher": [1.0, 2.0], "distilled": [2.0, 1.0]},
        label=1,
        classes=("no", "yes"),
        image=None,
        temperature=temperature,
        key="lens",
    )
    st.text(f"{released}")


def released_text(app: AppTest) -> str:
    assert not app.exception
    text: str = app.text[0].value
    return text


def last_data(app: AppTest) -> dict[str, Any]:
    """The data that the last run sends to the browser."""
    proto = app.get("bidi_component")[0].proto
    data: dict[str, Any] = json.loads(proto.json)
    return data


def test_a_release_is_returned_and_its_serial_sent_back() -> None:
    app = AppTest.from_function(page, args=(4.0,)).run()
    assert released_text(app) == "None"
    assert (last_data(app)["temperature"], last_data(app)["serial"]) == (4.0, 0)
    app.session_state["lens"] = {"release": {"temperature": 6.3, "serial": 1}}
    app.run()
    assert released_text(app) == "6.3"
    assert (last_data(app)["temperature"], last_data(app)["serial"]) == (6.3, 1)
    app.run()
    assert released_text(app) == "6.3"


@pytest.mark.parametrize(("temperature", "clipped"), [(0.1, 0.5), (1000, 50.0), (7, 7.0)])
def test_the_pages_t_is_clipped_to_the_slider(temperature: float, clipped: float) -> None:
    app = AppTest.from_function(page, args=(temperature,)).run()
    assert last_data(app)["temperature"] == clipped


def test_a_released_t_is_clipped_to_the_slider() -> None:
    app = AppTest.from_function(page, args=(4.0,)).run()
    app.session_state["lens"] = {"release": {"temperature": 1e9, "serial": 1}}
    app.run()
    assert released_text(app) == "50.0"
