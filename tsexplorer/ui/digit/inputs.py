"""How a picture became a net input, step by step, and switches to overrule it.

Pictures from people: drawn, uploaded, photographed, or taken from the data.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from tsexplorer.analysis.formatting import begun
from tsexplorer.data.digits import (
    AUTOMATIC,
    Box,
    Options,
    Picture,
    Reading,
    as_it_is,
    decode,
    from_strokes,
    read,
)
from tsexplorer.data.registry import get_dataset
from tsexplorer.services import Service
from tsexplorer.ui.app_state import sentences
from tsexplorer.ui.figures import enlarged
from tsexplorer.ui.pad import SIDE, pad
from tsexplorer.ui.theme import escaped

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray
    from streamlit.runtime.uploaded_file_manager import UploadedFile

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


def chosen() -> Options:
    """What the switches say, as they stood when the page was sent; they are drawn further down."""
    state = st.session_state
    return Options(
        invert=state.get(INVERT) or "auto",
        threshold=state.get(BY_HAND[1], 50) / 100 if state.get(BY_HAND[0]) else None,
        thickness=state.get(THICKNESS[1], 2.5) if state.get(THICKNESS[0]) else None,
        single=bool(state.get(SINGLE)),
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


MOST_FILES = 20
SOURCES = {"draw": "Draw", "upload": "Upload", "camera": "Camera", "samples": "Samples"}
READINGS = "digit.readings"
SAMPLE = "digit.sample"
CLASS = "digit.class"
ANY = "any"


@dataclass(frozen=True, eq=False)
class Shown:
    """A picture and what was read from it.

    Attributes:
        name: safe to show once markup is escaped.
        reading: the digits that were found.
        size: of the picture as it was sent, width and height in pixels.
        label: class of a sample; None where nobody knows.
        fixed: whether there is nothing to overrule.
    """

    name: str
    reading: Reading
    size: tuple[int, int]
    label: int | None = None
    fixed: bool = False


def taken(service: Service, source: str, dataset: str, options: Options) -> list[Shown]:
    """Draw the widgets of a source, and read what they hold.

    Args:
        service: gives the samples.
        source: one of :data:`SOURCES`.
        dataset: whose test split the samples are from.
        options: what a person overrules.
    """
    if source == "samples":
        return list(_sample(service, dataset))
    if source == "draw":
        strokes = pad(key="pad")
        return _read(
            [(strokes, lambda: from_strokes(strokes, SIDE, SIDE))] if strokes else [], options
        )
    if source == "camera":
        photo = st.camera_input(
            "Hold the digit into the camera",
            key="digit_camera",
            help="The browser asks before it lets the page see the camera.",
        )
        return _read(_files([photo] if photo else []), options)
    files = st.file_uploader(
        "Pictures of digits",
        key="digit_files",
        accept_multiple_files=True,
        help="PNG, JPEG, WebP, BMP, GIF, TIFF or HEIC; up to 10 MB and 50 megapixels each.",
    )
    if len(files) > MOST_FILES:
        st.warning(
            f"{len(files)} files are too many at once; the first {MOST_FILES} are shown. "
            "Remove some to see the others.",
            icon=":material/filter_none:",
        )
    return _read(_files(files[:MOST_FILES]), options)


Source = tuple[Any, "Callable[[], Picture]"]
"""What a picture is known by from one run to the next, and how to get it."""


def _files(files: Sequence[UploadedFile]) -> list[Source]:
    return [(file.file_id, partial(_decoded, file)) for file in files]


def _decoded(file: UploadedFile) -> Picture:
    return decode(file.getvalue(), file.name)


def _read(sources: Sequence[Source], options: Options) -> list[Shown]:
    """Read pictures, each once; what is refused is said, and the others are shown."""
    known = st.session_state.get(READINGS, {})
    kept: dict[Any, Shown] = {}
    for name, picture in sources:
        key = (name, options)
        with sentences():
            kept[key] = known.get(key) or _shown(picture(), options)
    st.session_state[READINGS] = kept  # pictures that were taken away are let go
    return list(kept.values())


def _shown(picture: Picture, options: Options) -> Shown:
    return Shown(picture.name, read(picture, options), (picture.width, picture.height))


def _sample(service: Service, dataset: str) -> Iterator[Shown]:
    """An image of the test split, by class or any."""
    images = service.reading.images(dataset, "test")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Class", [ANY, *images.classes], key=CLASS, width=140, on_change=_forget_sample
        )
        st.button("Another", key="digit_another", icon=":material/casino:", on_click=_forget_sample)
    place = st.session_state.get(SAMPLE)
    fits = (
        images.labels_N >= 0 if chosen == ANY else images.labels_N == images.classes.index(chosen)
    )
    if place is None or place >= len(fits) or not fits[place]:
        places = fits.nonzero()[0]
        place = int(places[secrets.randbelow(len(places))])
        st.session_state[SAMPLE] = place
    st.caption(f"{escaped(begun(images.words))}; image {place:,}.")
    label = int(images.labels_N[place])
    name = f"image {place} of {get_dataset(dataset).info.title}"
    yield Shown(name, as_it_is(images.pixels_N[place], name), (28, 28), label, fixed=True)


def _forget_sample() -> None:
    st.session_state.pop(SAMPLE, None)
