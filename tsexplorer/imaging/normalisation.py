"""The last steps to a net input, as the MNIST page describes them.

"The original black and white (bilevel) images from NIST were size normalized to fit in a 20x20
pixel box while preserving their aspect ratio. The resulting images contain grey levels as a result
of the anti-aliasing technique used by the normalization algorithm. The images were centered in a
28x28 image by computing the center of mass of the pixels, and translating the image so as to
position this point at the center of the 28x28 field." (LeCun, Cortes, Burges, THE MNIST DATABASE)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from tsexplorer.data.base import SIDE
from tsexplorer.imaging.resampling import max_pool
from tsexplorer.imaging.segmentation import Component
from tsexplorer.imaging.stroke_width import edge_offset, mean_stroke_width, offset_edge
from tsexplorer.imaging.types import BOX_SIDE, Box, InkMap, Mask, UInt8Array

CENTRE = 14
"""Row and column, counted from 0, where MNIST has its centres of mass, to half a pixel."""


def bounding_box(mask: Mask) -> Box:
    """The smallest box around what is set; something is."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def normalise(figure: InkMap) -> UInt8Array:
    """Scale a figure to the 20×20 box and centre it.

    Args:
        figure: 0...1, H×W; some of it at least a half.

    Returns:
        uint8 28×28, white on black.
    """
    box = bounding_box(figure >= 0.25)
    scale = BOX_SIDE / max(box.width, box.height)
    size = (max(1, round(box.width * scale)), max(1, round(box.height * scale)))
    scaled = Image.fromarray(figure).resize(size, Image.Resampling.BOX, box=box)
    return centre_by_mass((np.asarray(scaled).clip(0, 1) * 255 + 0.5).astype(np.uint8))


def centre_by_mass(pixels: UInt8Array) -> UInt8Array:
    """Put at most 20×20 pixels into 28×28 so that their centre of mass is in the middle.

    Whole pixels only, as in MNIST; nothing is pushed out of the field.
    """
    total = max(1, int(pixels.sum(dtype=np.int64)))
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    corner = []
    for axis in (0, 1):
        profile = pixels.sum(1 - axis, dtype=np.int64)
        centre = float((profile * np.arange(len(profile))).sum()) / total
        corner.append(int(np.clip(round(CENTRE - centre), 0, SIDE - pixels.shape[axis])))
    canvas[corner[0] : corner[0] + pixels.shape[0], corner[1] : corner[1] + pixels.shape[1]] = (
        pixels
    )
    return canvas


REDRAW_SIDE = 160
"""Longer side, in pixels, at which a stroke is drawn anew."""
CROP_MARGIN = 3


def make_net_input(
    ink: InkMap,
    labels: NDArray[np.int32],
    component: Component,
    stroke_width: float | None,
    keep_grey: bool,
) -> UInt8Array:
    """The net input made of one digit.

    Args:
        ink: 0 for the ground, 1 for a full stroke, H×W.
        labels: which piece each pixel belongs to, H×W.
        component: the digit.
        stroke_width: of the stroke in the net input, in pixels; None for MNIST's range.
        keep_grey: whether the ink is clean, so that a small figure's soft edges are worth keeping.

    Returns:
        uint8 28×28, white on black.
    """
    mask, ink_crop = _crop_component(ink, labels, component)
    resized = _resize_mask(mask, ink_crop)
    box = bounding_box(resized)
    offset = edge_offset(mean_stroke_width(resized), max(box.width, box.height), stroke_width)
    if keep_grey and offset == 0 and component.longer_side <= REDRAW_SIDE:
        return normalise(ink_crop)
    return normalise(offset_edge(np.pad(resized, int(max(0, offset)) + 2), offset))


def _crop_component(
    ink: InkMap, labels: NDArray[np.int32], component: Component
) -> tuple[Mask, InkMap]:
    """The digit's pixels, and its ink with the soft edges and without its neighbours."""
    left, top, right, bottom = component.box
    window = (
        slice(max(0, top - CROP_MARGIN), bottom + CROP_MARGIN),
        slice(max(0, left - CROP_MARGIN), right + CROP_MARGIN),
    )
    mask = np.isin(labels[window], component.labels)
    neighbourhood = ndimage.binary_dilation(mask, np.ones((3, 3)), CROP_MARGIN) & (
        (labels[window] == 0) | mask
    )
    return mask, np.where(neighbourhood, ink[window].clip(0, 1), 0).astype(np.float32)


def _resize_mask(mask: Mask, ink_crop: InkMap) -> Mask:
    """The digit at about :data:`REDRAW_SIDE`; however thin its stroke, it stays whole."""
    box = bounding_box(mask)
    longer_side = max(box.width, box.height)
    if longer_side > REDRAW_SIDE:
        return max_pool(mask, -(-longer_side // REDRAW_SIDE))
    scale = REDRAW_SIDE / longer_side
    sides = (max(1, round(mask.shape[1] * scale)), max(1, round(mask.shape[0] * scale)))
    enlarged = np.asarray(Image.fromarray(ink_crop).resize(sides, Image.Resampling.BICUBIC))
    component_count = ndimage.label(mask, np.ones((3, 3)))[1]
    for threshold in (0.5, 0.4, 0.3):
        resized = enlarged >= threshold
        if ndimage.label(resized, np.ones((3, 3)))[1] == component_count:
            return resized
    nearest = Image.fromarray(mask).resize(sides, Image.Resampling.NEAREST)
    return np.asarray(nearest)


FOREGROUND_LEVEL = 32
LONGER_SIDE_RANGE = (16, 26)
"""Longer side of the figure in a finished input: 20 in MNIST, up to 24 in EMNIST."""
MAX_CENTRE_DISTANCE = 2.5
BLOCK_TOLERANCE, MAX_DEVIATING_SHARE = 32, 0.01


def match_net_input(grey: UInt8Array) -> UInt8Array | None:
    """The net input that a picture is: 28×28, black or white the ground, maybe enlarged.

    Enlarged means each of its pixels is a square of equal ones, or nearly so after JPEG.

    Returns:
        uint8 28×28, white on black; None if the picture is something else.
    """
    factor = grey.shape[0] // SIDE
    if grey.shape != (factor * SIDE, factor * SIDE) or factor == 0:
        return None
    small = grey
    if factor > 1:
        blocks = grey.reshape(SIDE, factor, SIDE, factor)
        means = blocks.mean((1, 3), dtype=np.float32)
        deviates = np.abs(blocks - means[:, None, :, None]) > BLOCK_TOLERANCE
        if deviates.mean() > MAX_DEVIATING_SHARE:
            return None
        small = (means + 0.5).astype(np.uint8)
    return next(
        (candidate for candidate in (small, 255 - small) if _is_normalised(candidate)), None
    )


def _is_normalised(pixels: UInt8Array) -> bool:
    """Whether it is a light figure of MNIST's size in the middle of a black field."""
    mask = pixels >= FOREGROUND_LEVEL
    if not mask.any() or mask.mean() > 0.5:
        return False
    box = bounding_box(mask)
    total = pixels.sum(dtype=np.int64)
    centre = [(pixels.sum(axis, dtype=np.int64) * np.arange(SIDE)).sum() / total for axis in (0, 1)]
    return LONGER_SIDE_RANGE[0] <= max(box.width, box.height) <= LONGER_SIDE_RANGE[1] and all(
        abs(coordinate - CENTRE) <= MAX_CENTRE_DISTANCE for coordinate in centre
    )
