"""Ruled and squared paper: printed lines are found by their length, and taken out.

A line is thin, nearly straight, and goes through the picture from one side to the other, or is one
of several alike. Each is followed in a strip of its own, some pixels above and below it, in which
it lies level; what crosses it is kept where it does.

Lines near the horizontal are looked for; those near the vertical, in the transposed picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tsexplorer.imaging.resampling import max_pool
from tsexplorer.imaging.segmentation import InkLevels
from tsexplorer.imaging.types import InkMap, Mask

SLOPES = np.tan(np.deg2rad(np.arange(-17, 17.01, 0.5)))
HOUGH_SIDE = 240
MIN_COVERAGE = 0.5
"""A line shows along at least this share of its way through the picture."""
MIN_CANDIDATE_COVERAGE = 0.4
MIN_LENGTH_SHARE = 0.12
"""Of a way across a corner, as a share of the picture's width."""
END_SHARE = 0.04
MIN_FAMILY = 3
"""So many lines need not reach the sides: the paper may end inside the picture."""
MAX_RATIO, MAX_RATIO_SPANNING = 1.3, 1.6
MAX_SLOPE_DIFFERENCE, MAX_SLOPE_DIFFERENCE_LONG = 0.04, 0.12
"""By how much slopes of lines of one family differ."""
MAX_THICKNESS_SHARE = 0.045
"""Of a line, as a share of the picture's shorter side."""
CROSSING_INK_RATIO = 1.5
"""What is so many times as dark as a line is a stroke on it."""
CROSSING_HEIGHT_RATIO = 1.6
"""What is so many times as high as a line is thick crosses it."""
MAX_CANDIDATES = 80
SEGMENTS = 16
MAX_BEND = 3
"""A line may lie so many pixels beside a straight way."""
IndexArray = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class RuledLine:
    """One printed line.

    Attributes:
        rows: the row of its middle in each column.
        thickness: in pixels.
        ink_level: its ink.
        spans_image: whether it goes on to both sides of the picture.
        slope: rows down for each column to the right.
        is_long: whether its way through the picture is long enough to be no accident.
    """

    rows: IndexArray
    thickness: int
    ink_level: float
    spans_image: bool
    slope: float
    is_long: bool


def remove_ruled_lines(
    ink: InkMap, levels: InkLevels, paper_mask: Mask | None = None
) -> tuple[InkMap, int]:
    """Take out printed lines.

    Args:
        ink: of each pixel.
        levels: its levels.
        paper_mask: where lines can be; None for everywhere.

    Returns:
        the ink that is left, and how many lines there were.
    """
    remaining, count = ink.copy(), 0
    paper_mask = np.ones(ink.shape, bool) if paper_mask is None else paper_mask
    for transpose in (False, True):
        view, paper_view = (remaining.T, paper_mask.T) if transpose else (remaining, paper_mask)
        foreground = view > levels.foreground
        # Upright ones that do not reach the sides may be 111; on squared paper they are not alone.
        lines = _select_printed(
            _find_lines(view, foreground, paper_view), spanning_only=transpose and count == 0
        )
        for line in lines:
            _erase_line(view, foreground, line)
        count += len(lines)
    return remaining, count


def _find_lines(ink: InkMap, foreground: Mask, paper_mask: Mask) -> list[RuledLine]:
    """Every line once, though several ways lead to it."""
    lines: list[RuledLine] = []
    for row, slope in _hough_candidates(foreground):
        straight_rows = row + slope * _centred_columns(foreground.shape[1])
        if all(np.abs(line.rows - straight_rows).mean() > _min_distance(line) for line in lines):
            line = _trace_line(ink, foreground, paper_mask, straight_rows)
            if line and all(
                np.abs(line.rows - other.rows).mean() > _min_distance(other) for other in lines
            ):
                lines.append(line)
    return lines


def _min_distance(line: RuledLine) -> float:
    return max(3.0, 1.5 * line.thickness)


def _select_printed(lines: list[RuledLine], *, spanning_only: bool) -> list[RuledLine]:
    """Those that go through the picture, and others like them; one that is unlike many is none."""
    spanning = [line for line in lines if line.spans_image]
    long_lines = [line for line in lines if line.is_long]
    reference = spanning or (
        long_lines if len(long_lines) >= MIN_FAMILY and not spanning_only else []
    )
    if len(reference) < MIN_FAMILY:
        return reference
    ink_level, thickness, slope = (
        float(np.median([getattr(line, name) for line in reference]))
        for name in ("ink_level", "thickness", "slope")
    )

    def is_similar(line: RuledLine) -> bool:
        # One that reaches both sides may be bolder, and lead to another vanishing point.
        max_ratio = MAX_RATIO_SPANNING if line.spans_image else MAX_RATIO
        max_slope_difference = (
            MAX_SLOPE_DIFFERENCE_LONG if line.spans_image or line.is_long else MAX_SLOPE_DIFFERENCE
        )
        return (
            line.ink_level <= max_ratio * ink_level
            and line.thickness <= max_ratio * thickness + 1
            and abs(line.slope - slope) <= max_slope_difference
        )

    return [line for line in lines if is_similar(line)]


def _hough_candidates(foreground: Mask) -> list[tuple[float, float]]:
    """Straight ways that are mostly inked, the best first: row in the middle column, and slope."""
    factor = -(-max(foreground.shape) // HOUGH_SIDE)
    small = max_pool(foreground, factor)
    height, width = small.shape
    margin = int(SLOPES.max() * width / 2) + 2
    y, x = np.nonzero(small)
    # One row of counters for each slope: how much ink lies on each way.
    rows = np.rint(y - SLOPES[:, None] * (x - (width - 1) / 2)).astype(np.intp) + margin
    bins = height + 2 * margin
    rows += bins * np.arange(len(SLOPES))[:, None]
    counts = np.bincount(rows.ravel(), minlength=bins * len(SLOPES)).reshape(-1, bins)
    columns_inside = _columns_inside(np.arange(bins) - margin, (height, width))
    coverage = np.where(
        columns_inside >= MIN_LENGTH_SHARE * width, counts / np.maximum(columns_inside, 1), 0
    )

    # Where it is covered as well a little aside, it lies in something thick. Two distances, as at
    # one of them there may be the next line.
    half = _max_thickness(foreground) // (2 * factor) + 2
    neighbours = np.min(
        [
            np.maximum(np.roll(coverage, shift, 1), np.roll(coverage, -shift, 1))
            for shift in (half, half + 2)
        ],
        axis=0,
    )
    min_coverage = max(MIN_CANDIDATE_COVERAGE, 2 * float(small.mean()))
    slopes, offsets = np.nonzero(
        (coverage >= min_coverage) & (coverage - neighbours >= MIN_CANDIDATE_COVERAGE / 2)
    )
    order = np.argsort(-coverage[slopes, offsets], kind="stable")
    # A way's place is its rows at both sides: close to those of a better way, it is the same.
    ends = (offsets - margin)[:, None] + SLOPES[slopes, None] * np.array([-width / 2, width / 2])
    kept: list[int] = []
    for index in order:
        if not kept or np.abs(ends[kept] - ends[index]).max(1).min() > 3:
            kept.append(int(index))
        if len(kept) == MAX_CANDIDATES:
            break
    return [
        ((float(offsets[index]) - margin + 0.5) * factor - 0.5, float(SLOPES[slopes[index]]))
        for index in kept
    ]


def _columns_inside(rows: IndexArray, shape: tuple[int, int]) -> NDArray[np.float64]:
    """In how many columns the ways, slopes × rows, lie inside the picture."""
    height, width = shape
    slopes = np.where(np.abs(SLOPES) < 1e-6, 1e-6, SLOPES)[:, None]
    first, last = (-0.5 - rows) / slopes, (height - 0.5 - rows) / slopes
    half = width / 2
    extent = np.maximum(first, last).clip(-half, half) - np.minimum(first, last).clip(-half, half)
    return np.asarray(extent)


def _centred_columns(width: int) -> NDArray[Any]:
    return np.arange(width) - (width - 1) / 2


def _trace_line(
    ink: InkMap, foreground: Mask, paper_mask: Mask, straight_rows: NDArray[np.float64]
) -> RuledLine | None:
    """The line near a straight way, chunk by chunk; None if there is none that is thin."""
    width = foreground.shape[1]
    rows = np.rint(straight_rows).astype(np.intp)
    starts = np.linspace(0, width, min(SEGMENTS, width // 8 or 1) + 1).astype(int)
    band = _band_around(foreground, rows, MAX_BEND)
    profiles = np.add.reduceat(band, starts[:-1], axis=1, dtype=float) / np.diff(starts)
    peaks = profiles.max(0)
    visible = np.flatnonzero(peaks > 0.3)
    if not len(visible):
        return None
    # The middle of the best rows; where nothing is seen, straight on between its neighbours.
    best_rows = profiles >= 0.8 * peaks
    shifts = (best_rows * np.arange(-MAX_BEND, MAX_BEND + 1)[:, None]).sum(0) / best_rows.sum(0)
    middles = (starts[:-1] + starts[1:]) / 2
    bend = np.interp(np.arange(width), middles[visible], shifts[visible])
    return _measure_line(ink, foreground, paper_mask, np.rint(straight_rows + bend).astype(np.intp))


def _max_thickness(foreground: Mask) -> int:
    return max(4, int(MAX_THICKNESS_SHARE * min(foreground.shape)))


def _band_around(array: NDArray[Any], rows: IndexArray, reach: int) -> NDArray[Any]:
    """So many pixels above and below a row in each column; 0 outside the picture."""
    band_rows = rows + np.arange(-reach, reach + 1)[:, None]
    height, width = array.shape
    inside = (band_rows >= 0) & (band_rows < height)
    values = array[band_rows.clip(0, height - 1), np.arange(width)]
    return np.asarray(np.where(inside, values, array.dtype.type(0)))


def _measure_line(
    ink: InkMap, foreground: Mask, paper_mask: Mask, rows: IndexArray
) -> RuledLine | None:
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
    return RuledLine(
        rows, thickness, ink_level, spans_image, slope, bool(inside.sum() >= MIN_COVERAGE * width)
    )


def _vertical_run(band: Mask, middle: int) -> tuple[IndexArray, IndexArray]:
    """What is set without a gap around the middle row of each column.

    Returns:
        its first row and the one after its last, as offsets from the middle; equal where the
        middle row and those beside it are not set.
    """
    start = np.where(band[middle], middle, np.where(band[middle - 1], middle - 1, middle + 1))
    row = np.arange(len(band))[:, None]
    above = np.where(~band & (row < start), row, -1).max(0) + 1
    below = np.where(~band & (row > start), row, len(band)).min(0)
    is_set = band[start, np.arange(band.shape[1])]
    return np.where(is_set, above - middle, 0), np.where(is_set, below - middle, 0)


def _erase_line(ink: InkMap, foreground: Mask, line: RuledLine) -> None:
    """Set a line to no ink, but for what crosses it: higher than the line, or far darker."""
    reach = 2 * line.thickness + 4
    top, bottom = _vertical_run(_band_around(foreground, line.rows, reach), reach)
    half = line.thickness // 2 + 2
    max_ink = _band_around(ink, line.rows, half).max(0)
    crossed = (bottom - top > CROSSING_HEIGHT_RATIO * line.thickness + 1) | (
        max_ink > CROSSING_INK_RATIO * line.ink_level
    )
    offsets = np.arange(-reach, reach + 1)[:, None]
    # The soft edge of a line fades out beside what is set.
    line_pixels = (np.abs(offsets) <= half) | ((offsets >= top - 1) & (offsets <= bottom))
    band_rows = line.rows + offsets
    erased = line_pixels & ~crossed & (band_rows >= 0) & (band_rows < ink.shape[0])
    columns = np.broadcast_to(np.arange(ink.shape[1]), band_rows.shape)
    ink[band_rows[erased], columns[erased]] = 0
