"""Detection of a sheet of paper on a darker desk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from PIL.Image import Resampling
from scipy import ndimage

from tsexplorer.imaging.resampling import thumbnail
from tsexplorer.imaging.types import FloatImage, Mask, UInt8Image

THUMBNAIL_SIDE = 128
CLOSING_SIZE = 9
"""Window of the grey closing that removes strokes, in thumbnail pixels."""
AREA_RANGE = (0.25, 0.97)
"""Area of a sheet as a share of the picture."""
MIN_DESK_SHARE = 0.25
"""Minimum share of the picture's border that shows the desk."""
MIN_STEP = 40
"""Minimum difference between paper and desk in grey levels."""
MIN_MEDIAN_SLOPE = 0.2
"""Minimum median slope of the edge, as a share of the step per pixel; shadows are softer."""
MIN_LOW_SLOPE = 0.12
"""Minimum slope of 85 % of the edge, likewise."""
MIN_QUADRILATERAL_OVERLAP = 0.88
"""Minimum intersection over union of a sheet and the quadrilateral through its corners."""
EROSIONS = 2
MIN_LIGHT_SHARE = 0.85
"""Minimum share of the sheet that is light without the closing: strokes cover little of it."""


@dataclass(frozen=True, eq=False)
class PaperSheet:
    """A sheet of paper in a picture.

    Attributes:
        mask: pixels of the sheet, slightly eroded; bool H×W.
        filled: the picture with the desk replaced by the level of the nearest paper; uint8 H×W.
    """

    mask: Mask
    filled: UInt8Image


def find_sheet(grey: UInt8Image) -> PaperSheet | None:
    """Find a light sheet with straight sides on a darker desk; None if there is none.

    Args:
        grey: uint8 H×W.
    """
    small = thumbnail(grey, THUMBNAIL_SIDE).astype(np.float32)
    closed = ndimage.grey_closing(small, CLOSING_SIZE, mode="nearest")
    level = _otsu_threshold(closed)
    # Under a lamp the sheet itself has a light and a dark half; then the desk is below a second
    # threshold.
    for threshold in (level, _otsu_threshold(closed[closed <= level])):
        # The closing also adds corners of the desk, which do not belong to the sheet.
        closed_mask = _largest_component(closed > threshold)
        sheet_mask = closed_mask & _largest_component(small > threshold)
        is_light = sheet_mask.sum() >= MIN_LIGHT_SHARE * closed_mask.sum()
        if is_light and _is_sheet(closed_mask, closed):
            inner = ndimage.binary_erosion(sheet_mask, np.ones((3, 3)), EROSIONS, border_value=1)
            return _fill_desk(grey, closed, inner) if inner.any() else None
    return None


def _fill_desk(grey: UInt8Image, closed: FloatImage, inner: Mask) -> PaperSheet:
    """Replace all pixels outside the sheet by the level of the nearest pixel inside."""
    nearest = ndimage.distance_transform_edt(~inner, return_distances=False, return_indices=True)
    size = grey.shape[::-1]
    paper = Image.fromarray(closed[tuple(nearest)]).resize(size, Resampling.BILINEAR)
    mask = np.asarray(Image.fromarray(inner).resize(size, Resampling.NEAREST))
    return PaperSheet(mask, np.where(mask, grey, np.asarray(paper).astype(np.uint8)))


def _largest_component(mask: Mask) -> Mask:
    """The largest connected component, with its holes filled."""
    labels, _ = ndimage.label(mask)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray(ndimage.binary_fill_holes(labels == max(1, int(sizes.argmax()))))


def _is_sheet(mask: Mask, closed: FloatImage) -> bool:
    return bool(
        AREA_RANGE[0] <= mask.mean() <= AREA_RANGE[1]
        and _shows_desk(mask)
        and _is_quadrilateral(mask)
        and _has_sharp_edge(closed, mask)
    )


def _otsu_threshold(image: FloatImage) -> float:
    """The level with the largest variance between the classes that it separates (Otsu 1979)."""
    counts, edges = np.histogram(image, 64)
    levels = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    sums = np.cumsum(counts * levels)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(edges[1:][np.nanargmax(np.nan_to_num(between))])


def _shows_desk(mask: Mask) -> bool:
    border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    return bool((~border).mean() >= MIN_DESK_SHARE)


def _has_sharp_edge(closed: FloatImage, mask: Mask) -> bool:
    """Whether the step at the edge is high, and sharper than the edge of a shadow."""
    dilated = ndimage.binary_dilation(mask, iterations=4)
    inner_rim = mask & ~ndimage.binary_erosion(mask, iterations=4, border_value=1)
    edge = mask & ~ndimage.binary_erosion(mask, border_value=1)
    if not edge.any() or dilated.all():
        return False
    step = float(np.median(closed[inner_rim]) - np.median(closed[dilated & ~mask]))
    slope = ndimage.generic_gradient_magnitude(closed, ndimage.prewitt) / 6
    edge_slopes = ndimage.maximum_filter(slope, 3)[edge]
    # Where the sheet is cut by the picture's border it has no edge.
    edge_slopes = edge_slopes[~_border_mask(mask)[edge]]
    if edge_slopes.size == 0:
        return False
    median, low = np.quantile(edge_slopes, (0.5, 0.15))
    return bool(
        step >= MIN_STEP and median >= MIN_MEDIAN_SLOPE * step and low >= MIN_LOW_SLOPE * step
    )


def _border_mask(mask: Mask) -> Mask:
    """The two outermost rows and columns on each side."""
    border = np.ones(mask.shape, bool)
    border[2:-2, 2:-2] = False
    return border


def _is_quadrilateral(mask: Mask) -> bool:
    """Whether a quadrilateral with corners on the mask covers nearly the same pixels."""
    y, x = np.nonzero(mask)
    best_overlap = 0.0
    for angle in np.linspace(0, np.pi / 2, 12, endpoint=False):
        along, across = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
        extents = (along + across, across - along, -along - across, along - across)
        corners = [(float(x[index]), float(y[index])) for index in map(np.argmax, extents)]
        image = Image.new("1", mask.shape[::-1])
        ImageDraw.Draw(image).polygon(corners, fill=1, outline=1)
        polygon = np.asarray(image)
        overlap = float((polygon & mask).sum() / (polygon | mask).sum())
        best_overlap = max(best_overlap, overlap)
    return best_overlap >= MIN_QUADRILATERAL_OVERLAP
