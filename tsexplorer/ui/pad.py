"""The draw pad: a person's strokes, drawn in the browser and kept for the session.

While the pen is down the browser alone knows of it (``assets/pad``). Python hears when it is
lifted, and of undo and clear, each time of the whole drawing with a serial number. The later of
two drawings is the one in force, in the browser as here: a run of the script that has not heard
of a stroke cannot wipe it, and a pad that comes up anew gets back what was kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import streamlit as st

from tsexplorer.assets import ASSETS
from tsexplorer.errors import UserError
from tsexplorer.imaging import Stroke, parse_strokes
from tsexplorer.imaging.drawing import INVALID_DRAWING

SIDE = 280
"""The pad's side in its own units, whatever its size on the screen; x goes right, y down."""
THINNEST, USUAL, WIDEST = 8, 18, 32
"""Widths of the brush, in the same units."""
POINTS_MOST = 20_000
"""More than a person draws, and few enough for any picture of them; the pad stops there."""
SERIAL_MOST = 2**53 - 1
"""The largest whole number that a browser counts to."""

FOLDER = ASSETS / "pad"


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


_mount = st.components.v2.component(
    "tsexplorer_pad", html=_read("pad.html"), css=_read("pad.css"), js=_read("pad.js")
)


class Drawing(NamedTuple):
    """Strokes in the order in which they were drawn; each change has a higher serial number."""

    strokes: tuple[Stroke, ...] = ()
    serial: int = 0


def pad(*, key: str) -> tuple[Stroke, ...]:
    """Draw the pad.

    Args:
        key: the pad's name in the session; under it the drawing outlasts a change of page.

    Returns:
        What has been drawn so far, in units of the pad (0...SIDE, and a pad's side beyond where
        the pen left the paper); empty at first.

    Raises:
        UserError: what came from the browser makes no sense. The pad is there all the same, so
            that it can be cleared.
    """
    try:
        return _keep(key).strokes
    finally:
        # A person may lift the pen and go to another page at once: that run hears only so.
        _mount(key=key, data=payload(_kept(key)), on_drawing_change=lambda: _hear(key))


def payload(drawing: Drawing) -> dict[str, Any]:
    """What the browser gets, as JSON."""
    strokes = [
        {"width": stroke.width, "points": [list(point) for point in stroke.points]}
        for stroke in drawing.strokes
    ]
    return {
        "strokes": strokes,
        "serial": drawing.serial,
        "side": SIDE,
        "widths": [THINNEST, WIDEST],
        "width": drawing.strokes[-1].width if drawing.strokes else USUAL,
        "most": POINTS_MOST,
    }


def later(before: Drawing, sent: object) -> Drawing:
    """The drawing that was known, or the one that the browser sent where that is later.

    Args:
        before: what was known.
        sent: ``{"strokes": [...], "serial": n}``; None before the first.

    Raises:
        UserError: it is anything else, or no drawing that the pad can make.
    """
    if sent is None:
        return before
    if not isinstance(sent, Mapping):
        raise UserError(INVALID_DRAWING)
    serial = sent.get("serial")
    if type(serial) is not int or serial > SERIAL_MOST:
        raise UserError(INVALID_DRAWING)
    if serial <= before.serial:
        return before
    strokes = parse_strokes(sent.get("strokes"))
    if sum(len(one.points) for one in strokes) > POINTS_MOST or not all(map(_possible, strokes)):
        raise UserError(INVALID_DRAWING)
    return Drawing(strokes, serial)


def _possible(stroke: Stroke) -> bool:
    """Whether the pad could have made it; nan is never within anything."""
    near = all(-SIDE <= x <= 2 * SIDE and -SIDE <= y <= 2 * SIDE for x, y in stroke.points)
    return bool(stroke.points) and near and THINNEST <= stroke.width <= WIDEST


def _slot(key: str) -> str:
    """Not the component's own: what a component said is gone once a page is left."""
    return f"_drawing_{key}"


def _kept(key: str) -> Drawing:
    kept: Drawing = st.session_state.get(_slot(key), Drawing())
    return kept


def _keep(key: str) -> Drawing:
    state = st.session_state.get(key)
    sent = state.get("drawing") if isinstance(state, Mapping) else None
    drawing = later(_kept(key), sent)
    st.session_state[_slot(key)] = drawing
    return drawing


def _hear(key: str) -> None:
    with suppress(UserError):  # the pad itself will say so
        _keep(key)
