"""The sheet of paper in a photo that also shows the desk it lies on."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from tsexplorer.data.digits.base import Bytes, Mask
from tsexplorer.data.digits.small import thumbnail

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
FOUR_SIDED = 0.88
"""A sheet shares this part of its area with the quadrilateral through its corners."""
INSIDE = 2


def sheet(grey: Bytes) -> Mask | None:
    """Where a light sheet with straight sides lies on a darker desk; None if there is none.

    Args:
        grey: uint8 H×W.

    Returns:
        bool H×W, a little within the sheet's edges.
    """
    look = thumbnail(grey, LOOK).astype(np.float32)
    closed = ndimage.grey_closing(look, STROKE, mode="nearest")
    level = _otsu(closed)
    # Under a lamp the sheet itself has a light and a dark half: then the desk is darker still.
    for one in (level, _otsu(closed[closed <= level])):
        found = _largest(closed > one)
        if _is_sheet(found, closed):
            inner = ndimage.binary_erosion(found, np.ones((3, 3)), INSIDE, border_value=1)
            large = Image.fromarray(inner).resize(grey.shape[::-1], Image.Resampling.NEAREST)
            return np.asarray(large)
    return None


def _largest(light: Mask) -> Mask:
    """The largest connected part, without holes."""
    labels, _ = ndimage.label(light)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray(ndimage.binary_fill_holes(labels == max(1, int(sizes.argmax()))))


def _is_sheet(found: Mask, closed: np.ndarray) -> bool:
    return bool(
        AREA[0] <= found.mean() <= AREA[1]
        and _on_desk(found)
        and _sharply_lighter(closed, found)
        and _four_sided(found)
    )


def _otsu(look: np.ndarray) -> float:
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


def _sharply_lighter(closed: np.ndarray, found: Mask) -> bool:
    """Whether the step at the edge is high, and as sharp as that of a thing, not of a shadow."""
    near = ndimage.binary_dilation(found, iterations=4)
    inner = found & ~ndimage.binary_erosion(found, iterations=4, border_value=1)
    edge = found & ~ndimage.binary_erosion(found, border_value=1)
    if not edge.any() or near.all():
        return False
    step = float(np.median(closed[inner]) - np.median(closed[near & ~found]))
    slope = ndimage.generic_gradient_magnitude(closed, ndimage.prewitt) / 6
    return step >= STEP and float(np.median(slope[edge])) >= SHARP * step


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
