"""What is dark and no stroke: blots and shadows."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from tsexplorer.data.digits.base import Box, Ink, Mask
from tsexplorer.data.digits.thickness import thickness_of

BLOT = 0.5
"""What is thicker than this share of its size is a blot."""
LOOK = 10
"""A figure is looked at as if it were so many pixels thick."""
THICK = 0.03
"""Shadows are thicker than this share of the picture's shorter side."""
SOFT = 0.6
"""At a stroke's edge, however blurred, ink rises by more than this within its thickness,"""
WIDE = 0.1
"""or within this share of the picture's longer side, if it is thicker."""


def is_blot(own: Mask, box: Box) -> bool:
    """Whether a figure is as thick as it is long.

    Args:
        own: its pixels, in the whole picture.
        box: around them.
    """
    figure = own[box.slices]
    # No stroke covers so much of its box; only what does needs to be measured.
    return bool(figure.mean() > BLOT) and thickness_of(figure) > BLOT * max(figure.shape)


def is_shadow(ink: Ink, own: Mask, box: Box) -> bool:
    """Whether a figure is thick, and has no edge anywhere near as sharp as a stroke's.

    Args:
        ink: of each pixel, 1 for a full stroke.
        own: the figure's pixels.
        box: around them.
    """
    figure = own[box.slices]
    thickness = thickness_of(figure)
    if thickness < max(LOOK, THICK * min(own.shape)):
        return False
    step = int(thickness / LOOK)
    wider = tuple(
        slice(max(0, part.start - 2 * step), part.stop + 2 * step, step) for part in box.slices
    )
    small, figure = ink[wider], own[wider]
    slope = ndimage.gaussian_gradient_magnitude(small, 1.0)
    edge = figure & ~ndimage.binary_erosion(figure, np.ones((3, 3)), border_value=1)
    within = min(thickness, WIDE * max(own.shape)) / step
    return not edge.any() or float(np.median(slope[edge])) * within < SOFT
