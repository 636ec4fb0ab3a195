"""The draw pad in Python: the data for the browser, and the checks of what it sends."""

from __future__ import annotations

import json
from math import inf, nan
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tsexplorer.errors import UserError
from tsexplorer.imaging import Stroke, picture_from_strokes
from tsexplorer.ui.pad import (
    DEFAULT_BRUSH,
    MAX_BRUSH,
    MAX_POINTS,
    MAX_SERIAL,
    MIN_BRUSH,
    SIDE,
    Drawing,
    later_drawing,
    payload,
)

LINE = {"width": 18, "points": [[100, 40.5], [140, 240]]}
DOT = {"width": 8, "points": [[10, 20]]}
LINE_DRAWN = Stroke(((100.0, 40.5), (140.0, 240.0)), 18.0)
DOT_DRAWN = Stroke(((10.0, 20.0),), 8.0)


def message(*strokes: Any, serial: Any = 1) -> dict[str, Any]:
    return {"strokes": list(strokes), "serial": serial}


def line(**changes: Any) -> dict[str, Any]:
    return {**LINE, **changes}


# -- the later drawing ------------------------------------------------------------------------


def test_the_first_drawing_is_empty() -> None:
    assert later_drawing(Drawing(), None) == Drawing() == ((), 0)


def test_the_drawing_with_the_higher_serial_holds() -> None:
    first = later_drawing(Drawing(), message(LINE))
    assert first == ((LINE_DRAWN,), 1)
    second = later_drawing(first, message(LINE, DOT, serial=2))
    assert second == ((LINE_DRAWN, DOT_DRAWN), 2)
    for earlier in (None, message(LINE), message(serial=2), message(serial=-3)):
        assert later_drawing(second, earlier) is second
    assert later_drawing(second, message(serial=5)) == ((), 5)


def test_a_drawing_is_unchanged_by_the_round_trip() -> None:
    drawing = later_drawing(Drawing(), message(LINE, DOT, serial=7))
    data = json.loads(json.dumps(payload(drawing), allow_nan=False))
    assert (data["strokes"], data["serial"]) == ([LINE, DOT], 7)
    assert (data["side"], data["widths"], data["most"]) == (
        SIDE,
        [MIN_BRUSH, MAX_BRUSH],
        MAX_POINTS,
    )
    assert later_drawing(Drawing(), data) == drawing


def test_the_brush_keeps_its_last_width() -> None:
    assert payload(Drawing())["width"] == DEFAULT_BRUSH
    assert payload(Drawing((LINE_DRAWN, DOT_DRAWN), 2))["width"] == 8


# -- invalid messages ------------------------------------------------------------------------


@pytest.mark.parametrize("number", [nan, inf, -inf, 1e300, -1e300, 2 * SIDE + 1, -SIDE - 1])
def test_a_point_outside_the_pads_range_is_rejected(number: float) -> None:
    for point in ([number, 5], [5, number]):
        assert_rejected(message(line(points=[[5, 5], point])))


@pytest.mark.parametrize(
    "width", [nan, inf, -18, 0, MIN_BRUSH - 0.1, MAX_BRUSH + 0.1, 10**400, True]
)
def test_a_width_outside_the_brushs_range_is_rejected(width: float) -> None:
    assert_rejected(message(line(width=width)))


@pytest.mark.parametrize("serial", [None, "2", 1.5, nan, True, [], MAX_SERIAL + 1, 10**400])
def test_a_serial_that_is_no_javascript_integer_is_rejected(serial: object) -> None:
    assert_rejected(message(LINE, serial=serial))


@pytest.mark.parametrize(
    "invalid",
    [
        *(7, "strokes", [], [LINE], {}, {"strokes": [LINE]}, {"serial": 1}),
        *(
            {"strokes": value, "serial": 1}
            for value in (None, 3, "ab", {}, [3], [[]], [None], [{}])
        ),
        *(message(line(points=value)) for value in (None, 5, "12", [], [[]], [[1]], [[1, 2, 3]])),
        *(message(line(points=value)) for value in ([["a", 2]], [[None, 2]], [[{}, []]], [5])),
        *(message(line(width=value)) for value in (None, "18", [18])),
    ],
)
def test_a_message_with_another_structure_is_rejected(invalid: object) -> None:
    assert_rejected(invalid)


def test_a_drawing_with_too_many_points_is_rejected() -> None:
    half = line(points=[[5, 5]] * (MAX_POINTS // 2))
    full = later_drawing(Drawing(), message(half, half))
    assert sum(len(stroke.points) for stroke in full.strokes) == MAX_POINTS
    assert_rejected(message(half, half, DOT))
    assert_rejected(message(*[DOT] * (MAX_POINTS + 1)))


def test_every_accepted_drawing_makes_a_picture() -> None:
    far = [[-SIDE, -SIDE], [2 * SIDE, 2 * SIDE]]
    widest = later_drawing(
        Drawing(), message(line(points=far, width=MAX_BRUSH), line(width=MIN_BRUSH))
    )
    dots = later_drawing(Drawing(), message(*[DOT] * MAX_POINTS))
    assert picture_from_strokes(widest.strokes, SIDE, SIDE).pixels[140, 140] == 0
    assert picture_from_strokes(dots.strokes, SIDE, SIDE).pixels[20, 10] == 0


def assert_rejected(invalid: object) -> None:
    with pytest.raises(UserError) as caught:
        later_drawing(Drawing(), invalid)
    assert str(caught.value) == "The drawing could not be read; clear the pad and draw it again."


# -- in a script ------------------------------------------------------------------------------


def page() -> None:
    import streamlit as st

    from tsexplorer.errors import UserError
    from tsexplorer.ui.pad import pad

    if st.session_state.get("elsewhere"):
        st.text("elsewhere")
        st.stop()
    try:
        st.text(f"{pad(key='pad')}")
    except UserError as error:
        st.text(f"{error}")


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_function(page).run()


def shown(app: AppTest) -> str:
    assert not app.exception
    text: str = app.text[0].value
    return text


def mounted(app: AppTest) -> tuple[list[Any], int]:
    """The strokes and the serial number that the browser gets from the last run."""
    data = json.loads(app.get("bidi_component")[0].proto.json)
    return data["strokes"], data["serial"]


def test_a_script_gets_the_drawing_and_sends_it_back(app: AppTest) -> None:
    assert (shown(app), mounted(app)) == ("()", ([], 0))
    app.session_state["pad"] = {"drawing": message(LINE)}
    app.run()
    assert (shown(app), mounted(app)) == (f"{(LINE_DRAWN,)}", ([LINE], 1))
    app.run()
    assert shown(app) == f"{(LINE_DRAWN,)}"


def test_a_drawing_is_kept_when_the_page_changes(app: AppTest) -> None:
    app.session_state["pad"] = {"drawing": message(LINE, serial=4)}
    app.run()
    app.session_state["elsewhere"] = True
    assert shown(app.run()) == "elsewhere"
    del app.session_state["pad"]  # as Streamlit does when the component is not drawn
    app.session_state["elsewhere"] = False
    app.run()
    assert (shown(app), mounted(app)) == (f"{(LINE_DRAWN,)}", ([LINE], 4))


def test_a_pad_can_be_cleared_after_an_invalid_message(app: AppTest) -> None:
    app.session_state["pad"] = {"drawing": message(LINE)}
    app.run()
    app.session_state["pad"] = {"drawing": message(line(width="wide"), serial=2)}
    for _ in range(2):
        app.run()
        assert shown(app).startswith("The drawing could not be read; clear the pad")
        assert mounted(app) == ([LINE], 1)
    app.session_state["pad"] = {"drawing": message(serial=3)}
    app.run()
    assert (shown(app), mounted(app)) == ("()", ([], 3))
