"""Handwriting for synthetic pictures: digits as polylines in the unit square, y downward.

There are two sources: control points below, with several variants of each digit, and skeletons of
MNIST test digits. A pen of any width can follow both.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from tsexplorer.data.bundled_sample import load_sample

Polyline = NDArray[np.float64]
"""Points (x, y), N×2, each 0...1."""

RING = [(0.5, 0.0), (0.15, 0.15), (0.05, 0.5), (0.18, 0.87), (0.5, 1.0), (0.82, 0.85), (0.95, 0.5)]
# Each variant of a digit is a list of strokes, and each stroke is a list of control points.
VARIANTS: dict[int, list[list[list[tuple[float, float]]]]] = {
    0: [
        [[*RING, (0.85, 0.15), (0.5, 0.0)]],
        [[(0.6, 0.02), (0.3, 0.12), (0.2, 0.5), (0.32, 0.9), (0.55, 1), (0.75, 0.8), (0.8, 0.4),
          (0.7, 0.1), (0.5, 0.03)]],
        [[(0.7, 0.1), (0.4, 0.0), (0.1, 0.3), (0.1, 0.7), (0.45, 1), (0.85, 0.75), (0.9, 0.3),
          (0.65, 0.05), (0.5, 0.12)]],
    ],
    1: [
        [[(0.5, 0.0), (0.5, 0.5), (0.5, 1.0)]],
        [[(0.58, 0.0), (0.5, 0.5), (0.45, 1.0)]],
        [[(0.36, 0.2), (0.47, 0.1), (0.55, 0.0)], [(0.55, 0.0), (0.54, 0.5), (0.53, 1.0)]],
    ],
    2: [
        [[(0.15, 0.22), (0.35, 0.03), (0.7, 0.05), (0.82, 0.3), (0.6, 0.6), (0.12, 1.0)],
         [(0.12, 1.0), (0.5, 0.99), (0.9, 1.0)]],
        [[(0.15, 0.2), (0.4, 0.0), (0.75, 0.12), (0.75, 0.4), (0.5, 0.7), (0.2, 0.93),
          (0.12, 0.85), (0.25, 0.78), (0.5, 0.92), (0.75, 1.0), (0.95, 0.9)]],
        [[(0.1, 0.15), (0.5, 0.0), (0.85, 0.2), (0.7, 0.55), (0.1, 0.97)],
         [(0.1, 0.97), (0.5, 0.9), (0.92, 0.96)]],
    ],
    3: [
        [[(0.15, 0.12), (0.45, 0.0), (0.8, 0.12), (0.78, 0.36), (0.42, 0.48)],
         [(0.42, 0.48), (0.82, 0.58), (0.85, 0.85), (0.5, 1.0), (0.12, 0.88)]],
        [[(0.2, 0.1), (0.6, 0.02), (0.78, 0.22), (0.6, 0.42), (0.4, 0.47), (0.65, 0.5),
          (0.85, 0.7), (0.65, 0.97), (0.3, 1.0), (0.1, 0.9)]],
        [[(0.15, 0.02), (0.5, 0.01), (0.82, 0.02)], [(0.82, 0.02), (0.6, 0.22), (0.42, 0.4)],
         [(0.42, 0.4), (0.8, 0.5), (0.85, 0.8), (0.5, 1.0), (0.15, 0.9)]],
    ],
    4: [
        [[(0.3, 0.0), (0.2, 0.3), (0.12, 0.58)], [(0.12, 0.58), (0.5, 0.57), (0.9, 0.56)],
         [(0.72, 0.05), (0.68, 0.5), (0.64, 1.0)]],
        [[(0.66, 0.0), (0.35, 0.35), (0.08, 0.66)], [(0.08, 0.66), (0.5, 0.66), (0.95, 0.65)],
         [(0.66, 0.0), (0.66, 0.5), (0.66, 1.0)]],
        [[(0.2, 0.05), (0.14, 0.3), (0.2, 0.5), (0.5, 0.52), (0.8, 0.42)],
         [(0.82, 0.0), (0.78, 0.5), (0.74, 1.0)]],
    ],
    5: [
        [[(0.25, 0.03), (0.22, 0.2), (0.18, 0.42)],
         [(0.18, 0.42), (0.5, 0.36), (0.82, 0.55), (0.75, 0.88), (0.4, 1.0), (0.1, 0.9)],
         [(0.25, 0.03), (0.55, 0.02), (0.85, 0.0)]],
        [[(0.22, 0.1), (0.2, 0.25), (0.2, 0.45)],
         [(0.2, 0.45), (0.55, 0.38), (0.8, 0.6), (0.7, 0.9), (0.4, 1.0), (0.12, 0.9)],
         [(0.32, 0.05), (0.55, 0.03), (0.82, 0.0)]],  # with a detached bar
        [[(0.88, 0.0), (0.55, 0.01), (0.3, 0.04)], [(0.3, 0.04), (0.24, 0.25), (0.2, 0.45)],
         [(0.2, 0.45), (0.6, 0.42), (0.78, 0.68), (0.6, 0.95), (0.15, 1.0)]],
    ],
    6: [
        [[(0.7, 0.0), (0.35, 0.25), (0.15, 0.65), (0.3, 0.97), (0.65, 0.97), (0.82, 0.72),
          (0.6, 0.52), (0.3, 0.6), (0.17, 0.75)]],
        [[(0.6, 0.0), (0.25, 0.35), (0.15, 0.75), (0.42, 1.0), (0.75, 0.85), (0.72, 0.6),
          (0.45, 0.53), (0.2, 0.7)]],
        [[(0.8, 0.04), (0.45, 0.1), (0.15, 0.5), (0.2, 0.88), (0.55, 1.0), (0.85, 0.78),
          (0.65, 0.5), (0.3, 0.55), (0.16, 0.7)]],
    ],
    7: [
        [[(0.1, 0.02), (0.5, 0.03), (0.9, 0.0)], [(0.9, 0.0), (0.6, 0.45), (0.42, 1.0)]],
        [[(0.1, 0.03), (0.5, 0.04), (0.88, 0.0)], [(0.88, 0.0), (0.62, 0.4), (0.4, 1.0)],
         [(0.35, 0.5), (0.55, 0.49), (0.8, 0.46)]],  # with a crossbar
        [[(0.14, 0.16), (0.14, 0.08), (0.14, 0.03)], [(0.14, 0.03), (0.5, 0.05), (0.86, 0.0)],
         [(0.86, 0.0), (0.65, 0.5), (0.58, 1.0)]],
    ],
    8: [
        [[(0.75, 0.12), (0.45, 0.0), (0.2, 0.18), (0.35, 0.4), (0.68, 0.58), (0.82, 0.82),
          (0.5, 1.0), (0.18, 0.82), (0.32, 0.58), (0.68, 0.4), (0.8, 0.2), (0.72, 0.1)]],
        [[(0.5, 0.0), (0.25, 0.1), (0.25, 0.35), (0.5, 0.47), (0.75, 0.33), (0.74, 0.1), (0.5, 0)],
         [(0.5, 0.47), (0.18, 0.62), (0.2, 0.9), (0.5, 1), (0.8, 0.88), (0.82, 0.6), (0.5, 0.47)]],
    ],
    9: [
        [[(0.78, 0.22), (0.5, 0.02), (0.2, 0.2), (0.28, 0.45), (0.6, 0.45), (0.78, 0.22)],
         [(0.78, 0.22), (0.74, 0.6), (0.68, 1.0)]],
        [[(0.8, 0.1), (0.45, 0.0), (0.2, 0.22), (0.35, 0.46), (0.68, 0.4), (0.8, 0.1)],
         [(0.8, 0.1), (0.8, 0.6), (0.6, 0.95), (0.25, 0.98)]],
        [[(0.72, 0.15), (0.42, 0.02), (0.22, 0.25), (0.42, 0.46), (0.7, 0.32), (0.75, 0.08)],
         [(0.75, 0.08), (0.68, 0.5), (0.5, 1.0)]],
    ],
}  # fmt: skip
ASPECT_RATIOS = {0: 0.72, 1: 0.62, 4: 0.7, 7: 0.68}
THINNING_SIDE = 112


def digit_polylines(digit: int, random: np.random.Generator) -> list[Polyline]:
    """A variant of a digit with random slant, width and jitter."""
    variants = VARIANTS[digit]
    variant = variants[int(random.integers(len(variants)))]
    width = ASPECT_RATIOS.get(digit, 0.62) * random.uniform(0.85, 1.15)
    slant = random.uniform(-0.05, 0.22)
    # Equal control points get equal jitter, so that strokes stay connected.
    jitter = {point: random.normal(0, 0.018, 2) for stroke in variant for point in stroke}
    lines = []
    for stroke in variant:
        points = np.array([np.add(point, jitter[point]) for point in stroke])
        curve = smooth(points)
        curve[:, 0] = (curve[:, 0] - 0.5) * width + slant * (0.5 - curve[:, 1]) + 0.5
        lines.append(curve)
    return lines


def smooth(points: NDArray[np.float64], steps: int = 12) -> Polyline:
    """A Catmull-Rom curve through control points."""
    padded = np.concatenate([[2 * points[0] - points[1]], points, [2 * points[-1] - points[-2]]])
    a, b, c, d = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    t = np.linspace(0, 1, steps, endpoint=False)[:, None, None]
    curve = 0.5 * (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    )
    return np.concatenate([curve.transpose(1, 0, 2).reshape(-1, 2), points[-1:]])


def trace_skeleton(image: NDArray[np.uint8]) -> list[Polyline]:
    """The skeleton of a 28×28 digit as short strokes between neighbouring pixels."""
    enlarged = Image.fromarray(image).resize((THINNING_SIDE,) * 2, Image.Resampling.BICUBIC)
    skeleton = thin(np.asarray(enlarged) > 110)
    # Local means of the coordinates remove the stairs of the pixel grid.
    counts = ndimage.uniform_filter(skeleton.astype(float), 5)
    grid = np.indices(skeleton.shape).astype(float)
    y, x = (ndimage.uniform_filter(axis * skeleton, 5) / np.maximum(counts, 1e-9) for axis in grid)
    lines = []
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        other = np.roll(skeleton, (-down, -right), (0, 1))
        for row, column in np.argwhere(skeleton & other):
            ends = [(row, column), (row + down, column + right)]
            lines.append(np.array([(x[end], y[end]) for end in ends]) / THINNING_SIDE)
    return lines


def count_holes(image: NDArray[np.uint8]) -> int:
    """Number of holes of a light digit on black."""
    _, count = ndimage.label(np.pad(image, 1) <= 110)
    return int(count) - 1


def thin(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Skeleton of a mask, one pixel wide (Zhang and Suen, CACM 27(3), 1984)."""
    figure = np.pad(mask, 1)
    changed = True
    while changed:
        changed = False
        for odd in (False, True):
            # The eight neighbours, clockwise from the one above.
            ring = [
                np.roll(figure, (-dy, -dx), (0, 1))
                for dy, dx in (
                    *((-1, 0), (-1, 1), (0, 1), (1, 1)),
                    *((1, 0), (1, -1), (0, -1), (-1, -1)),
                )
            ]
            count = sum(neighbour.astype(int) for neighbour in ring)
            transitions = sum(
                (~neighbour & following).astype(int)
                for neighbour, following in zip(ring, [*ring[1:], ring[0]], strict=True)
            )
            up, right, down, left = ring[0], ring[2], ring[4], ring[6]
            if odd:
                is_removable = ~(up & right & left) & ~(up & down & left)
            else:
                is_removable = ~(up & right & down) & ~(right & down & left)
            removed = figure & (count >= 2) & (count <= 6) & (transitions == 1) & is_removable
            changed |= bool(removed.any())
            figure = figure & ~removed
    return figure[1:-1, 1:-1]


def mnist_digits() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The 1,000 MNIST test digits of the repository: images N×28×28, labels N."""
    splits = load_sample("mnist")
    assert splits is not None
    return splits.test.images.numpy(), splits.test.labels.numpy()


def scale_to_unit(lines: Sequence[Polyline]) -> list[Polyline]:
    """The digit scaled to a longer side of 1 and centred at (0, 0)."""
    points = np.concatenate(lines)
    low, high = points.min(0), points.max(0)
    return [(line - (low + high) / 2) / (high - low).max() for line in lines]
