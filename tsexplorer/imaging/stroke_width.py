"""Stroke width: measurement, and redrawing with the stroke width of MNIST.

The width follows from the distance transform of the binary mask; redrawing shifts the edge to
another distance. The grey levels of the original are lost, as in MNIST, which was made from
bilevel scans.
"""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

from tsexplorer.imaging.types import BOX_SIDE, InkMap, LabelMap, Mask, UInt8Image

UNCHANGED_RANGE = (1.6, 4.2)
"""Stroke widths that are kept, in pixels of the 20×20 box."""
TARGET_WIDTHS = (2.3, 4.0)
"""Stroke widths for thinner and for thicker strokes, in pixels of the 20×20 box."""
MIN_HOLE_RADIUS = 0.7
"""Radius that a hole keeps when strokes are thickened, in pixels of the 20×20 box."""
MEASUREMENT_SCALE = 4
"""A net input is enlarged by this factor before its stroke width is measured."""


def mean_stroke_width(mask: Mask) -> float:
    """Mean stroke width in pixels; 0 for an empty mask.

    Across a stroke of width w, the distance to the edge rises from 0 to w/2 and falls again, so
    its mean is w/4. The distance transform measures between pixel centres, which adds half a pixel
    to each distance.
    """
    if not mask.any():
        return 0.0
    distances = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1][mask]
    return float(4 * (distances - 0.5).mean())


def net_input_stroke_width(pixels: UInt8Image) -> float:
    """Mean stroke width in a net input (uint8 28×28), in pixels."""
    side = MEASUREMENT_SCALE * len(pixels)
    enlarged = Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC)
    return mean_stroke_width(np.asarray(enlarged) >= 128) / MEASUREMENT_SCALE


def edge_offset(stroke_width: float, longer_side: float, target: float | None) -> float:
    """Distance to move the edge outward for a target stroke width in the 20×20 box.

    An edge moved by δ makes the stroke t + 2δ wide and the digit L + 2δ long; δ solves
    (t + 2δ) / (L + 2δ) = target / 20.

    Args:
        stroke_width: t, in pixels.
        longer_side: L, the longer side of the digit, in pixels.
        target: in pixels of the box; None for the range of MNIST.

    Returns:
        δ in pixels; negative to make strokes thinner.
    """
    current = BOX_SIDE * stroke_width / longer_side
    if target is None:
        if UNCHANGED_RANGE[0] <= current <= UNCHANGED_RANGE[1]:
            return 0.0
        target = TARGET_WIDTHS[0] if current < UNCHANGED_RANGE[0] else TARGET_WIDTHS[1]
    ratio = target / BOX_SIDE
    return float((ratio * longer_side - stroke_width) / (2 * (1 - ratio)))


def offset_edge(mask: Mask, offset: float) -> InkMap:
    """Move the edge of a mask and make it one pixel soft.

    Holes, as in 6, 8 and 9, stay open: the edge of a hole stops before the hole closes.

    Args:
        mask: the digit, with a margin of at least ``offset`` pixels.
        offset: in pixels; positive is outward, negative makes strokes thinner.

    Returns:
        the redrawn digit, 0...1.
    """
    outside = ndimage.distance_transform_edt(~mask)
    inside = ndimage.distance_transform_edt(mask)
    # Distances are measured between pixel centres; the edge is halfway between two of them.
    signed = np.where(mask, inside - 0.5, 0.5 - outside)
    if offset < 0:
        # The ridge of the distance transform is kept, however thin the stroke is.
        ridge = mask & (ndimage.maximum_filter(inside, 3) == inside)
        signed[ridge] = np.maximum(signed[ridge], 0.5 - offset)
        return np.asarray((signed + offset + 0.5).clip(0, 1), np.float32)
    offsets = np.full(mask.shape, offset, np.float32)
    labels, count = ndimage.label(~mask)
    radii = ndimage.maximum(outside, labels, np.arange(1, count + 1))
    outer_labels = _border_labels(labels)
    min_radius = MIN_HOLE_RADIUS * max(mask.shape) / (BOX_SIDE + 8)
    for label, radius in enumerate(np.atleast_1d(radii), 1):
        if label not in outer_labels:
            offsets[labels == label] = min(offset, max(0.0, float(radius) - min_radius))
    return np.asarray((signed + offsets + 0.5).clip(0, 1), np.float32)


def _border_labels(labels: LabelMap) -> set[int]:
    """Labels at the border of the array: the background around the digit, not its holes."""
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    return set(border.tolist())
