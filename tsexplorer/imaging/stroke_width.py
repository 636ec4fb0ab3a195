"""How thick a stroke is, and the same figure drawn with a pen as thick as MNIST's.

The figure is a mask; distances to its edge tell its thickness, and drawing it anew means taking
another distance for its edge. MNIST was made from black and white scans, so nothing is lost by it
that MNIST has.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from tsexplorer.imaging.types import BOX, Bytes, Ink, Mask

USUAL = (1.6, 4.2)
"""Strokes so thick, in pixels of the 20×20 box, are left as they are."""
TARGETS = (2.3, 4.0)
"""What thinner and what thicker ones are brought to."""
HOLE = 0.7
"""Half the width, in pixels of the box, that a hole in the figure keeps."""


def thickness_of(mask: Mask) -> float:
    """Mean thickness of a figure's strokes in pixels; 0 for no figure.

    Across a stroke w thick, distances to its edge rise from 0 to w/2 and fall again: their mean
    is w/4. The transform counts from the centres of pixels to those outside, which makes it half
    a pixel too much on each side.
    """
    if not mask.any():
        return 0.0
    inside = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1][mask]
    return float(4 * (inside - 0.5).mean())


def outward(thickness: float, size: float, target: float | None) -> float:
    """By how many pixels to move the edge outward, so that the stroke is right in the box.

    With the edge δ further out the stroke is t + 2δ thick and the figure L + 2δ long; it is to
    be (t + 2δ) / (L + 2δ) = target / 20.

    Args:
        thickness: t, in pixels.
        size: L, the longer side of the figure, in pixels.
        target: in pixels of the box; None for MNIST's range.
    """
    now = BOX * thickness / size
    if target is None:
        if USUAL[0] <= now <= USUAL[1]:
            return 0.0
        target = TARGETS[0] if now < USUAL[0] else TARGETS[1]
    share = target / BOX
    return float((share * size - thickness) / (2 * (1 - share)))


def redrawn(mask: Mask, move: float) -> Ink:
    """The figure with its edge moved, 0...1 with soft edges.

    Holes, as in 6, 8 and 9, stay open: in each the edge moves only so far that something is left.

    Args:
        mask: with enough room around the figure.
        move: pixels outward; negative makes strokes thinner.
    """
    outside = ndimage.distance_transform_edt(~mask)
    inside = ndimage.distance_transform_edt(mask)
    # Distances count from pixel centres; the edge lies between two of them.
    signed = np.where(mask, inside - 0.5, 0.5 - outside)
    if move < 0:
        # The middle of the stroke is kept, however thin it is.
        middle = mask & (ndimage.maximum_filter(inside, 3) == inside)
        signed[middle] = np.maximum(signed[middle], 0.5 - move)
        return np.asarray((signed + move + 0.5).clip(0, 1), np.float32)
    moves = np.full(mask.shape, move, np.float32)
    labels, count = ndimage.label(~mask)
    room = ndimage.maximum(outside, labels, np.arange(1, count + 1))
    beyond = _at_frame(labels)
    least = HOLE * max(mask.shape) / (BOX + 8)
    for number, most in enumerate(np.atleast_1d(room), 1):
        if number not in beyond:
            moves[labels == number] = min(move, max(0.0, float(most) - least))
    return np.asarray((signed + moves + 0.5).clip(0, 1), np.float32)


def _at_frame(labels: NDArray[np.int32]) -> set[int]:
    """Labels that lie at the edge of the array: what is around the figure, not in it."""
    frame = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    return set(frame.tolist())


ENLARGED_TO_MEASURE = 4


def thickness_in(pixels: Bytes) -> float:
    """How thick the stroke in a net input is, in its pixels."""
    side = ENLARGED_TO_MEASURE * len(pixels)
    large = Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC)
    return thickness_of(np.asarray(large) >= 128) / ENLARGED_TO_MEASURE
