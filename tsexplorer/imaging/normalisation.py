"""Normalisation of a digit to a 28×28 net input as in MNIST.

"The original black and white (bilevel) images from NIST were size normalized to fit in a 20x20
pixel box while preserving their aspect ratio. The resulting images contain grey levels as a result
of the anti-aliasing technique used by the normalization algorithm. The images were centered in a
28x28 image by computing the center of mass of the pixels, and translating the image so as to
position this point at the center of the 28x28 field." (LeCun, Cortes, Burges, THE MNIST DATABASE)
"""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

from tsexplorer.imaging.resampling import max_pool
from tsexplorer.imaging.segmentation import EIGHT_CONNECTED, Component
from tsexplorer.imaging.stroke_width import edge_offset, mean_stroke_width, offset_edge
from tsexplorer.imaging.types import BOX_SIDE, SIDE, Box, InkMap, LabelMap, Mask, UInt8Image

CENTRE = 14
"""Row and column of MNIST's centres of mass, counted from 0, to half a pixel."""
REDRAW_SIDE = 160
"""Longer side, in pixels, at which a digit is redrawn."""
CROP_MARGIN = 3
"""Margin around a digit, in pixels, that holds the soft edges of its strokes."""

# A picture that already is a net input.
FOREGROUND_LEVEL = 32
LONGER_SIDE_RANGE = (16, 26)
"""Longer side of a digit in a net input: 20 in MNIST, up to 24 in EMNIST."""
MAX_CENTRE_DISTANCE = 2.5
"""Maximum distance of the centre of mass from :data:`CENTRE`, in pixels."""
BLOCK_TOLERANCE, MAX_DEVIATING_SHARE = 32, 0.01
"""At most this share of pixels may differ by more grey levels from the mean of their block."""


def bounding_box(mask: Mask) -> Box:
    """Smallest box that contains all set pixels; at least one must be set."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def make_net_input(
    ink: InkMap,
    labels: LabelMap,
    component: Component,
    stroke_width: float | None,
    keep_grey: bool,
) -> UInt8Image:
    """Make a net input of one digit.

    Args:
        ink: 0 on the background, 1 in a full stroke, H×W.
        labels: connected component of each pixel, H×W.
        component: the digit.
        stroke_width: stroke width in the net input in pixels; None for the range of MNIST.
        keep_grey: whether a small digit that needs no other stroke width keeps its grey levels;
            sensible if the ink map is free of noise.

    Returns:
        uint8 28×28, white on black.
    """
    mask, cropped_ink = _crop_component(ink, labels, component)
    resized = _resize_mask(mask, cropped_ink)
    longer_side = bounding_box(resized).longer_side
    offset = edge_offset(mean_stroke_width(resized), longer_side, stroke_width)
    if keep_grey and offset == 0 and component.longer_side <= REDRAW_SIDE:
        return normalise(cropped_ink)
    return normalise(offset_edge(np.pad(resized, int(max(0, offset)) + 2), offset))


def normalise(ink: InkMap) -> UInt8Image:
    """Scale a digit to the 20×20 box and centre it by its centre of mass.

    Args:
        ink: 0...1, H×W; at least one pixel is 0.25 or more.

    Returns:
        uint8 28×28, white on black.
    """
    box = bounding_box(ink >= 0.25)
    scale = BOX_SIDE / box.longer_side
    size = (max(1, round(box.width * scale)), max(1, round(box.height * scale)))
    scaled = Image.fromarray(ink).resize(size, Image.Resampling.BOX, box=box)
    return centre_by_mass((np.asarray(scaled).clip(0, 1) * 255 + 0.5).astype(np.uint8))


def centre_by_mass(pixels: UInt8Image) -> UInt8Image:
    """Place at most 20×20 pixels in a black 28×28 field with the centre of mass in its centre.

    The shift is a whole number of pixels, as in MNIST, and no pixel is moved out of the field.
    """
    total = max(1, int(pixels.sum(dtype=np.int64)))
    field = np.zeros((SIDE, SIDE), np.uint8)
    corner = []
    for axis in (0, 1):
        profile = pixels.sum(1 - axis, dtype=np.int64)
        centre = float((profile * np.arange(len(profile))).sum()) / total
        corner.append(int(np.clip(round(CENTRE - centre), 0, SIDE - pixels.shape[axis])))
    (top, left), (height, width) = corner, pixels.shape
    field[top : top + height, left : left + width] = pixels
    return field


def match_net_input(grey: UInt8Image) -> UInt8Image | None:
    """The net input that a picture already is: 28×28, of either polarity, perhaps enlarged.

    In an enlarged net input all pixels of a block are equal, or nearly so after JPEG.

    Args:
        grey: uint8 H×W.

    Returns:
        uint8 28×28, white on black; None if the picture is not a net input.
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
    candidates = (small, 255 - small)
    return next((pixels for pixels in candidates if _is_normalised(pixels)), None)


def _is_normalised(pixels: UInt8Image) -> bool:
    """Whether 28×28 pixels show a light digit of MNIST's size in the centre of a black field."""
    mask = pixels >= FOREGROUND_LEVEL
    if not mask.any() or mask.mean() > 0.5:
        return False
    total = pixels.sum(dtype=np.int64)
    centre = [(pixels.sum(axis, dtype=np.int64) * np.arange(SIDE)).sum() / total for axis in (0, 1)]
    return LONGER_SIDE_RANGE[0] <= bounding_box(mask).longer_side <= LONGER_SIDE_RANGE[1] and all(
        abs(coordinate - CENTRE) <= MAX_CENTRE_DISTANCE for coordinate in centre
    )


def _crop_component(ink: InkMap, labels: LabelMap, component: Component) -> tuple[Mask, InkMap]:
    """Mask and ink of a digit in a window around it, without ink of its neighbours."""
    left, top, right, bottom = component.box
    window = (
        slice(max(0, top - CROP_MARGIN), bottom + CROP_MARGIN),
        slice(max(0, left - CROP_MARGIN), right + CROP_MARGIN),
    )
    mask = np.isin(labels[window], component.labels)
    is_free = (labels[window] == 0) | mask
    near = ndimage.binary_dilation(mask, EIGHT_CONNECTED, CROP_MARGIN) & is_free
    return mask, np.where(near, ink[window].clip(0, 1), 0).astype(np.float32)


def _resize_mask(mask: Mask, ink: InkMap) -> Mask:
    """The mask at about :data:`REDRAW_SIDE`, with as many connected components as before."""
    longer_side = bounding_box(mask).longer_side
    if longer_side > REDRAW_SIDE:
        return max_pool(mask, -(-longer_side // REDRAW_SIDE))
    scale = REDRAW_SIDE / longer_side
    size = (max(1, round(mask.shape[1] * scale)), max(1, round(mask.shape[0] * scale)))
    enlarged = np.asarray(Image.fromarray(ink).resize(size, Image.Resampling.BICUBIC))
    component_count = ndimage.label(mask, EIGHT_CONNECTED)[1]
    for threshold in (0.5, 0.4, 0.3):
        resized = enlarged >= threshold
        if ndimage.label(resized, EIGHT_CONNECTED)[1] == component_count:
            return resized
    return np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))
