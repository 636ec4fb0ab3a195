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

from tsexplorer.imaging.resampling import any_of_blocks
from tsexplorer.imaging.segmentation import Levels
from tsexplorer.imaging.types import Ink, Mask

SLOPES = np.tan(np.deg2rad(np.arange(-17, 17.01, 0.5)))
LOOK = 240
COVERED = 0.5
"""A line shows along at least this share of its way through the picture."""
CANDIDATE = 0.4
SHORTEST = 0.12
"""Of a way across a corner, as a share of the picture's width."""
ENDS = 0.04
FAMILY = 3
"""So many lines need not reach the sides: the paper may end inside the picture."""
ALIKE, BOLDER = 1.3, 1.6
PARALLEL, CONVERGING = 0.04, 0.12
"""By how much slopes of lines of one family differ."""
THICKEST = 0.045
"""Of a line, as a share of the picture's shorter side."""
DARKER = 1.5
"""What is so many times as dark as a line is a stroke on it."""
HIGHER = 1.6
"""What is so many times as high as a line is thick crosses it."""
MOST = 80
CHUNKS = 16
BEND = 3
"""A line may lie so many pixels beside a straight way."""
Places = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Line:
    """One printed line.

    Attributes:
        rows: the row of its middle in each column.
        thickness: in pixels.
        level: its ink.
        reaches: whether it goes on to both sides of the picture.
        slope: rows down for each column to the right.
        long: whether its way through the picture is long enough to be no accident.
    """

    rows: Places
    thickness: int
    level: float
    reaches: bool
    slope: float
    long: bool


def without_lines(ink: Ink, levels: Levels, paper: Mask | None = None) -> tuple[Ink, int]:
    """Take out printed lines.

    Args:
        ink: of each pixel.
        levels: its levels.
        paper: where lines can be; None for everywhere.

    Returns:
        the ink that is left, and how many lines there were.
    """
    left, count = ink.copy(), 0
    paper = np.ones(ink.shape, bool) if paper is None else paper
    for turned in (False, True):
        here, ground = (left.T, paper.T) if turned else (left, paper)
        standing = here > levels.floor
        # Upright ones that do not reach the sides may be 111; on squared paper they are not alone.
        lines = _printed(_followed_all(here, standing, ground), sure_only=turned and count == 0)
        for line in lines:
            _erase(here, standing, line)
        count += len(lines)
    return left, count


def _followed_all(ink: Ink, standing: Mask, paper: Mask) -> list[Line]:
    """Every line once, though several ways lead to it."""
    lines: list[Line] = []
    for row, slope in _candidates(standing):
        straight = row + slope * _from_middle(standing.shape[1])
        if all(np.abs(line.rows - straight).mean() > _apart(line) for line in lines):
            line = _followed(ink, standing, paper, straight)
            if line and all(np.abs(line.rows - one.rows).mean() > _apart(one) for one in lines):
                lines.append(line)
    return lines


def _apart(line: Line) -> float:
    return max(3.0, 1.5 * line.thickness)


def _printed(lines: list[Line], *, sure_only: bool) -> list[Line]:
    """Those that go through the picture, and others like them; one that is unlike many is none."""
    sure = [line for line in lines if line.reaches]
    long = [line for line in lines if line.long]
    models = sure or (long if len(long) >= FAMILY and not sure_only else [])
    if len(models) < FAMILY:
        return models
    level, thickness, slope = (
        float(np.median([getattr(line, name) for line in models]))
        for name in ("level", "thickness", "slope")
    )

    def alike(line: Line) -> bool:
        # One that reaches both sides may be bolder, and lead to another vanishing point.
        times = BOLDER if line.reaches else ALIKE
        apart = CONVERGING if line.reaches or line.long else PARALLEL
        return (
            line.level <= times * level
            and line.thickness <= times * thickness + 1
            and abs(line.slope - slope) <= apart
        )

    return [line for line in lines if alike(line)]


def _candidates(standing: Mask) -> list[tuple[float, float]]:
    """Straight ways that are mostly inked, the best first: row in the middle column, and slope."""
    factor = -(-max(standing.shape) // LOOK)
    small = any_of_blocks(standing, factor)
    height, width = small.shape
    margin = int(SLOPES.max() * width / 2) + 2
    y, x = np.nonzero(small)
    # One row of counters for each slope: how much ink lies on each way.
    rows = np.rint(y - SLOPES[:, None] * (x - (width - 1) / 2)).astype(np.intp) + margin
    bins = height + 2 * margin
    rows += bins * np.arange(len(SLOPES))[:, None]
    counts = np.bincount(rows.ravel(), minlength=bins * len(SLOPES)).reshape(-1, bins)
    inside = _columns_inside(np.arange(bins) - margin, (height, width))
    covered = np.where(inside >= SHORTEST * width, counts / np.maximum(inside, 1), 0)

    # Where it is covered as well a little aside, it lies in something thick. Two distances, as at
    # one of them there may be the next line.
    half = _thickest(standing) // (2 * factor) + 2
    beside = np.min(
        [np.maximum(np.roll(covered, by, 1), np.roll(covered, -by, 1)) for by in (half, half + 2)],
        axis=0,
    )
    least = max(CANDIDATE, 2 * float(small.mean()))
    slopes, places = np.nonzero((covered >= least) & (covered - beside >= CANDIDATE / 2))
    order = np.argsort(-covered[slopes, places], kind="stable")
    # A way's place is its rows at both sides: close to those of a better way, it is the same.
    ends = (places - margin)[:, None] + SLOPES[slopes, None] * np.array([-width / 2, width / 2])
    kept: list[int] = []
    for one in order:
        if not kept or np.abs(ends[kept] - ends[one]).max(1).min() > 3:
            kept.append(int(one))
        if len(kept) == MOST:
            break
    return [
        ((float(places[one]) - margin + 0.5) * factor - 0.5, float(SLOPES[slopes[one]]))
        for one in kept
    ]


def _columns_inside(rows: Places, shape: tuple[int, int]) -> NDArray[np.float64]:
    """In how many columns the ways, slopes × rows, lie inside the picture."""
    height, width = shape
    slopes = np.where(np.abs(SLOPES) < 1e-6, 1e-6, SLOPES)[:, None]
    first, last = (-0.5 - rows) / slopes, (height - 0.5 - rows) / slopes
    half = width / 2
    reach = np.maximum(first, last).clip(-half, half) - np.minimum(first, last).clip(-half, half)
    return np.asarray(reach)


def _from_middle(width: int) -> NDArray[Any]:
    return np.arange(width) - (width - 1) / 2


def _followed(ink: Ink, standing: Mask, paper: Mask, straight: NDArray[np.float64]) -> Line | None:
    """The line near a straight way, chunk by chunk; None if there is none that is thin."""
    width = standing.shape[1]
    rows = np.rint(straight).astype(np.intp)
    starts = np.linspace(0, width, min(CHUNKS, width // 8 or 1) + 1).astype(int)
    near = _strip(standing, rows, BEND)
    profiles = np.add.reduceat(near, starts[:-1], axis=1, dtype=float) / np.diff(starts)
    top = profiles.max(0)
    known = np.flatnonzero(top > 0.3)
    if not len(known):
        return None
    # The middle of the best rows; where nothing is seen, straight on between its neighbours.
    best = profiles >= 0.8 * top
    shifts = (best * np.arange(-BEND, BEND + 1)[:, None]).sum(0) / best.sum(0)
    middles = (starts[:-1] + starts[1:]) / 2
    bend = np.interp(np.arange(width), middles[known], shifts[known])
    return _measured(ink, standing, paper, np.rint(straight + bend).astype(np.intp))


def _thickest(standing: Mask) -> int:
    return max(4, int(THICKEST * min(standing.shape)))


def _strip(array: NDArray[Any], rows: Places, reach: int) -> NDArray[Any]:
    """So many pixels above and below a row in each column; 0 outside the picture."""
    places = rows + np.arange(-reach, reach + 1)[:, None]
    height, width = array.shape
    inside = (places >= 0) & (places < height)
    here = array[places.clip(0, height - 1), np.arange(width)]
    return np.asarray(np.where(inside, here, array.dtype.type(0)))


def _measured(ink: Ink, standing: Mask, paper: Mask, rows: Places) -> Line | None:
    width = len(rows)
    reach = _thickest(standing) + BEND
    inside = _strip(paper, rows, 0)[0]
    covered = _strip(standing, rows, 1).any(0) & inside
    if inside.sum() < SHORTEST * width or covered.sum() < COVERED * inside.sum():
        return None
    top, bottom = _run(_strip(standing, rows, reach), reach)
    thickness = int(np.median((bottom - top)[covered]))
    if thickness > _thickest(standing):
        return None
    level = float(np.median(_strip(ink, rows, 1).max(0)[covered]))
    seen = covered[inside]
    end = max(3, int(ENDS * len(seen)))
    reaches = bool(seen[:end].mean() >= 0.5 and seen[-end:].mean() >= 0.5)
    slope = float(rows[-1] - rows[0]) / width
    return Line(rows, thickness, level, reaches, slope, bool(inside.sum() >= COVERED * width))


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
    top, bottom = _run(_strip(standing, line.rows, reach), reach)
    half = line.thickness // 2 + 2
    darkest = _strip(ink, line.rows, half).max(0)
    crossed = (bottom - top > HIGHER * line.thickness + 1) | (darkest > DARKER * line.level)
    offsets = np.arange(-reach, reach + 1)[:, None]
    # The soft edge of a line fades out beside what is set.
    own = (np.abs(offsets) <= half) | ((offsets >= top - 1) & (offsets <= bottom))
    places = line.rows + offsets
    gone = own & ~crossed & (places >= 0) & (places < ink.shape[0])
    columns = np.broadcast_to(np.arange(ink.shape[1]), places.shape)
    ink[places[gone], columns[gone]] = 0
