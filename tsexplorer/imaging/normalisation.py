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
from tsexplorer.imaging.resampling import any_of_blocks
from tsexplorer.imaging.segmentation import Piece
from tsexplorer.imaging.stroke_width import outward, redrawn, thickness_of
from tsexplorer.imaging.types import BOX, Box, Bytes, Ink, Mask

CENTRE = 14
"""Row and column, counted from 0, where MNIST has its centres of mass, to half a pixel."""


def bounds(mask: Mask) -> Box:
    """The smallest box around what is set; something is."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def framed(figure: Ink) -> Bytes:
    """Scale a figure to the 20×20 box and centre it.

    Args:
        figure: 0...1, H×W; some of it at least a half.

    Returns:
        uint8 28×28, white on black.
    """
    box = bounds(figure >= 0.25)
    share = BOX / max(box.width, box.height)
    size = (max(1, round(box.width * share)), max(1, round(box.height * share)))
    scaled = Image.fromarray(figure).resize(size, Image.Resampling.BOX, box=box)
    return centred((np.asarray(scaled).clip(0, 1) * 255 + 0.5).astype(np.uint8))


def centred(small: Bytes) -> Bytes:
    """Put at most 20×20 pixels into 28×28 so that their centre of mass is in the middle.

    Whole pixels only, as in MNIST; nothing is pushed out of the field.
    """
    total = max(1, int(small.sum(dtype=np.int64)))
    field = np.zeros((SIDE, SIDE), np.uint8)
    corner = []
    for axis in (0, 1):
        along = small.sum(1 - axis, dtype=np.int64)
        middle = float((along * np.arange(len(along))).sum()) / total
        corner.append(int(np.clip(round(CENTRE - middle), 0, SIDE - small.shape[axis])))
    field[corner[0] : corner[0] + small.shape[0], corner[1] : corner[1] + small.shape[1]] = small
    return field


SIDE_DRAWN = 160
"""Longer side, in pixels, at which a stroke is drawn anew."""
MARGIN = 3


def net_input(
    ink: Ink, labels: NDArray[np.int32], piece: Piece, thickness: float | None, keep_grey: bool
) -> Bytes:
    """The net input made of one digit.

    Args:
        ink: 0 for the ground, 1 for a full stroke, H×W.
        labels: which piece each pixel belongs to, H×W.
        piece: the digit.
        thickness: of the stroke in the net input, in pixels; None for MNIST's range.
        keep_grey: whether the ink is clean, so that a small figure's soft edges are worth keeping.

    Returns:
        uint8 28×28, white on black.
    """
    own, figure = _cut_out(ink, labels, piece)
    mask = _at_drawing_size(own, figure)
    box = bounds(mask)
    move = outward(thickness_of(mask), max(box.width, box.height), thickness)
    if keep_grey and move == 0 and piece.size <= SIDE_DRAWN:
        return framed(figure)
    return framed(redrawn(np.pad(mask, int(max(0, move)) + 2), move))


def _cut_out(ink: Ink, labels: NDArray[np.int32], piece: Piece) -> tuple[Mask, Ink]:
    """The digit's pixels, and its ink with the soft edges and without its neighbours."""
    left, top, right, bottom = piece.box
    part = (
        slice(max(0, top - MARGIN), bottom + MARGIN),
        slice(max(0, left - MARGIN), right + MARGIN),
    )
    own = np.isin(labels[part], piece.labels)
    near = ndimage.binary_dilation(own, np.ones((3, 3)), MARGIN) & ((labels[part] == 0) | own)
    return own, np.where(near, ink[part].clip(0, 1), 0).astype(np.float32)


def _at_drawing_size(own: Mask, figure: Ink) -> Mask:
    """The digit at about :data:`SIDE_DRAWN`; however thin its stroke, it stays whole."""
    box = bounds(own)
    size = max(box.width, box.height)
    if size > SIDE_DRAWN:
        return any_of_blocks(own, -(-size // SIDE_DRAWN))
    share = SIDE_DRAWN / size
    sides = (max(1, round(own.shape[1] * share)), max(1, round(own.shape[0] * share)))
    large = np.asarray(Image.fromarray(figure).resize(sides, Image.Resampling.BICUBIC))
    pieces = ndimage.label(own, np.ones((3, 3)))[1]
    for cut in (0.5, 0.4, 0.3):
        mask = large >= cut
        if ndimage.label(mask, np.ones((3, 3)))[1] == pieces:
            return mask
    enlarged = Image.fromarray(own).resize(sides, Image.Resampling.NEAREST)
    return np.asarray(enlarged)


INKED = 32
LONGEST = (16, 26)
"""Longer side of the figure in a finished input: 20 in MNIST, up to 24 in EMNIST."""
OFF_CENTRE = 2.5
UNEQUAL, FEW = 32, 0.01


def finished(grey: Bytes) -> Bytes | None:
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
        squares = grey.reshape(SIDE, factor, SIDE, factor)
        means = squares.mean((1, 3), dtype=np.float32)
        away = np.abs(squares - means[:, None, :, None]) > UNEQUAL
        if away.mean() > FEW:
            return None
        small = (means + 0.5).astype(np.uint8)
    return next((one for one in (small, 255 - small) if _is_framed(one)), None)


def _is_framed(small: Bytes) -> bool:
    """Whether it is a light figure of MNIST's size in the middle of a black field."""
    mask = small >= INKED
    if not mask.any() or mask.mean() > 0.5:
        return False
    box = bounds(mask)
    total = small.sum(dtype=np.int64)
    middle = [(small.sum(axis, dtype=np.int64) * np.arange(SIDE)).sum() / total for axis in (0, 1)]
    return LONGEST[0] <= max(box.width, box.height) <= LONGEST[1] and all(
        abs(place - CENTRE) <= OFF_CENTRE for place in middle
    )
