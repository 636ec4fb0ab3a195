"""Images as the browser gets them, and small pictures of them."""

from __future__ import annotations

import base64
from typing import Any, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from tsexplorer.ui.figures import enlarged

MIN_SIDE, MAX_SIDE = 16, 128
"""Pixels a side of an image of a dataset."""
DIGIT_SIDE, DIGIT_SCALE = 28, 3
"""Images of 28×28 pixels are shown with squares of 3×3 pixels."""
PICTURE_SIDE = 112
"""Longer side of any other picture on a page, in pixels."""
THUMBNAIL_SIDE = 32
"""Longest side of a thumbnail, in pixels."""


class ShownSize(NamedTuple):
    """Width and height of a picture on a page, in pixels."""

    width: int
    height: int


def check_images(images: NDArray[Any], count: int | None = None) -> NDArray[np.uint8]:
    """Return an image, or ``count`` images, unchanged.

    Raises:
        ValueError: the array is not of uint8, or has another shape.
    """
    array = np.asarray(images)
    stack = array[None] if count is None else array
    is_image = stack.ndim in (3, 4) and stack.shape[3:] in ((), (3,))
    if (
        not is_image
        or array.dtype != np.uint8
        or (count is not None and len(stack) != count)
        or not all(MIN_SIDE <= side <= MAX_SIDE for side in stack.shape[1:3])
    ):
        wanted, number = ("an image is", "") if count is None else (f"{count} images are", "N×")
        raise ValueError(
            f"{wanted} uint8 {number}H×W or {number}H×W×3 with sides of {MIN_SIDE} to {MAX_SIDE} "
            f"pixels, not {array.shape} {array.dtype}"
        )
    return array


def image_data(image: NDArray[np.uint8]) -> dict[str, Any]:
    """Return an image for the browser, as JSON.

    Raises:
        ValueError: see :func:`check_images`.
    """
    return images_data(check_images(image)[None])


def images_data(images_N: NDArray[np.uint8]) -> dict[str, Any]:
    """Return images of one shape for the browser, as JSON: the pixels of all images in one text."""
    height, width = images_N.shape[1:3]
    return {
        "pixels": base64.b64encode(np.ascontiguousarray(images_N).tobytes()).decode(),
        "height": height,
        "width": width,
        "channels": images_N.shape[3] if images_N.ndim == 4 else 1,
    }


def thumbnails(images_N: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return images with at most 32 pixels a side; smaller ones unchanged.

    Args:
        images_N: uint8 N×H×W or N×H×W×3.
    """
    height, width = images_N.shape[1:3]
    longest = max(height, width)
    if longest <= THUMBNAIL_SIDE or not len(images_N):
        return images_N
    size = [max(1, round(side * THUMBNAIL_SIDE / longest)) for side in (width, height)]
    reduced = [
        np.asarray(Image.fromarray(image).resize((size[0], size[1]), Image.Resampling.BOX))
        for image in images_N
    ]
    return np.stack(reduced)


def shown_size(image: NDArray[np.uint8]) -> ShownSize:
    """Return the size of an image on a page: the longer side has 112 pixels, or 84 for digits."""
    height, width = image.shape[:2]
    if (height, width) == (DIGIT_SIDE, DIGIT_SIDE):
        return ShownSize(DIGIT_SIDE * DIGIT_SCALE, DIGIT_SIDE * DIGIT_SCALE)
    scale = PICTURE_SIDE / max(height, width)
    return ShownSize(round(width * scale), round(height * scale))


def picture(image: NDArray[np.uint8], size: ShownSize, alt: str) -> None:
    """Draw an image of a dataset.

    Args:
        image: uint8 H×W or H×W×3.
        size: on the page.
        alt: description for screen readers.
    """
    # Of larger squares than the page needs, Streamlit's smoothing changes only their edges.
    factor = -(-size.width // image.shape[1])
    if size.width % image.shape[1]:
        factor *= 2
    st.image(enlarged(image, factor), width=size.width, alt=alt, output_format="PNG")
