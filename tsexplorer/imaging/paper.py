"""The sheet of paper in a photo that also shows the desk it lies on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from PIL.Image import Resampling
from scipy import ndimage

from tsexplorer.imaging.resampling import thumbnail
from tsexplorer.imaging.types import Bytes, Mask

LOOK = 128
STROKE = 9
"""Window, in pixels of the small picture, that strokes on the sheet vanish in."""
AREA = (0.25, 0.97)
DESK = 0.25
"""The desk is seen along at least this share of the picture's frame."""
STEP = 40
"""By how many grey levels the sheet is lighter."""
SHARP = 0.2
"""An edge of paper rises by this share of its step within a pixel; that of a shadow does not."""
SOFT = 0.12
"""Hardly any of its edge rises less."""
FOUR_SIDED = 0.88
"""A sheet shares this part of its area with the quadrilateral through its corners."""
INSIDE = 2
MOSTLY = 0.85
"""Strokes and corners are a small part of a sheet."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """A sheet of paper.

    Attributes:
        inside: bool H×W, a little within its edges.
        filled: uint8 H×W, the picture with paper all around, as light as where it ends.
    """

    inside: Mask
    filled: Bytes


def sheet(grey: Bytes) -> Sheet | None:
    """The light sheet with straight sides that lies on a darker desk; None if there is none.

    Args:
        grey: uint8 H×W.
    """
    look = thumbnail(grey, LOOK).astype(np.float32)
    closed = ndimage.grey_closing(look, STROKE, mode="nearest")
    level = _otsu(closed)
    # Under a lamp the sheet itself has a light and a dark half: then the desk is darker still.
    for one in (level, _otsu(closed[closed <= level])):
        # The closing takes strokes away, and corners of the desk, which do not count.
        wide = _largest(closed > one)
        found = wide & _largest(look > one)
        if found.sum() >= MOSTLY * wide.sum() and _is_sheet(wide, closed):
            inner = ndimage.binary_erosion(found, np.ones((3, 3)), INSIDE, border_value=1)
            return _filled(grey, closed, inner) if inner.any() else None
    return None


def _filled(grey: Bytes, closed: NDArray[np.float32], inner: Mask) -> Sheet:
    nearest = ndimage.distance_transform_edt(~inner, return_distances=False, return_indices=True)
    paper = Image.fromarray(closed[tuple(nearest)]).resize(grey.shape[::-1], Resampling.BILINEAR)
    inside = np.asarray(Image.fromarray(inner).resize(grey.shape[::-1], Resampling.NEAREST))
    return Sheet(inside, np.where(inside, grey, np.asarray(paper).astype(np.uint8)))


def _largest(light: Mask) -> Mask:
    """The largest connected part, without holes."""
    labels, _ = ndimage.label(light)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray(ndimage.binary_fill_holes(labels == max(1, int(sizes.argmax()))))


def _is_sheet(found: Mask, closed: NDArray[np.float32]) -> bool:
    return bool(
        AREA[0] <= found.mean() <= AREA[1]
        and _on_desk(found)
        and _four_sided(found)
        and _sharply_lighter(closed, found)
    )


def _otsu(look: NDArray[np.float32]) -> float:
    """The level that parts a picture into two most different halves (Otsu 1979)."""
    counts, edges = np.histogram(look, 64)
    levels = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    sums = np.cumsum(counts * levels)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(edges[1:][np.nanargmax(np.nan_to_num(between))])


def _on_desk(found: Mask) -> bool:
    frame = np.concatenate([found[0], found[-1], found[:, 0], found[:, -1]])
    return bool((~frame).mean() >= DESK)


def _sharply_lighter(closed: NDArray[np.float32], found: Mask) -> bool:
    """Whether the step at the edge is high, and as sharp as that of a thing, not of a shadow."""
    near = ndimage.binary_dilation(found, iterations=4)
    inner = found & ~ndimage.binary_erosion(found, iterations=4, border_value=1)
    edge = found & ~ndimage.binary_erosion(found, border_value=1)
    if not edge.any() or near.all():
        return False
    step = float(np.median(closed[inner]) - np.median(closed[near & ~found]))
    slope = ndimage.generic_gradient_magnitude(closed, ndimage.prewitt) / 6
    steepest = ndimage.maximum_filter(slope, 3)[edge]
    # Where the sheet goes on beyond the picture it has no edge.
    steepest = steepest[~_at_frame(found)[edge]]
    if steepest.size == 0:
        return False
    most, least = np.quantile(steepest, (0.5, 0.15))
    return bool(step >= STEP and most >= SHARP * step and least >= SOFT * step)


def _at_frame(found: Mask) -> Mask:
    frame = np.ones(found.shape, bool)
    frame[2:-2, 2:-2] = False
    return frame


def _four_sided(found: Mask) -> bool:
    """Whether some quadrilateral with corners on the figure is nearly the figure."""
    y, x = np.nonzero(found)
    best = 0.0
    for turn in np.linspace(0, np.pi / 2, 12, endpoint=False):
        along, across = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x
        reach = (along + across, across - along, -along - across, along - across)
        corners = [(float(x[place]), float(y[place])) for place in map(np.argmax, reach)]
        image = Image.new("1", found.shape[::-1])
        ImageDraw.Draw(image).polygon(corners, fill=1, outline=1)
        inside = np.asarray(image)
        best = max(best, float((inside & found).sum() / (inside | found).sum()))
    return best >= FOUR_SIDED
