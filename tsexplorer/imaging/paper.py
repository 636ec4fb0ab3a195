"""The sheet of paper in a photo that also shows the desk it lies on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from PIL.Image import Resampling
from scipy import ndimage

from tsexplorer.imaging.resampling import thumbnail
from tsexplorer.imaging.types import Mask, UInt8Array

THUMBNAIL_SIDE = 128
CLOSING_SIZE = 9
"""Window, in pixels of the small picture, that strokes on the sheet vanish in."""
AREA_RANGE = (0.25, 0.97)
MIN_DESK_SHARE = 0.25
"""The desk is seen along at least this share of the picture's frame."""
MIN_STEP = 40
"""By how many grey levels the sheet is lighter."""
MIN_MEDIAN_SLOPE = 0.2
"""An edge of paper rises by this share of its step within a pixel; that of a shadow does not."""
MIN_LOW_SLOPE = 0.12
"""Hardly any of its edge rises less."""
MIN_QUADRILATERAL_OVERLAP = 0.88
"""A sheet shares this part of its area with the quadrilateral through its corners."""
EROSIONS = 2
MIN_LIGHT_SHARE = 0.85
"""Strokes and corners are a small part of a sheet."""


@dataclass(frozen=True, eq=False)
class PaperSheet:
    """A sheet of paper.

    Attributes:
        mask: bool H×W, a little within its edges.
        filled: uint8 H×W, the picture with paper all around, as light as where it ends.
    """

    mask: Mask
    filled: UInt8Array


def find_sheet(grey: UInt8Array) -> PaperSheet | None:
    """The light sheet with straight sides that lies on a darker desk; None if there is none.

    Args:
        grey: uint8 H×W.
    """
    small = thumbnail(grey, THUMBNAIL_SIDE).astype(np.float32)
    closed = ndimage.grey_closing(small, CLOSING_SIZE, mode="nearest")
    level = _otsu_threshold(closed)
    # Under a lamp the sheet itself has a light and a dark half: then the desk is darker still.
    for threshold in (level, _otsu_threshold(closed[closed <= level])):
        # The closing takes strokes away, and corners of the desk, which do not count.
        closed_mask = _largest_component(closed > threshold)
        sheet_mask = closed_mask & _largest_component(small > threshold)
        if sheet_mask.sum() >= MIN_LIGHT_SHARE * closed_mask.sum() and _is_sheet(
            closed_mask, closed
        ):
            inner_mask = ndimage.binary_erosion(
                sheet_mask, np.ones((3, 3)), EROSIONS, border_value=1
            )
            return _fill_desk(grey, closed, inner_mask) if inner_mask.any() else None
    return None


def _fill_desk(grey: UInt8Array, closed: NDArray[np.float32], inner_mask: Mask) -> PaperSheet:
    nearest = ndimage.distance_transform_edt(
        ~inner_mask, return_distances=False, return_indices=True
    )
    paper = Image.fromarray(closed[tuple(nearest)]).resize(grey.shape[::-1], Resampling.BILINEAR)
    mask = np.asarray(Image.fromarray(inner_mask).resize(grey.shape[::-1], Resampling.NEAREST))
    return PaperSheet(mask, np.where(mask, grey, np.asarray(paper).astype(np.uint8)))


def _largest_component(mask: Mask) -> Mask:
    """The largest connected part, without holes."""
    labels, _ = ndimage.label(mask)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray(ndimage.binary_fill_holes(labels == max(1, int(sizes.argmax()))))


def _is_sheet(sheet_mask: Mask, closed: NDArray[np.float32]) -> bool:
    return bool(
        AREA_RANGE[0] <= sheet_mask.mean() <= AREA_RANGE[1]
        and _shows_desk(sheet_mask)
        and _is_quadrilateral(sheet_mask)
        and _has_sharp_edge(closed, sheet_mask)
    )


def _otsu_threshold(image: NDArray[np.float32]) -> float:
    """The level that parts a picture into two most different halves (Otsu 1979)."""
    counts, edges = np.histogram(image, 64)
    levels = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    sums = np.cumsum(counts * levels)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(edges[1:][np.nanargmax(np.nan_to_num(between))])


def _shows_desk(sheet_mask: Mask) -> bool:
    border = np.concatenate([sheet_mask[0], sheet_mask[-1], sheet_mask[:, 0], sheet_mask[:, -1]])
    return bool((~border).mean() >= MIN_DESK_SHARE)


def _has_sharp_edge(closed: NDArray[np.float32], sheet_mask: Mask) -> bool:
    """Whether the step at the edge is high, and as sharp as that of a thing, not of a shadow."""
    dilated = ndimage.binary_dilation(sheet_mask, iterations=4)
    inner_mask = sheet_mask & ~ndimage.binary_erosion(sheet_mask, iterations=4, border_value=1)
    edge = sheet_mask & ~ndimage.binary_erosion(sheet_mask, border_value=1)
    if not edge.any() or dilated.all():
        return False
    step = float(np.median(closed[inner_mask]) - np.median(closed[dilated & ~sheet_mask]))
    slope = ndimage.generic_gradient_magnitude(closed, ndimage.prewitt) / 6
    steepest = ndimage.maximum_filter(slope, 3)[edge]
    # Where the sheet goes on beyond the picture it has no edge.
    steepest = steepest[~_border_mask(sheet_mask)[edge]]
    if steepest.size == 0:
        return False
    median, low = np.quantile(steepest, (0.5, 0.15))
    return bool(
        step >= MIN_STEP and median >= MIN_MEDIAN_SLOPE * step and low >= MIN_LOW_SLOPE * step
    )


def _border_mask(mask: Mask) -> Mask:
    border = np.ones(mask.shape, bool)
    border[2:-2, 2:-2] = False
    return border


def _is_quadrilateral(sheet_mask: Mask) -> bool:
    """Whether some quadrilateral with corners on the figure is nearly the figure."""
    y, x = np.nonzero(sheet_mask)
    best = 0.0
    for angle in np.linspace(0, np.pi / 2, 12, endpoint=False):
        along, across = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
        extents = (along + across, across - along, -along - across, along - across)
        corners = [(float(x[place]), float(y[place])) for place in map(np.argmax, extents)]
        image = Image.new("1", sheet_mask.shape[::-1])
        ImageDraw.Draw(image).polygon(corners, fill=1, outline=1)
        quadrilateral = np.asarray(image)
        best = max(
            best, float((quadrilateral & sheet_mask).sum() / (quadrilateral | sheet_mask).sum())
        )
    return best >= MIN_QUADRILATERAL_OVERLAP
