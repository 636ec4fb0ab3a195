"""Pictures from people: drawn, uploaded, photographed, or taken from the data."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from tsexplorer.analysis.words import begun
from tsexplorer.data.registry import get_dataset
from tsexplorer.imaging import (
    ExtractionOptions,
    ExtractionResult,
    Picture,
    decode,
    extract_digits,
    picture_from_strokes,
    result_for_dataset_image,
)
from tsexplorer.service import Service
from tsexplorer.ui.pad import SIDE, pad
from tsexplorer.ui.process import sentences
from tsexplorer.ui.theme import escaped

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamlit.runtime.uploaded_file_manager import UploadedFile

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
    reading: ExtractionResult
    size: tuple[int, int]
    label: int | None = None
    fixed: bool = False


def taken(service: Service, source: str, dataset: str, options: ExtractionOptions) -> list[Shown]:
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
            [(strokes, lambda: picture_from_strokes(strokes, SIDE, SIDE))] if strokes else [],
            options,
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


def _read(sources: Sequence[Source], options: ExtractionOptions) -> list[Shown]:
    """Read pictures, each once; what is refused is said, and the others are shown."""
    known = st.session_state.get(READINGS, {})
    kept: dict[Any, Shown] = {}
    for name, picture in sources:
        key = (name, options)
        with sentences():
            kept[key] = known.get(key) or _shown(picture(), options)
    st.session_state[READINGS] = kept  # pictures that were taken away are let go
    return list(kept.values())


def _shown(picture: Picture, options: ExtractionOptions) -> Shown:
    return Shown(picture.name, extract_digits(picture, options), (picture.width, picture.height))


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
    yield Shown(
        name, result_for_dataset_image(images.pixels_N[place], name), (28, 28), label, fixed=True
    )


def _forget_sample() -> None:
    st.session_state.pop(SAMPLE, None)
