"""The draw pad: strokes drawn in the browser and kept for the session.

While the pen is down, only the browser knows the stroke (``assets/pad``). When the pen is lifted,
and on undo and clear, the browser sends the whole drawing with a serial number. The drawing with
the higher serial number wins, in the browser and here: a run of the script that does not know the
last stroke cannot delete it, and a pad that is mounted again gets the stored drawing back.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import streamlit as st

from tsexplorer.assets import read_assets
from tsexplorer.errors import UserError
from tsexplorer.imaging import Stroke, parse_strokes
from tsexplorer.imaging.drawing import INVALID_DRAWING

SIDE = 280
"""The pad's side in its own units, whatever its size on the screen; x goes right, y down."""
MIN_BRUSH, DEFAULT_BRUSH, MAX_BRUSH = 8, 18, 32
"""Widths of the brush, in the same units."""
MAX_POINTS = 20_000
"""More than a person draws, and few enough to make a picture of; the pad stops there."""
MAX_SERIAL = 2**53 - 1
"""The largest integer that JavaScript counts to."""

_mount = st.components.v2.component(
    "tsexplorer_pad",
    html=read_assets("pad/pad.html"),
    css=read_assets("pad/pad.css"),
    js=read_assets("pad/pad.js"),
)


class Drawing(NamedTuple):
    """Strokes in drawing order, and a serial number that each change increases."""

    strokes: tuple[Stroke, ...] = ()
    serial: int = 0


def pad(*, key: str) -> tuple[Stroke, ...]:
    """Draw the pad.

    Args:
        key: the pad's name in the session; its drawing is kept when the page changes.

    Returns:
        The strokes so far, empty at first. Coordinates are in units of the pad, 0...SIDE, and up
        to SIDE beyond it where the pen left the paper.

    Raises:
        UserError: the browser sent something that is no drawing. The pad is drawn all the same, so
            that it can be cleared.
    """
    try:
        return _update_drawing(key).strokes
    finally:
        # If a person lifts the pen and changes the page at once, only the callback gets the stroke.
        _mount(key=key, data=payload(_stored_drawing(key)), on_drawing_change=lambda: _receive(key))


def payload(drawing: Drawing) -> dict[str, Any]:
    """Return what the browser gets, as JSON."""
    strokes = [
        {"width": stroke.width, "points": [list(point) for point in stroke.points]}
        for stroke in drawing.strokes
    ]
    return {
        "strokes": strokes,
        "serial": drawing.serial,
        "side": SIDE,
        "widths": [MIN_BRUSH, MAX_BRUSH],
        "width": drawing.strokes[-1].width if drawing.strokes else DEFAULT_BRUSH,
        "most": MAX_POINTS,
    }


def later_drawing(stored: Drawing, message: object) -> Drawing:
    """Return the drawing that the browser sent if it is later than the stored one, else the latter.

    Args:
        stored: the last drawing received.
        message: ``{"strokes": [...], "serial": n}``; None before the first.

    Raises:
        UserError: the message has another structure, or the pad cannot make such a drawing.
    """
    if message is None:
        return stored
    if not isinstance(message, Mapping):
        raise UserError(INVALID_DRAWING)
    serial = message.get("serial")
    if type(serial) is not int or serial > MAX_SERIAL:
        raise UserError(INVALID_DRAWING)
    if serial <= stored.serial:
        return stored
    strokes = parse_strokes(message.get("strokes"))
    points = sum(len(stroke.points) for stroke in strokes)
    if points > MAX_POINTS or not all(map(_is_possible, strokes)):
        raise UserError(INVALID_DRAWING)
    return Drawing(strokes, serial)


def _is_possible(stroke: Stroke) -> bool:
    """Return whether the pad can make the stroke; NaN fails every comparison."""
    in_range = all(-SIDE <= x <= 2 * SIDE and -SIDE <= y <= 2 * SIDE for x, y in stroke.points)
    return bool(stroke.points) and in_range and MIN_BRUSH <= stroke.width <= MAX_BRUSH


def drawing_key(key: str) -> str:
    """Return the session key of a pad's drawing.

    It is not the component's own key: Streamlit drops a component's state when the page is left.
    """
    return f"_drawing_{key}"


def _stored_drawing(key: str) -> Drawing:
    drawing: Drawing = st.session_state.get(drawing_key(key), Drawing())
    return drawing


def _update_drawing(key: str) -> Drawing:
    state = st.session_state.get(key)
    message = state.get("drawing") if isinstance(state, Mapping) else None
    drawing = later_drawing(_stored_drawing(key), message)
    st.session_state[drawing_key(key)] = drawing
    return drawing


def _receive(key: str) -> None:
    with suppress(UserError):  # pad() reports it in the next run
        _update_drawing(key)
