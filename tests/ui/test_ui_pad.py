"""The draw pad's Python half: what the browser is sent, what is believed of what it sends."""

from __future__ import annotations

import json
from math import inf, nan
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tsexplorer.errors import UserError
from tsexplorer.imaging import Stroke, picture_from_strokes
from tsexplorer.ui.pad import (
    POINTS_MOST,
    SERIAL_MOST,
    SIDE,
    THINNEST,
    USUAL,
    WIDEST,
    Drawing,
    later,
    payload,
)

LINE = {"width": 18, "points": [[100, 40.5], [140, 240]]}
DOT = {"width": 8, "points": [[10, 20]]}
LINE_DRAWN = Stroke(((100.0, 40.5), (140.0, 240.0)), 18.0)
DOT_DRAWN = Stroke(((10.0, 20.0),), 8.0)


def sent(*strokes: Any, serial: Any = 1) -> dict[str, Any]:
    return {"strokes": list(strokes), "serial": serial}


def line(**changes: Any) -> dict[str, Any]:
    return {**LINE, **changes}


# -- whose drawing ----------------------------------------------------------------------------


def test_nothing_is_drawn_at_first() -> None:
    assert later(Drawing(), None) == Drawing() == ((), 0)


def test_the_later_drawing_is_in_force() -> None:
    first = later(Drawing(), sent(LINE))
    assert first == ((LINE_DRAWN,), 1)
    second = later(first, sent(LINE, DOT, serial=2))
    assert second == ((LINE_DRAWN, DOT_DRAWN), 2)
    for old in (None, sent(LINE), sent(serial=2), sent(serial=-3)):
        assert later(second, old) is second
    assert later(second, sent(serial=5)) == ((), 5)


def test_what_the_browser_gets_is_what_it_sent() -> None:
    drawing = later(Drawing(), sent(LINE, DOT, serial=7))
    data = json.loads(json.dumps(payload(drawing), allow_nan=False))
    assert (data["strokes"], data["serial"]) == ([LINE, DOT], 7)
    assert (data["side"], data["widths"], data["most"]) == (SIDE, [THINNEST, WIDEST], POINTS_MOST)
    assert later(Drawing(), data) == drawing


def test_the_brush_is_as_wide_as_it_was_last() -> None:
    assert payload(Drawing())["width"] == USUAL
    assert payload(Drawing((LINE_DRAWN, DOT_DRAWN), 2))["width"] == 8


# -- what makes no sense ----------------------------------------------------------------------


@pytest.mark.parametrize("number", [nan, inf, -inf, 1e300, -1e300, 2 * SIDE + 1, -SIDE - 1])
def test_a_point_that_no_pad_has_is_refused(number: float) -> None:
    for point in ([number, 5], [5, number]):
        _refuses(sent(line(points=[[5, 5], point])))


@pytest.mark.parametrize("width", [nan, inf, -18, 0, THINNEST - 0.1, WIDEST + 0.1, 10**400, True])
def test_a_brush_that_no_pad_has_is_refused(width: float) -> None:
    _refuses(sent(line(width=width)))


@pytest.mark.parametrize("serial", [None, "2", 1.5, nan, True, [], SERIAL_MOST + 1, 10**400])
def test_a_serial_that_no_pad_counts_is_refused(serial: object) -> None:
    _refuses(sent(LINE, serial=serial))


@pytest.mark.parametrize(
    "nonsense",
    [
        *(7, "strokes", [], [LINE], {}, {"strokes": [LINE]}, {"serial": 1}),
        *({"strokes": what, "serial": 1} for what in (None, 3, "ab", {}, [3], [[]], [None], [{}])),
        *(sent(line(points=what)) for what in (None, 5, "12", [], [[]], [[1]], [[1, 2, 3]])),
        *(sent(line(points=what)) for what in ([["a", 2]], [[None, 2]], [[{}, []]], [5])),
        *(sent(line(width=what)) for what in (None, "18", [18])),
    ],
)
def test_what_is_no_drawing_is_refused(nonsense: object) -> None:
    _refuses(nonsense)


def test_a_drawing_has_so_many_points_and_no_more() -> None:
    half = line(points=[[5, 5]] * (POINTS_MOST // 2))
    full = later(Drawing(), sent(half, half))
    assert sum(len(stroke.points) for stroke in full.strokes) == POINTS_MOST
    _refuses(sent(half, half, DOT))
    _refuses(sent(*[DOT] * (POINTS_MOST + 1)))


def test_what_is_believed_makes_a_picture() -> None:
    far = [[-SIDE, -SIDE], [2 * SIDE, 2 * SIDE]]
    widest = later(Drawing(), sent(line(points=far, width=WIDEST), line(width=THINNEST)))
    dots = later(Drawing(), sent(*[DOT] * POINTS_MOST))
    assert picture_from_strokes(widest.strokes, SIDE, SIDE).pixels[140, 140] == 0
    assert picture_from_strokes(dots.strokes, SIDE, SIDE).pixels[20, 10] == 0


def _refuses(nonsense: object) -> None:
    with pytest.raises(UserError) as caught:
        later(Drawing(), nonsense)
    sentence = str(caught.value)
    assert sentence == "The drawing could not be read; clear the pad and draw it again."


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
    """The drawing that the browser would get from the last run."""
    data = json.loads(app.get("bidi_component")[0].proto.json)
    return data["strokes"], data["serial"]


def test_a_script_hears_of_a_drawing_and_the_browser_that_it_was_heard(app: AppTest) -> None:
    assert (shown(app), mounted(app)) == ("()", ([], 0))
    app.session_state["pad"] = {"drawing": sent(LINE)}
    app.run()
    assert (shown(app), mounted(app)) == (f"{(LINE_DRAWN,)}", ([LINE], 1))
    app.run()
    assert shown(app) == f"{(LINE_DRAWN,)}"


def test_a_drawing_outlasts_another_page(app: AppTest) -> None:
    app.session_state["pad"] = {"drawing": sent(LINE, serial=4)}
    app.run()
    app.session_state["elsewhere"] = True
    assert shown(app.run()) == "elsewhere"
    del app.session_state["pad"]  # as Streamlit does with what a component on no page said
    app.session_state["elsewhere"] = False
    app.run()
    assert (shown(app), mounted(app)) == (f"{(LINE_DRAWN,)}", ([LINE], 4))


def test_nonsense_gives_a_sentence_and_leaves_the_pad_to_clear(app: AppTest) -> None:
    app.session_state["pad"] = {"drawing": sent(LINE)}
    app.run()
    app.session_state["pad"] = {"drawing": sent(line(width="wide"), serial=2)}
    for _ in range(2):
        app.run()
        assert shown(app).startswith("The drawing could not be read; clear the pad")
        assert mounted(app) == ([LINE], 1)
    app.session_state["pad"] = {"drawing": sent(serial=3)}
    app.run()
    assert (shown(app), mounted(app)) == ("()", ([], 3))
