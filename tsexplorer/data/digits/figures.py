"""One digit, from where it lies in the picture to a net input."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from tsexplorer.data.digits.base import Bytes, Ink, Mask
from tsexplorer.data.digits.framing import bounds, framed
from tsexplorer.data.digits.groups import Piece
from tsexplorer.data.digits.small import any_of_blocks
from tsexplorer.data.digits.thickness import outward, redrawn, thickness_of

SIDE_DRAWN = 160
"""Longer side, in pixels, at which a stroke is drawn anew."""
MARGIN = 3
ENLARGED_TO_MEASURE = 4


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


def thickness_in(pixels: Bytes) -> float:
    """How thick the stroke in a net input is, in its pixels."""
    side = ENLARGED_TO_MEASURE * len(pixels)
    large = Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC)
    return thickness_of(np.asarray(large) >= 128) / ENLARGED_TO_MEASURE


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
