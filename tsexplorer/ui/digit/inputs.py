"""Pictures of digits: drawn, uploaded, photographed or taken from a dataset.

Each becomes one or more net inputs. The page shows every step on the way, and options to override
a step.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from tsexplorer.analysis.formatting import capitalised
from tsexplorer.data.registry import get_dataset
from tsexplorer.imaging import (
    AUTOMATIC,
    Box,
    ExtractionOptions,
    ExtractionResult,
    Picture,
    decode,
    extract_digits,
    picture_from_strokes,
    result_for_dataset_image,
)
from tsexplorer.services import Service
from tsexplorer.ui.app_state import show_errors
from tsexplorer.ui.figures import enlarged
from tsexplorer.ui.pad import SIDE, pad
from tsexplorer.ui.theme import escaped

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray
    from streamlit.runtime.uploaded_file_manager import UploadedFile

SOURCES = {"draw": "Draw", "upload": "Upload", "camera": "Camera", "samples": "Samples"}
MAX_FILES = 20
STEP_WIDTH = 150
INPUT_SCALE = 4
INVERT_TITLES = {"auto": "Detect", "no": "Dark on light", "yes": "Light on dark"}
FULL_RANGE = (0, 100)
ANY_CLASS = "any"

# Session keys of the options.
INVERT = "digit.invert"
USE_THRESHOLD, THRESHOLD = "digit.threshold_on", "digit.threshold"
USE_STROKE_WIDTH, STROKE_WIDTH = "digit.thickness_on", "digit.thickness"
SINGLE_DIGIT = "digit.single"
CROP_X, CROP_Y = "digit.crop_x", "digit.crop_y"
PICTURE_SIZE = "digit.size"
"""Session key: width and height of the only picture; None for several, which cannot be cropped."""
PICTURES = "digit.readings"
"""Session key: the pictures of the last run, by source and options."""
SAMPLE = "digit.sample"
SAMPLE_CLASS = "digit.class"


@dataclass(frozen=True, eq=False)
class InputPicture:
    """A picture and its digits.

    Attributes:
        name: of the file or the sample; must be escaped in markdown.
        extraction: the digits of the picture, and the steps of their extraction.
        size: width and height of the original, in pixels.
        label: class of a sample; None if it is unknown.
        is_sample: whether it is a dataset's image, which has no steps to override.
    """

    name: str
    extraction: ExtractionResult
    size: tuple[int, int]
    label: int | None = None
    is_sample: bool = False


Source = tuple[Any, "Callable[[], Picture]"]
"""A picture's identity, which stays the same from run to run, and a function that loads it."""

# -- pictures ---------------------------------------------------------------------------------


def input_pictures(
    service: Service, source: str, dataset: str, options: ExtractionOptions
) -> list[InputPicture]:
    """Draw the widgets of a source and return its pictures.

    Args:
        service: gives the samples.
        source: one of :data:`SOURCES`.
        dataset: dataset of the samples, which are from its test split.
        options: of the extraction.
    """
    if source == "samples":
        return [_sample(service, dataset)]
    if source == "draw":
        strokes = pad(key="pad")
        drawing: Source = (strokes, lambda: picture_from_strokes(strokes, SIDE, SIDE))
        return _extract([drawing] if strokes else [], options)
    if source == "camera":
        photo = st.camera_input(
            "Hold the digit in front of the camera",
            key="digit_camera",
            help="The browser asks for your permission to use the camera.",
        )
        return _extract(_file_sources([photo] if photo else []), options)
    files = st.file_uploader(
        "Pictures of digits",
        key="digit_files",
        accept_multiple_files=True,
        help="PNG, JPEG, WebP, BMP, GIF, TIFF or HEIC; up to 10 MB and 50 megapixels each.",
    )
    if len(files) > MAX_FILES:
        st.warning(
            f"{len(files)} files are too many at once; the first {MAX_FILES} are shown. "
            "Remove some to see the others.",
            icon=":material/filter_none:",
        )
    return _extract(_file_sources(files[:MAX_FILES]), options)


def _file_sources(files: Sequence[UploadedFile]) -> list[Source]:
    return [(file.file_id, partial(_decode_file, file)) for file in files]


def _decode_file(file: UploadedFile) -> Picture:
    return decode(file.getvalue(), file.name)


def _extract(sources: Sequence[Source], options: ExtractionOptions) -> list[InputPicture]:
    """Extract the digits of each picture once; a picture that fails gets an error message."""
    previous = st.session_state.get(PICTURES, {})
    pictures: dict[Any, InputPicture] = {}
    for identity, load in sources:
        key = (identity, options)
        with show_errors():
            pictures[key] = previous.get(key) or _input_picture(load(), options)
    st.session_state[PICTURES] = pictures  # removed pictures are released
    return list(pictures.values())


def _input_picture(picture: Picture, options: ExtractionOptions) -> InputPicture:
    size = (picture.width, picture.height)
    return InputPicture(picture.name, extract_digits(picture, options), size)


def _sample(service: Service, dataset: str) -> InputPicture:
    """Return a random image of the test split; it stays until another one or class is chosen."""
    images = service.inference.images(dataset, "test")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Class",
            [ANY_CLASS, *images.classes],
            key=SAMPLE_CLASS,
            width=140,
            on_change=_forget_sample,
        )
        st.button("Another", key="digit_another", icon=":material/casino:", on_click=_forget_sample)
    if chosen == ANY_CLASS:
        is_candidate_N = images.labels_N >= 0
    else:
        is_candidate_N = images.labels_N == images.classes.index(chosen)
    index = st.session_state.get(SAMPLE)
    if index is None or index >= len(is_candidate_N) or not is_candidate_N[index]:
        candidates = is_candidate_N.nonzero()[0]
        index = int(candidates[secrets.randbelow(len(candidates))])
        st.session_state[SAMPLE] = index
    st.caption(f"{escaped(capitalised(images.description))}; image {index:,}.")
    name = f"image {index} of {get_dataset(dataset).info.title}"
    extraction = result_for_dataset_image(images.pixels_N[index], name)
    label = int(images.labels_N[index])
    return InputPicture(name, extraction, (28, 28), label, is_sample=True)


def _forget_sample() -> None:
    st.session_state.pop(SAMPLE, None)


# -- steps and options ------------------------------------------------------------------------


def show_steps(picture: InputPicture, key: str) -> None:
    """Draw each step as a small picture, the net inputs last.

    Args:
        picture: the picture.
        key: of the container.
    """
    digits = picture.extraction.digits
    with st.container(horizontal=True, gap="small", key=key):
        for number, step in enumerate(picture.extraction.steps, 1):
            _show_step(step.pixels, f"{number}. {step.name}", step.note)
        for number, digit in enumerate(digits, 1):
            title = f"Net input {number}" if len(digits) > 1 else "Net input"
            _show_step(enlarged(digit.pixels, INPUT_SCALE), title, "28 × 28 pixels")


def _show_step(pixels: NDArray[np.uint8], title: str, note: str) -> None:
    with st.container(width=STEP_WIDTH, gap="xsmall"):
        st.image(pixels, width=STEP_WIDTH, alt=f"{title}: {note}" if note else title)
        st.caption(f"**{escaped(title)}**" + (f"  \n{escaped(note)}" if note else ""))


def selected_options() -> ExtractionOptions:
    """Return the options as the widgets of :func:`option_controls` left them in the session."""
    state = st.session_state
    return ExtractionOptions(
        invert=state.get(INVERT) or "auto",
        threshold=state.get(THRESHOLD, 50) / 100 if state.get(USE_THRESHOLD) else None,
        stroke_width=state.get(STROKE_WIDTH, 2.5) if state.get(USE_STROKE_WIDTH) else None,
        single_digit=bool(state.get(SINGLE_DIGIT)),
        crop=_selected_crop(),
    )


def _selected_crop() -> Box | None:
    """Return the region between the crop sliders, in pixels; None for the whole picture."""
    across, down = (st.session_state.get(key, FULL_RANGE) for key in (CROP_X, CROP_Y))
    size = st.session_state.get(PICTURE_SIZE)
    if size is None or (across, down) == (FULL_RANGE, FULL_RANGE):
        return None
    width, height = size
    return Box(
        int(width * across[0] / 100),
        int(height * down[0] / 100),
        int(width * across[1] / 100),
        int(height * down[1] / 100),
    )


def option_controls(pictures: list[InputPicture]) -> None:
    """Draw the options, which apply to all pictures; the crop for a single picture only.

    Args:
        pictures: the pictures that could be read; empty if the options made that impossible.
    """
    if pictures:
        st.session_state[PICTURE_SIZE] = pictures[0].size if len(pictures) == 1 else None
    first, second, third = st.columns(3)
    with first:
        st.segmented_control(
            "Strokes",
            INVERT_TITLES,
            default="auto",
            format_func=INVERT_TITLES.__getitem__,
            key=INVERT,
            required=True,
        )
        st.toggle("All strokes are one digit", key=SINGLE_DIGIT)
    with second:
        if st.toggle("Set the threshold", key=USE_THRESHOLD):
            st.slider("Minimum ink of a stroke pixel (%)", 1, 99, 50, key=THRESHOLD)
        if st.toggle("Set the stroke width", key=USE_STROKE_WIDTH):
            st.slider(
                "Stroke width in the net input (pixels)", 0.5, 6.0, 2.5, 0.5, key=STROKE_WIDTH
            )
    with third:
        if st.session_state.get(PICTURE_SIZE) is not None:
            st.slider("Crop across (%)", 0, 100, FULL_RANGE, key=CROP_X)
            st.slider("Crop down (%)", 0, 100, FULL_RANGE, key=CROP_Y)
    if selected_options() != AUTOMATIC:
        st.button(
            "Reset to automatic", key="digit_reset", icon=":material/undo:", on_click=reset_options
        )


def reset_options() -> None:
    """Make every step automatic again; a callback."""
    toggles = (USE_THRESHOLD, USE_STROKE_WIDTH, SINGLE_DIGIT)
    for key in (INVERT, *toggles, THRESHOLD, STROKE_WIDTH, CROP_X, CROP_Y):
        st.session_state.pop(key, None)
