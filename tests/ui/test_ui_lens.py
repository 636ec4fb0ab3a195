"""The lens's Python half: what the browser is sent, and whose T is in force."""

from __future__ import annotations

import json
from math import inf, nan
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tsexplorer.errors import UserError
from tsexplorer.specs import Role
from tsexplorer.ui.lens import HIGHEST, LOWEST, SHORT_CUTS, Release, TemperatureState, payload

LOGITS: dict[Role, list[float]] = {
    "distilled": [0.0, 1.0, 2.0],
    "teacher": [1.5, -2.5, 80.0],
}
CLASSES = ("a", "b", "c")
IMAGE = np.arange(784, dtype=np.uint16).reshape(28, 28).astype(np.uint8)
STANDING = TemperatureState(4.0, heard=3, released=6.3)


def sent(**changes: Any) -> dict[str, Any]:
    """What the browser reads of a payload in which these arguments differ."""
    arguments = {
        "logits": LOGITS,
        "label": 2,
        "classes": CLASSES,
        "image": IMAGE,
        "standing": STANDING,
    }
    text = json.dumps(payload(**{**arguments, **changes}), allow_nan=False)
    read: dict[str, Any] = json.loads(text)
    return read


# -- payload ----------------------------------------------------------------------------------


def test_the_browser_gets_all_it_needs_in_the_order_of_the_roles() -> None:
    data = sent()
    assert data["roles"] == [
        {"role": "teacher", "title": "Teacher", "mark": "■", "logits": [1.5, -2.5, 80.0]},
        {"role": "distilled", "title": "Distilled", "mark": "◆", "logits": [0.0, 1.0, 2.0]},
    ]
    assert (data["classes"], data["label"]) == (["a", "b", "c"], 2)
    assert (data["temperature"], data["heard"]) == (6.3, 3)
    assert (data["range"], data["marks"]) == ([LOWEST, HIGHEST], list(SHORT_CUTS))


def test_pixels_go_row_by_row() -> None:
    pixels = sent()["image"]
    assert len(pixels) == 784
    assert pixels[:3] == [0, 1, 2]
    assert pixels[28] == IMAGE[1, 0] == 28
    assert pixels[255:257] == [255, 0]


def test_numbers_of_numpy_and_of_single_precision_are_numbers() -> None:
    single = np.array([0.1, -0.2, 3.0], dtype=np.float32)
    data = sent(logits={"baseline": single}, label=np.int64(1))
    assert data["roles"][0]["logits"] == [float(value) for value in single]
    assert data["label"] == 1


def test_label_and_image_may_be_unknown() -> None:
    data = sent(label=None, image=None)
    assert data["label"] is None
    assert data["image"] is None


@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_a_net_that_has_come_apart_gives_a_sentence(value: float) -> None:
    with pytest.raises(UserError, match=r"The baseline net .* train it again"):
        sent(logits={**LOGITS, "baseline": [0.0, value, 1.0]})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"logits": {}}, "one role at least"),
        ({"logits": {"teacher": [1.0, 2.0]}}, "2 logits for 3 classes"),
        ({"label": 3}, "no class 3"),
        ({"label": -1}, "no class -1"),
        ({"image": IMAGE.ravel()}, r"not \(784,\)"),
        ({"image": IMAGE / 255}, "float64"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sent(**changes)


# -- whose T ----------------------------------------------------------------------------------


def test_the_page_says_where_t_stands_until_a_person_moves_it() -> None:
    first = TemperatureState(4.0).after(4.0, None)
    assert (first.temperature, first.released) == (4.0, None)
    moved = first.after(4.0, Release(6.3, 1))
    assert (moved.temperature, moved.released, moved.heard) == (6.3, 6.3, 1)


def test_a_release_outlasts_later_runs() -> None:
    moved = TemperatureState(4.0).after(4.0, Release(6.3, 1))
    for release in (Release(6.3, 1), None):
        assert moved.after(4.0, release) == moved


def test_a_page_that_hands_t_back_moves_nothing() -> None:
    standing = TemperatureState(4.0).after(4.0, Release(6.3, 1)).after(6.3, Release(6.3, 1))
    assert standing.released == 6.3
    # Let go twice before the page's own value, one release behind, came along.
    later = standing.after(6.3, Release(8.0, 2))
    assert later.released == 8.0
    assert later.after(8.0, Release(8.0, 2)).released == 8.0


def test_a_page_that_moves_t_puts_the_release_out_of_force_for_good() -> None:
    release = Release(6.3, 1)
    standing = TemperatureState(4.0).after(4.0, release).after(10.0, release)
    assert (standing.temperature, standing.released) == (10.0, None)
    back = standing.after(4.0, release)
    assert (back.temperature, back.released) == (4.0, None)
    again = back.after(4.0, Release(6.3, 2))
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


def shown(app: AppTest) -> str:
    assert not app.exception
    text: str = app.text[0].value
    return text


def drawn(app: AppTest) -> dict[str, Any]:
    """What the browser would be sent by the last run."""
    proto = app.get("bidi_component")[0].proto
    data: dict[str, Any] = json.loads(proto.json)
    return data


def test_a_script_hears_of_a_release_and_the_browser_that_it_was_heard() -> None:
    app = AppTest.from_function(page, args=(4.0,)).run()
    assert shown(app) == "None"
    assert (drawn(app)["temperature"], drawn(app)["heard"]) == (4.0, 0)
    app.session_state["lens"] = {"release": {"temperature": 6.3, "serial": 1}}
    app.run()
    assert shown(app) == "6.3"
    assert (drawn(app)["temperature"], drawn(app)["heard"]) == (6.3, 1)
    app.run()
    assert shown(app) == "6.3"


@pytest.mark.parametrize(("given", "held"), [(0.1, 0.5), (1000, 50.0), (7, 7.0)])
def test_a_temperature_beyond_the_slider_stands_at_its_end(given: float, held: float) -> None:
    app = AppTest.from_function(page, args=(given,)).run()
    assert drawn(app)["temperature"] == held


def test_a_release_beyond_the_slider_is_held_too() -> None:
    app = AppTest.from_function(page, args=(4.0,)).run()
    app.session_state["lens"] = {"release": {"temperature": 1e9, "serial": 1}}
    app.run()
    assert shown(app) == "50.0"
