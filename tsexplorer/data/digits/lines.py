"""Ruled and squared paper: printed lines are found by their length, and taken out.

A line is thin, nearly straight, and goes through the picture from one side to the other, or is one
of several. Each is followed in a strip of its own, a few pixels above and below it, in which it
lies level; what crosses it is kept where it does.

Lines near the horizontal are looked for; those near the vertical, in the transposed picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tsexplorer.data.digits.base import Ink, Mask
from tsexplorer.data.digits.threshold import Levels

SLOPES = np.tan(np.deg2rad(np.arange(-17, 17.01, 0.5)))
LOOK = 240
COVERED = 0.5
"""A line shows along at least this share of its way through the picture."""
CANDIDATE = 0.4
ENDS = 0.04
FAMILY = 3
ALIKE = 1.3
SHORTEST = 0.12
"""So many lines need not reach the sides: the paper may end inside the picture."""
THICKEST = 0.045
"""Of a line, as a share of the picture's shorter side."""
DARKER = 1.5
"""What is so many times as dark as a line is a stroke on it."""
MOST = 80
CHUNKS = 16
BEND = 3
"""A line may lie so many pixels beside where its neighbour chunk would have it."""
Places = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Line:
    """One printed line.

    Attributes:
        rows: the row of its middle in each column.
        thickness: in pixels.
        level: its ink.
        reaches: whether it goes on to both sides of the picture.
    """

    rows: Places
    thickness: int
    level: float
    reaches: bool


def without_lines(ink: Ink, levels: Levels) -> tuple[Ink, int]:
    """Take out printed lines.

    Returns:
        the ink that is left, and how many lines there were.
    """
    left, count = ink.copy(), 0
    for turned in (False, True):
        here = left.T if turned else left
        standing = here > levels.floor
        lines = [
            line
            for row, slope in _candidates(standing)
            if (line := _followed(here, standing, row, slope)) is not None
        ]
        lines = _printed(_each_once(lines))
        for line in lines:
            _erase(here, standing, line)
        count += len(lines)
    return left, count


def _each_once(lines: list[Line]) -> list[Line]:
    """Without those that follow another: several ways lead to one line."""
    kept: list[Line] = []
    for line in lines:
        apart = max(3, 1.5 * line.thickness)
        if all(np.abs(line.rows - other.rows).mean() > apart for other in kept):
            kept.append(line)
    return kept


def _printed(lines: list[Line]) -> list[Line]:
    """Those that go through the picture, and others like them: the paper may end inside it."""
    sure = [line for line in lines if line.reaches]
    models = sure or (lines if len(lines) >= FAMILY else [])
    if not models:
        return []
    level = float(np.median([line.level for line in models]))
    thickness = float(np.median([line.thickness for line in models]))
    return sure + [
        line
        for line in lines
        if not line.reaches
        and line.level <= ALIKE * level
        and line.thickness <= ALIKE * thickness + 1
    ]


def _candidates(standing: Mask) -> list[tuple[float, float]]:
    """Straight ways through the picture that are mostly inked: row in the middle column, slope."""
    factor = -(-max(standing.shape) // LOOK)
    small = _block_any(standing, factor)
    height, width = small.shape
    y, x = np.nonzero(small)
    across = x - (width - 1) / 2
    found: list[tuple[float, float, float]] = []
    for slope in SLOPES:
        rows = np.rint(y - slope * across).astype(np.intp)
        margin = int(abs(slope) * width / 2) + 2
        counts = np.bincount(rows + margin, minlength=height + 2 * margin)
        inside = _columns_inside(np.arange(len(counts)) - margin, slope, (height, width))
        covered = np.where(inside >= SHORTEST * width, counts / np.maximum(inside, 1), 0)
        for place in np.flatnonzero(covered >= max(CANDIDATE, 2 * small.mean())):
            found.append((float(covered[place]), float(place - margin), float(slope)))
    found.sort(reverse=True)
    kept: list[tuple[float, float]] = []
    for _, row, slope in found:
        away = [
            max(abs(row - other + side * (slope - incline) * width / 2) for side in (-1, 1))
            for other, incline in kept
        ]
        if min(away, default=9.0) > 3:
            kept.append((row, slope))
        if len(kept) == MOST:
            break
    return [((row + 0.5) * factor - 0.5, slope) for row, slope in kept]


def _columns_inside(
    rows: Places, slope: float, shape: tuple[int, int]
) -> NDArray[np.float64]:
    """In how many columns a way lies inside the picture: outside, nothing can be covered."""
    height, width = shape
    if abs(slope) < 1e-6:
        return np.where((rows >= 0) & (rows < height), width, 0).astype(float)
    crossings = np.sort([(-0.5 - rows) / slope, (height - 0.5 - rows) / slope], axis=0)
    start, end = crossings.clip(-width / 2, width / 2)
    return np.asarray(end - start)


def _block_any(mask: Mask, factor: int) -> Mask:
    """Whether anything is set in each ``factor``×``factor`` pixels."""
    if factor == 1:
        return mask
    rows = np.logical_or.reduceat(mask, np.arange(0, mask.shape[0], factor), axis=0)
    return np.logical_or.reduceat(rows, np.arange(0, mask.shape[1], factor), axis=1)


def _followed(ink: Ink, standing: Mask, row: float, slope: float) -> Line | None:
    """The line near a straight way, chunk by chunk; None if there is none that is thin."""
    height, width = standing.shape
    reach = max(4, int(THICKEST * min(height, width))) + BEND
    straight = row + slope * (np.arange(width) - (width - 1) / 2)
    rows = np.rint(straight).astype(np.intp)
    edges = np.linspace(0, width, min(CHUNKS, width // 8 or 1) + 1).astype(int)
    strip = _strip(standing, rows, reach)
    shifts = []
    for start, end in pairwise(edges):
        profile = strip[:, start:end].mean(1)
        near = profile[reach - BEND : reach + BEND + 1]
        top = near.max()
        # The middle of the best rows; where nothing is, straight on.
        best = np.flatnonzero(near >= 0.8 * top).mean() - BEND if top > 0.3 else np.nan
        shifts.append(best)
    known = np.flatnonzero(np.isfinite(shifts))
    if not len(known):
        return None
    middles = (edges[:-1] + edges[1:]) / 2
    bend = np.interp(np.arange(width), middles[known], np.array(shifts)[known])
    rows = np.rint(straight + bend).astype(np.intp)
    return _measured(ink, standing, rows, reach)


def _strip(array: NDArray[np.generic], rows: Places, reach: int) -> NDArray[np.generic]:
    """So many pixels above and below a row in each column; 0 outside the picture."""
    places = rows + np.arange(-reach, reach + 1)[:, None]
    height, width = array.shape
    inside = (places >= 0) & (places < height)
    return np.where(inside, array[places.clip(0, height - 1), np.arange(width)], 0)


def _measured(ink: Ink, standing: Mask, rows: Places, reach: int) -> Line | None:
    height, width = standing.shape
    strip = _strip(standing, rows, reach)
    inside = (rows >= 0) & (rows < height)
    covered = strip[reach - 1 : reach + 2].any(0) & inside
    if inside.sum() < SHORTEST * width or covered.sum() < COVERED * inside.sum():
        return None
    top, bottom = _run(strip, reach)
    thickness = int(np.median((bottom - top)[covered]))
    if thickness > max(3, THICKEST * min(height, width)):
        return None
    level = float(np.median(_strip(ink, rows, 1).max(0)[covered]))
    seen = covered[inside]
    end = max(3, int(ENDS * len(seen)))
    reaches = bool(seen[:end].mean() >= 0.5 and seen[-end:].mean() >= 0.5)
    if not reaches and inside.sum() < COVERED * width:
        return None
    return Line(rows, thickness, level, reaches)


def _run(strip: Mask, middle: int) -> tuple[Places, Places]:
    """What is set without a gap around the middle row of each column.

    Returns:
        its first row and the one after its last, as offsets from the middle; equal where the
        middle row and those beside it are not set.
    """
    start = np.where(strip[middle], middle, np.where(strip[middle - 1], middle - 1, middle + 1))
    row = np.arange(len(strip))[:, None]
    above = np.where(~strip & (row < start), row, -1).max(0) + 1
    below = np.where(~strip & (row > start), row, len(strip)).min(0)
    some = strip[start, np.arange(strip.shape[1])]
    return np.where(some, above - middle, 0), np.where(some, below - middle, 0)


def _erase(ink: Ink, standing: Mask, line: Line) -> None:
    """Set a line to no ink, but for what crosses it: higher than the line, or far darker."""
    reach = 2 * line.thickness + 4
    strip = _strip(standing, line.rows, reach).astype(bool)
    inks = _strip(ink, line.rows, reach)
    top, bottom = _run(strip, reach)
    half = line.thickness // 2 + 2
    darkest = inks[reach - half : reach + half + 1].max(0)
    crossed = (bottom - top > 1.6 * line.thickness + 1) | (darkest > DARKER * line.level)
    offsets = np.arange(-reach, reach + 1)[:, None]
    # The soft edge of a line fades out beside what is set.
    own = (np.abs(offsets) <= half) | ((offsets >= top - 1) & (offsets <= bottom))
    places = line.rows + offsets
    gone = own & ~crossed & (places >= 0) & (places < ink.shape[0])
    columns = np.broadcast_to(np.arange(ink.shape[1]), places.shape)
    ink[places[gone], columns[gone]] = 0
