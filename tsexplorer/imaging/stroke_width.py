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

from tsexplorer.imaging.types import BOX_SIDE, InkMap, Mask, UInt8Array

UNCHANGED_RANGE = (1.6, 4.2)
"""Strokes so thick, in pixels of the 20×20 box, are left as they are."""
TARGET_WIDTHS = (2.3, 4.0)
"""What thinner and what thicker ones are brought to."""
MIN_HOLE_RADIUS = 0.7
"""Half the width, in pixels of the box, that a hole in the figure keeps."""


def mean_stroke_width(mask: Mask) -> float:
    """Mean thickness of a figure's strokes in pixels; 0 for no figure.

    Across a stroke w thick, distances to its edge rise from 0 to w/2 and fall again: their mean
    is w/4. The transform counts from the centres of pixels to those outside, which makes it half
    a pixel too much on each side.
    """
    if not mask.any():
        return 0.0
    distances = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1][mask]
    return float(4 * (distances - 0.5).mean())


def edge_offset(stroke_width: float, size: float, target: float | None) -> float:
    """By how many pixels to move the edge outward, so that the stroke is right in the box.

    With the edge δ further out the stroke is t + 2δ thick and the figure L + 2δ long; it is to
    be (t + 2δ) / (L + 2δ) = target / 20.

    Args:
        stroke_width: t, in pixels.
        size: L, the longer side of the figure, in pixels.
        target: in pixels of the box; None for MNIST's range.
    """
    current = BOX_SIDE * stroke_width / size
    if target is None:
        if UNCHANGED_RANGE[0] <= current <= UNCHANGED_RANGE[1]:
            return 0.0
        target = TARGET_WIDTHS[0] if current < UNCHANGED_RANGE[0] else TARGET_WIDTHS[1]
    ratio = target / BOX_SIDE
    return float((ratio * size - stroke_width) / (2 * (1 - ratio)))


def offset_edge(mask: Mask, offset: float) -> InkMap:
    """The figure with its edge moved, 0...1 with soft edges.

    Holes, as in 6, 8 and 9, stay open: in each the edge moves only so far that something is left.

    Args:
        mask: with enough room around the figure.
        offset: pixels outward; negative makes strokes thinner.
    """
    outside = ndimage.distance_transform_edt(~mask)
    inside = ndimage.distance_transform_edt(mask)
    # Distances count from pixel centres; the edge lies between two of them.
    signed = np.where(mask, inside - 0.5, 0.5 - outside)
    if offset < 0:
        # The middle of the stroke is kept, however thin it is.
        ridge = mask & (ndimage.maximum_filter(inside, 3) == inside)
        signed[ridge] = np.maximum(signed[ridge], 0.5 - offset)
        return np.asarray((signed + offset + 0.5).clip(0, 1), np.float32)
    offsets = np.full(mask.shape, offset, np.float32)
    labels, count = ndimage.label(~mask)
    hole_radii = ndimage.maximum(outside, labels, np.arange(1, count + 1))
    outer_labels = _border_labels(labels)
    min_radius = MIN_HOLE_RADIUS * max(mask.shape) / (BOX_SIDE + 8)
    for number, radius in enumerate(np.atleast_1d(hole_radii), 1):
        if number not in outer_labels:
            offsets[labels == number] = min(offset, max(0.0, float(radius) - min_radius))
    return np.asarray((signed + offsets + 0.5).clip(0, 1), np.float32)


def _border_labels(labels: NDArray[np.int32]) -> set[int]:
    """Labels that lie at the edge of the array: what is around the figure, not in it."""
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    return set(border.tolist())


MEASUREMENT_SCALE = 4


def net_input_stroke_width(pixels: UInt8Array) -> float:
    """How thick the stroke in a net input is, in its pixels."""
    side = MEASUREMENT_SCALE * len(pixels)
    enlarged = Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC)
    return mean_stroke_width(np.asarray(enlarged) >= 128) / MEASUREMENT_SCALE
