"""Ink maps and grey pictures of single strokes and digits, for tests of single steps."""

from __future__ import annotations

import numpy as np

from tests.imaging.synthetic_scenes import stroke_cover
from tests.imaging.synthetic_strokes import digit_polylines, scale_to_unit
from tsexplorer.imaging.types import InkMap, UInt8Image

HEIGHT, WIDTH = 300, 400


def random_generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def stroke_ink(*points: tuple[float, float], width: float = 8) -> InkMap:
    """Ink map, H×W, of a stroke through points (x, y)."""
    return stroke_cover([np.array(points)], (HEIGHT, WIDTH), width)


def digit_ink(digit: int, width: float = 8, size: float = 150) -> InkMap:
    """Ink map, H×W, of a digit in the middle."""
    unit = scale_to_unit(digit_polylines(digit, random_generator(digit)))
    lines = [line * size + (WIDTH / 2, HEIGHT / 2) for line in unit]
    return stroke_cover(lines, (HEIGHT, WIDTH), width)


def on_paper(ink: InkMap, paper_level: float = 230, ink_level: float = 40) -> UInt8Image:
    """Grey picture of an ink map on paper."""
    return (paper_level + (ink_level - paper_level) * ink).astype(np.uint8)
