"""Pictures: drawn, uploaded, photographed or taken from a dataset.

Each becomes one or more net inputs. The page shows every step on the way, and options to override
a step.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from tsexplorer.analysis.formatting import capitalised
from tsexplorer.data.base import DatasetInfo, Fit
from tsexplorer.imaging import AUTOMATIC, Box, ExtractionOptions, decode, picture_from_strokes
from tsexplorer.services import Service
from tsexplorer.ui.app_state import show_errors
from tsexplorer.ui.digit.pictures import (
    InputPicture,
    extracted_picture,
    fitted_picture,
    sample_picture,
)
from tsexplorer.ui.digit.words import noun, size_text
from tsexplorer.ui.figures import enlarged
from tsexplorer.ui.pad import SIDE, pad
from tsexplorer.ui.theme import escaped

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from tsexplorer.imaging.types import UInt8Image

SOURCES = {"draw": "Draw", "upload": "Upload", "camera": "Camera", "samples": "Samples"}
MAX_FILES = 20
STEP_WIDTH, STEP_HEIGHT = 150, 200
"""Largest width and height of a step on the page, in pixels of the page."""
INVERT_TITLES = {"auto": "Detect", "no": "Dark on light", "yes": "Light on dark"}
FIT_TITLES: dict[Fit, str] = {"crop": "Crop", "pad": "Pad", "stretch": "Stretch"}
FULL_RANGE = (0, 100)
ANY_CLASS = "Any class"

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


def sample_class_key(dataset: str) -> str:
    """Return the session key of the class of the samples; datasets have different classes."""
    return f"digit.class.{dataset}"


def fit_key(dataset: str) -> str:
    """Return the session key of the way to fit pictures; datasets have different defaults."""
    return f"digit.fit.{dataset}"


Source = tuple[Any, "Callable[[], InputPicture]"]
"""A picture's identity, which stays the same from run to run, and a function that reads it."""

# -- pictures ---------------------------------------------------------------------------------


def source_titles(info: DatasetInfo) -> dict[str, str]:
    """Return the titles of the sources; only handwriting can be drawn."""
    return {key: title for key, title in SOURCES.items() if info.handwriting or key != "draw"}


def input_pictures(service: Service, source: str, info: DatasetInfo) -> list[InputPicture]:
    """Draw the widgets of a source and return its pictures.

    Args:
        service: gives the samples.
        source: one of :func:`source_titles`.
        info: the dataset of the nets; samples are from its test split.
    """
    if source == "samples":
        return _sample(service, info)
    options = selected_options()
    if source == "draw":
        strokes = pad(key="pad")

        def drawing() -> InputPicture:
            return extracted_picture(picture_from_strokes(strokes, SIDE, SIDE), options)

        return _read([(strokes, drawing)] if strokes else [], options)
    if source == "camera":
        photo = st.camera_input(
            f"Hold the {noun(info)} in front of the camera"
            if info.handwriting
            else "Take a picture",
            key="digit_camera",
            help="The browser asks for your permission to use the camera.",
        )
        files = [photo] if photo else []
    else:
        files = _uploaded_files(info)
    if info.handwriting:
        return _read([(file.file_id, partial(_extract, file, options)) for file in files], options)
    fit = selected_fit(info)
    sources = [(file.file_id, partial(_fit, file, info, fit)) for file in files]
    return _read(sources, (info.name, fit))


def _uploaded_files(info: DatasetInfo) -> list[UploadedFile]:
    files = st.file_uploader(
        f"Pictures of {noun(info)}s" if info.handwriting else "Pictures",
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
    return list(files[:MAX_FILES])


def _extract(file: UploadedFile, options: ExtractionOptions) -> InputPicture:
    return extracted_picture(decode(file.getvalue(), file.name), options)


def _fit(file: UploadedFile, info: DatasetInfo, fit: Fit) -> InputPicture:
    return fitted_picture(file.getvalue(), file.name, info, fit)


def _read(sources: Sequence[Source], settings: object) -> list[InputPicture]:
    """Read each picture once with these settings; one that fails gets an error message."""
    previous = st.session_state.get(PICTURES, {})
    pictures: dict[Any, InputPicture] = {}
    for identity, read in sources:
        key = (identity, settings)
        with show_errors():
            pictures[key] = previous.get(key) or read()
    st.session_state[PICTURES] = pictures  # removed pictures are released
    return list(pictures.values())


def _sample(service: Service, info: DatasetInfo) -> list[InputPicture]:
    """Return a random image of the test split; it stays until another one or class is chosen.

    The list is empty if the test split has no image of the class.
    """
    images = service.inference.images(info.name, "test")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Class",
            [ANY_CLASS, *images.classes],
            key=sample_class_key(info.name),
            width=140 if info.handwriting else "stretch",
            on_change=_forget_sample,
        )
        st.button("Another", key="digit_another", icon=":material/casino:", on_click=_forget_sample)
    if chosen == ANY_CLASS:
        is_candidate_N = images.labels_N >= 0
    else:
        is_candidate_N = images.labels_N == images.classes.index(chosen)
    candidates = is_candidate_N.nonzero()[0]
    if not len(candidates):
        return []
    index = st.session_state.get(SAMPLE)
    if index is None or index >= len(is_candidate_N) or not is_candidate_N[index]:
        index = int(candidates[secrets.randbelow(len(candidates))])
        st.session_state[SAMPLE] = index
    st.caption(f"{escaped(capitalised(images.description))}; image {index:,}.")
    name = f"image {index} of {info.title}"
    return [sample_picture(images.pixels_N[index], name, int(images.labels_N[index]), info)]


def _forget_sample() -> None:
    st.session_state.pop(SAMPLE, None)


# -- steps and options ------------------------------------------------------------------------


def show_steps(picture: InputPicture, info: DatasetInfo, key: str) -> None:
    """Draw each step as a small picture, the net inputs last.

    Args:
        picture: the picture.
        info: the dataset of the nets.
        key: of the container.
    """
    net_inputs = picture.net_inputs
    note = size_text(info.image_shape)
    if not info.handwriting and info.image_shape[0] == 1:
        note += ", grey"
    with st.container(horizontal=True, gap="small", key=key):
        for number, step in enumerate(picture.extraction.steps, 1):
            _show_step(step.pixels, f"{number}. {step.name}", step.note)
        for number, net_input in enumerate(net_inputs, 1):
            title = f"Net input {number}" if len(net_inputs) > 1 else "Net input"
            scale = -(-2 * STEP_WIDTH // max(net_input.pixels.shape[:2]))
            _show_step(enlarged(net_input.pixels, scale), title, note)


def _show_step(pixels: UInt8Image, title: str, note: str) -> None:
    height, width = pixels.shape[:2]
    shown = max(1, min(STEP_WIDTH, round(STEP_HEIGHT * width / height)))
    with st.container(width=STEP_WIDTH, gap="xsmall"):
        st.image(pixels, width=shown, alt=f"{title}: {note}" if note else title)
        st.caption(f"**{escaped(title)}**" + (f"  \n{escaped(note)}" if note else ""))


def selected_fit(info: DatasetInfo) -> Fit:
    """Return the way to fit pictures as :func:`fit_control` left it in the session."""
    fit: Fit = st.session_state.get(fit_key(info.name)) or info.fit
    return fit


def fit_control(info: DatasetInfo) -> None:
    """Draw the choice of what happens where the proportions of picture and net input differ."""
    st.segmented_control(
        "Fit",
        FIT_TITLES,
        default=info.fit,
        format_func=FIT_TITLES.__getitem__,
        key=fit_key(info.name),
        required=True,
        help="How pictures of other proportions become net inputs. The default of this dataset is "
        f"“{FIT_TITLES[info.fit]}”.",
    )


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


def option_controls(pictures: list[InputPicture], info: DatasetInfo) -> None:
    """Draw the options, which apply to all pictures; the crop for a single picture only.

    Args:
        pictures: the pictures that could be read; empty if the options made that impossible.
        info: the dataset of the nets.
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
        st.toggle(f"All strokes are one {noun(info)}", key=SINGLE_DIGIT)
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
