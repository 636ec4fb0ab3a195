"""A Streamlit app whose pages contain one component each, for tests of the components.

The tests write a script that calls :func:`run`; see the fixture ``toy_server``.
"""

from __future__ import annotations

import os
import time

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from tests.browser.lens_examples import CLASSES, LABELS, LOGITS
from tsexplorer.imaging import picture_from_strokes
from tsexplorer.ui.lens import lens
from tsexplorer.ui.pad import SIDE, pad


def run() -> None:
    """Run the page that the URL names."""
    st.set_page_config(layout="wide")
    pages = [
        st.Page(plain_page, title="Plain", url_path="plain", default=True),
        st.Page(blank_page, title="Blank", url_path="blank"),
        st.Page(inaccessible_page, title="Inaccessible", url_path="inaccessible"),
        st.Page(pad_page, title="Digit", url_path="pad"),
        st.Page(lens_page, title="Lens", url_path="lens"),
    ]
    st.navigation(pages, position="top").run()


def plain_page() -> None:
    """Text, a slow button and a button that raises."""
    st.title("Plain")
    st.write(os.environ["TSEXPLORER_HOME"], os.environ.get("TSEXPLORER_DEVICE", "unset"))
    if st.button("Think", key="think"):
        time.sleep(0.7)
        st.write("Done")
    if st.button("Break", key="break"):
        raise ValueError("raised by the button")
    for line in range(60):
        st.write(line)


def blank_page() -> None:
    """Only a title."""
    st.title("Blank")


def inaccessible_page() -> None:
    """Text of low contrast and an image without a description."""
    st.title("Inaccessible")
    st.html('<p style="color:#ddd;background:#fff">low contrast</p><img src="data:,">')


# -- the pad ------------------------------------------------------------------------------------


def pad_page() -> None:
    """The pad, its strokes and its picture; ``?ticking`` reruns it, ``?slow`` delays a run."""
    st.title("Digit")
    ticking = "ticking" in st.query_params
    if ticking and st.button("Stop", key="stop"):
        ticking = False
    st.fragment(_draw_pad, run_every=0.2 if ticking else None)()
    st.button("Again", key="again")
    for _ in range(30):
        st.text("Something to scroll to")


def _draw_pad() -> None:
    state = st.session_state
    if "slow" in st.query_params:
        time.sleep(2)
        st.text("A run that is superseded ends here")
    strokes = pad(key="pad")
    widths = " ".join(f"{stroke.width:g}" for stroke in strokes)
    state.runs = state.get("runs", 0) + 1
    st.text(f"{len(strokes)} strokes, widths {widths or 'none'}")
    st.text(f"run {state.runs}")
    st.text(f"points {sum(len(stroke.points) for stroke in strokes)}")
    # The picture as rows of # and ., one character for 10×10 units.
    drawing = picture_from_strokes(strokes, SIDE, SIDE)
    darkest = drawing.pixels.reshape(28, 10, 28, 10).min(axis=(1, 3))
    with st.container(key="picture"):
        rows = ["".join("#" if value < 128 else "." for value in row) for row in darkest]
        st.code("\n".join(rows), language=None)


# -- the lens -----------------------------------------------------------------------------------


def lens_page() -> None:
    """The lens and the T that it returns.

    Query parameters: ``data`` (a key of ``LOGITS``), ``bare`` (one role, no label, no image),
    ``ticking`` (new images five times a second), ``colour`` (a colour image), ``echo`` (the
    returned T is passed back) and ``two`` (a second lens).
    """
    st.title("Lens")
    state, query = st.session_state, st.query_params
    if "ticking" in query:
        stopped = st.button("Stop", key="stop")
        st.fragment(_draw_ticking_lens, run_every=None if stopped else 0.2)()
        return
    state.runs = state.get("runs", 0) + 1
    released = _draw_lens()
    st.text(f"run {state.runs}, let go at {released}")
    if "echo" in query and released is not None:
        state.given = released
    with st.container(horizontal=True):
        st.button("Again", key="again")
        st.button("T = 10", key="move", on_click=lambda: state.update(given=10.0))
        st.button("Other", key="other", on_click=lambda: state.update(data="other"))
    if "two" in query:
        st.text(f"second at {_draw_lens('second')}")


def _draw_ticking_lens() -> None:
    st.session_state.ticks = st.session_state.get("ticks", 0) + 1
    _draw_lens(shift=st.session_state.ticks)
    st.text(f"ticks {st.session_state.ticks}")


def _draw_lens(key: str = "lens", shift: int = 0) -> float | None:
    """Draw a lens; ``shift`` moves the rows of its image."""
    state, query = st.session_state, st.query_params
    bare = "bare" in query
    data = state.get("data", query.get("data", "digits"))
    logits = LOGITS[data]
    image = np.roll(np.arange(784).astype(np.uint8).reshape(28, 28), shift, axis=0)
    if "colour" in query:
        image = colour_image()
    return lens(
        logits={"distilled": logits["distilled"]} if bare else logits,
        label=None if bare else LABELS[data],
        classes=CLASSES[data],
        image=None if bare else image,
        temperature=state.get("given", 4.0),
        key=key,
    )


def colour_image() -> NDArray[np.uint8]:
    """An image of 48×64 pixels in colour."""
    return np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
