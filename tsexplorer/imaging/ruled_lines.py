"""Removal of the printed lines of ruled and squared paper.

A printed line is thin and nearly straight, and it spans the picture or is one of several similar
lines. A Hough transform finds candidates. Each is traced in a band of a few rows above and below
it, then measured, and erased where no stroke crosses it.

The steps handle lines near the horizontal; for those near the vertical the picture is transposed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tsexplorer.imaging.resampling import max_pool
from tsexplorer.imaging.segmentation import InkLevels
from tsexplorer.imaging.types import InkMap, Mask

RowArray = NDArray[np.intp]

# Candidates of the Hough transform.
HOUGH_SIDE = 240
"""Longest side of the mask in the Hough transform."""
SLOPES = np.tan(np.deg2rad(np.arange(-17, 17.01, 0.5)))
MIN_CANDIDATE_COVERAGE = 0.4
"""Minimum share of a candidate's columns that contain ink."""
MIN_LENGTH_SHARE = 0.12
"""Minimum length of a line inside the picture, as a share of the picture's width."""
MAX_CANDIDATES = 80

# Traced lines.
SEGMENTS = 16
"""Number of segments in which a candidate's vertical position is refined."""
MAX_BEND = 3
"""Maximum distance of a line from its straight candidate, in rows."""
MIN_COVERAGE = 0.5
"""Minimum share of a line's columns that contain ink."""
MAX_THICKNESS_SHARE = 0.045
"""Maximum thickness, as a share of the picture's shorter side."""
END_SHARE = 0.04
"""Share of a line's columns at each end that decides whether it spans the picture."""

# Similar lines.
MIN_GROUP_SIZE = 3
"""Minimum number of similar lines that count as printed if none spans the picture."""
MAX_RATIO, MAX_RATIO_SPANNING = 1.3, 1.6
"""Maximum ratio of ink and of thickness to the median of the similar lines."""
MAX_SLOPE_DIFFERENCE, MAX_SLOPE_DIFFERENCE_LONG = 0.04, 0.12
"""Maximum difference from the median slope; long lines may converge in perspective."""

# Strokes that cross a line.
CROSSING_INK_RATIO = 1.5
"""Columns with more than this multiple of the line's ink belong to a stroke."""
CROSSING_HEIGHT_RATIO = 1.6
"""Columns with a vertical run above this multiple of the line's thickness belong to a stroke."""


@dataclass(frozen=True, eq=False)
class RuledLine:
    """A printed line.

    Attributes:
        rows: row of the line's centre in each column.
        thickness: median thickness in pixels.
        ink_level: median ink.
        spans_image: whether it reaches both sides of the picture.
        slope: rows downward per column to the right.
        is_long: whether at least half of its columns are inside the picture.
    """

    rows: RowArray
    thickness: int
    ink_level: float
    spans_image: bool
    slope: float
    is_long: bool

    def is_near(self, rows: NDArray[Any]) -> bool:
        """Whether other rows, one per column, are on average so close that they are this line."""
        return bool(np.abs(self.rows - rows).mean() <= max(3.0, 1.5 * self.thickness))


def remove_ruled_lines(
    ink: InkMap, levels: InkLevels, paper_mask: Mask | None = None
) -> tuple[InkMap, int]:
    """Erase printed lines.

    Args:
        ink: the ink map.
        levels: its noise and ink levels.
        paper_mask: where lines can be; None for everywhere.

    Returns:
        the ink map without lines, and the number of lines.
    """
    cleaned, count = ink.copy(), 0
    paper_mask = np.ones(ink.shape, bool) if paper_mask is None else paper_mask
    for transposed in (False, True):
        view, paper_view = (cleaned.T, paper_mask.T) if transposed else (cleaned, paper_mask)
        foreground = view > levels.foreground
        # Vertical lines that do not span the picture may be the digits 111. On squared paper there
        # are horizontal lines as well.
        spanning_only = transposed and count == 0
        lines = _find_lines(view, foreground, paper_view)
        printed = _select_printed(lines, spanning_only=spanning_only)
        for line in printed:
            _erase_line(view, foreground, line)
        count += len(printed)
    return cleaned, count


def _find_lines(ink: InkMap, foreground: Mask, paper_mask: Mask) -> list[RuledLine]:
    """Trace all candidates; candidates of the same line give one line."""
    lines: list[RuledLine] = []
    columns = np.arange(foreground.shape[1]) - (foreground.shape[1] - 1) / 2
    for middle_row, slope in _hough_candidates(foreground):
        straight_rows = middle_row + slope * columns
        if any(known.is_near(straight_rows) for known in lines):
            continue
        line = _trace_line(ink, foreground, paper_mask, straight_rows)
        if line and not any(known.is_near(line.rows) for known in lines):
            lines.append(line)
    return lines


def _select_printed(lines: list[RuledLine], *, spanning_only: bool) -> list[RuledLine]:
    """Lines that span the picture, and lines similar to them.

    Without spanning lines, long lines count if there are several, unless ``spanning_only``.
    """
    spanning = [line for line in lines if line.spans_image]
    long_lines = [line for line in lines if line.is_long]
    has_long_group = len(long_lines) >= MIN_GROUP_SIZE and not spanning_only
    reference = spanning or (long_lines if has_long_group else [])
    if len(reference) < MIN_GROUP_SIZE:
        return reference
    ink_level = float(np.median([line.ink_level for line in reference]))
    thickness = float(np.median([line.thickness for line in reference]))
    slope = float(np.median([line.slope for line in reference]))

    def is_similar(line: RuledLine) -> bool:
        # A spanning line may be bolder, and may lead to another vanishing point.
        max_ratio = MAX_RATIO_SPANNING if line.spans_image else MAX_RATIO
        may_converge = line.spans_image or line.is_long
        max_difference = MAX_SLOPE_DIFFERENCE_LONG if may_converge else MAX_SLOPE_DIFFERENCE
        return (
            line.ink_level <= max_ratio * ink_level
            and line.thickness <= max_ratio * thickness + 1
            and abs(line.slope - slope) <= max_difference
        )

    return [line for line in lines if is_similar(line)]


def _hough_candidates(foreground: Mask) -> list[tuple[float, float]]:
    """Straight lines that are mostly covered with ink, best first.

    Returns:
        for each candidate its row in the middle column and its slope.
    """
    factor = -(-max(foreground.shape) // HOUGH_SIDE)
    small = max_pool(foreground, factor)
    width = small.shape[1]
    margin = int(SLOPES.max() * width / 2) + 2
    coverage = _hough_coverage(small, margin)
    # A candidate inside a thick object has as much coverage beside it. Two distances are compared,
    # because at one of them there may be the next line.
    distance = _max_thickness(foreground) // (2 * factor) + 2
    beside = [
        np.maximum(np.roll(coverage, shift, 1), np.roll(coverage, -shift, 1))
        for shift in (distance, distance + 2)
    ]
    min_coverage = max(MIN_CANDIDATE_COVERAGE, 2 * float(small.mean()))
    is_thin = coverage - np.min(beside, axis=0) >= MIN_CANDIDATE_COVERAGE / 2
    slopes, rows = np.nonzero((coverage >= min_coverage) & is_thin)
    order = np.argsort(-coverage[slopes, rows], kind="stable")
    # A candidate whose rows at both sides are close to those of a better one is the same line.
    ends = (rows - margin)[:, None] + SLOPES[slopes, None] * np.array([-width / 2, width / 2])
    kept: list[int] = []
    for index in order:
        if not kept or np.abs(ends[kept] - ends[index]).max(1).min() > 3:
            kept.append(int(index))
        if len(kept) == MAX_CANDIDATES:
            break
    return [
        ((float(rows[index]) - margin + 0.5) * factor - 0.5, float(SLOPES[slopes[index]]))
        for index in kept
    ]


def _hough_coverage(mask: Mask, margin: int) -> NDArray[np.float64]:
    """Share of each line's columns that are set in the mask.

    Args:
        mask: H×W.
        margin: number of rows above and below the mask that a line's middle may have.

    Returns:
        slopes × (H + 2 ``margin``), by the row in the middle column; 0 for short lines.
    """
    height, width = mask.shape
    y, x = np.nonzero(mask)
    middle_rows = np.rint(y - SLOPES[:, None] * (x - (width - 1) / 2)).astype(np.intp) + margin
    bins = height + 2 * margin
    middle_rows += bins * np.arange(len(SLOPES))[:, None]
    counts = np.bincount(middle_rows.ravel(), minlength=bins * len(SLOPES)).reshape(-1, bins)
    inside = _columns_inside(np.arange(bins) - margin, (height, width))
    return np.where(inside >= MIN_LENGTH_SHARE * width, counts / np.maximum(inside, 1), 0)


def _columns_inside(middle_rows: RowArray, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Number of columns in which each line, slopes × rows, is inside the picture."""
    height, width = shape
    slopes = np.where(np.abs(SLOPES) < 1e-6, 1e-6, SLOPES)[:, None]
    at_top, at_bottom = (-0.5 - middle_rows) / slopes, (height - 0.5 - middle_rows) / slopes
    half = width / 2
    last = np.maximum(at_top, at_bottom).clip(-half, half)
    first = np.minimum(at_top, at_bottom).clip(-half, half)
    return np.asarray(last - first)


def _trace_line(
    ink: InkMap, foreground: Mask, paper_mask: Mask, straight_rows: NDArray[np.float64]
) -> RuledLine | None:
    """Refine a straight candidate segment by segment; None if it is no thin line."""
    width = foreground.shape[1]
    rows = np.rint(straight_rows).astype(np.intp)
    starts = np.linspace(0, width, min(SEGMENTS, width // 8 or 1) + 1).astype(int)
    band = _band_around(foreground, rows, MAX_BEND)
    profiles = np.add.reduceat(band, starts[:-1], axis=1, dtype=float) / np.diff(starts)
    peaks = profiles.max(0)
    visible = np.flatnonzero(peaks > 0.3)
    if not len(visible):
        return None
    # The shift of a segment is the mean of its best rows. Segments without ink are interpolated.
    best_rows = profiles >= 0.8 * peaks
    shifts = (best_rows * np.arange(-MAX_BEND, MAX_BEND + 1)[:, None]).sum(0) / best_rows.sum(0)
    middles = (starts[:-1] + starts[1:]) / 2
    bend = np.interp(np.arange(width), middles[visible], shifts[visible])
    return _measure_line(ink, foreground, paper_mask, np.rint(straight_rows + bend).astype(np.intp))


def _measure_line(
    ink: InkMap, foreground: Mask, paper_mask: Mask, rows: RowArray
) -> RuledLine | None:
    """Measure a traced line; None if it is too short, too thick or has too little ink."""
    width = len(rows)
    reach = _max_thickness(foreground) + MAX_BEND
    inside = _band_around(paper_mask, rows, 0)[0]
    covered = _band_around(foreground, rows, 1).any(0) & inside
    if inside.sum() < MIN_LENGTH_SHARE * width or covered.sum() < MIN_COVERAGE * inside.sum():
        return None
    top, bottom = _vertical_run(_band_around(foreground, rows, reach), reach)
    thickness = int(np.median((bottom - top)[covered]))
    if thickness > _max_thickness(foreground):
        return None
    ink_level = float(np.median(_band_around(ink, rows, 1).max(0)[covered]))
    covered_inside = covered[inside]
    end = max(3, int(END_SHARE * len(covered_inside)))
    spans_image = bool(covered_inside[:end].mean() >= 0.5 and covered_inside[-end:].mean() >= 0.5)
    slope = float(rows[-1] - rows[0]) / width
    is_long = bool(inside.sum() >= MIN_COVERAGE * width)
    return RuledLine(rows, thickness, ink_level, spans_image, slope, is_long)


def _max_thickness(foreground: Mask) -> int:
    return max(4, int(MAX_THICKNESS_SHARE * min(foreground.shape)))


def _band_around(array: NDArray[Any], rows: RowArray, reach: int) -> NDArray[Any]:
    """Values from ``reach`` rows above to ``reach`` rows below a row per column.

    Args:
        array: H×W.
        rows: a row per column, W.
        reach: number of rows on each side.

    Returns:
        (2 ``reach`` + 1)×W; 0 outside the picture.
    """
    band_rows = rows + np.arange(-reach, reach + 1)[:, None]
    height, width = array.shape
    inside = (band_rows >= 0) & (band_rows < height)
    values = array[band_rows.clip(0, height - 1), np.arange(width)]
    return np.asarray(np.where(inside, values, array.dtype.type(0)))


def _vertical_run(band: Mask, middle: int) -> tuple[RowArray, RowArray]:
    """Run of set pixels in each column that contains the middle row or a row next to it.

    Returns:
        first row of the run and the row after its last, as offsets from the middle row; equal
        if there is no run.
    """
    start = np.where(band[middle], middle, np.where(band[middle - 1], middle - 1, middle + 1))
    row = np.arange(len(band))[:, None]
    top = np.where(~band & (row < start), row, -1).max(0) + 1
    bottom = np.where(~band & (row > start), row, len(band)).min(0)
    is_set = band[start, np.arange(band.shape[1])]
    return np.where(is_set, top - middle, 0), np.where(is_set, bottom - middle, 0)


def _erase_line(ink: InkMap, foreground: Mask, line: RuledLine) -> None:
    """Set the ink of a line to 0, in place, except where a stroke crosses it."""
    reach = 2 * line.thickness + 4
    top, bottom = _vertical_run(_band_around(foreground, line.rows, reach), reach)
    half = line.thickness // 2 + 2
    max_ink = _band_around(ink, line.rows, half).max(0)
    is_high = bottom - top > CROSSING_HEIGHT_RATIO * line.thickness + 1
    is_dark = max_ink > CROSSING_INK_RATIO * line.ink_level
    offsets = np.arange(-reach, reach + 1)[:, None]
    # One more row on each side holds the soft edge of the line.
    on_line = (np.abs(offsets) <= half) | ((offsets >= top - 1) & (offsets <= bottom))
    rows = line.rows + offsets
    erased = on_line & ~(is_high | is_dark) & (rows >= 0) & (rows < ink.shape[0])
    columns = np.broadcast_to(np.arange(ink.shape[1]), rows.shape)
    ink[rows[erased], columns[erased]] = 0
