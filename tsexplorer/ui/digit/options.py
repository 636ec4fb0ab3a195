"""How a picture became a net input, step by step, and switches to overrule it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from tsexplorer.imaging import AUTOMATIC, Box, ExtractionOptions
from tsexplorer.ui.pixels import enlarged
from tsexplorer.ui.theme import escaped

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tsexplorer.ui.digit.pictures import Shown

INVERT = "digit.invert"
BY_HAND = ("digit.threshold_on", "digit.threshold")
THICKNESS = ("digit.thickness_on", "digit.thickness")
SINGLE = "digit.single"
CROP = ("digit.crop_x", "digit.crop_y")
STEP_WIDTH = 150
INPUT_SCALE = 4
INVERTS = {"auto": "Found out", "no": "Dark on light", "yes": "Light on dark"}
WHOLE = (0, 100)
SIZE = "digit.size"


def chosen() -> ExtractionOptions:
    """What the switches say, as they stood when the page was sent; they are drawn further down."""
    state = st.session_state
    return ExtractionOptions(
        invert=state.get(INVERT) or "auto",
        threshold=state.get(BY_HAND[1], 50) / 100 if state.get(BY_HAND[0]) else None,
        stroke_width=state.get(THICKNESS[1], 2.5) if state.get(THICKNESS[0]) else None,
        single_digit=bool(state.get(SINGLE)),
        crop=_crop(),
    )


def reset() -> None:
    """Let every step find out for itself again; a callback."""
    for key in (INVERT, *BY_HAND, *THICKNESS, SINGLE, *CROP):
        st.session_state.pop(key, None)


def _crop() -> Box | None:
    """The part between the sliders, of the one picture that there was to crop."""
    across, down = (st.session_state.get(key, WHOLE) for key in CROP)
    size = st.session_state.get(SIZE)
    if size is None or (across, down) == (WHOLE, WHOLE):
        return None
    width, height = size
    return Box(
        int(width * across[0] / 100),
        int(height * down[0] / 100),
        int(width * across[1] / 100),
        int(height * down[1] / 100),
    )


def strip(shown: Shown, key: str) -> None:
    """Each step as a small picture, the net inputs last; ``key`` is the strip's own."""
    with st.container(horizontal=True, gap="small", key=key):
        for number, step in enumerate(shown.reading.steps, 1):
            _picture(step.pixels, f"{number}. {step.name}", step.note)
        for number, digit in enumerate(shown.reading.digits, 1):
            which = f" {number}" if len(shown.reading.digits) > 1 else ""
            _picture(enlarged(digit.pixels, INPUT_SCALE), f"Net input{which}", "28 × 28 pixels")


def _picture(pixels: NDArray[np.uint8], title: str, note: str) -> None:
    with st.container(width=STEP_WIDTH, gap="xsmall"):
        st.image(pixels, width=STEP_WIDTH, alt=f"{title}: {note}" if note else title)
        st.caption(f"**{escaped(title)}**" + (f"  \n{escaped(note)}" if note else ""))


def switches(pictures: list[Shown]) -> None:
    """What can be overruled, for all pictures at once; the crop for a single one.

    Args:
        pictures: what could be read; none where what is overruled made that impossible.
    """
    if pictures:
        st.session_state[SIZE] = pictures[0].size if len(pictures) == 1 else None
    first, second, third = st.columns(3)
    with first:
        st.segmented_control(
            "Strokes",
            INVERTS,
            default="auto",
            format_func=INVERTS.__getitem__,
            key=INVERT,
            required=True,
        )
        st.toggle("All strokes are one digit", key=SINGLE)
    with second:
        if st.toggle("Set the threshold by hand", key=BY_HAND[0]):
            st.slider("Ink from which on a pixel counts as stroke (%)", 1, 99, 50, key=BY_HAND[1])
        if st.toggle("Set the thickness by hand", key=THICKNESS[0]):
            st.slider("Stroke in the net input (pixels)", 0.5, 6.0, 2.5, 0.5, key=THICKNESS[1])
    with third:
        if st.session_state.get(SIZE) is not None:
            st.slider("Crop across (%)", 0, 100, WHOLE, key=CROP[0])
            st.slider("Crop down (%)", 0, 100, WHOLE, key=CROP[1])
    if chosen() != AUTOMATIC:
        st.button("All automatic again", key="digit_reset", icon=":material/undo:", on_click=reset)
