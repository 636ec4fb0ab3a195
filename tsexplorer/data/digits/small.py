"""Making arrays smaller, for looks that need no detail."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tsexplorer.data.digits.base import Bytes, Mask

FRAME_BY, FRAME_SHARE = 4, 0.9


def thumbnail(pixels: Bytes, side: int) -> Bytes:
    """The mean of each part, so that no side is longer than ``side``; H×W or H×W×3."""
    image = Image.fromarray(pixels)
    share = side / max(image.size)
    if share >= 1:
        return pixels
    size = (max(1, round(image.width * share)), max(1, round(image.height * share)))
    # In two steps, of which the first, by a whole number, is many times as fast.
    return np.asarray(image.resize(size, Image.Resampling.BOX, reducing_gap=1.5))


def even_frame(pixels: NDArray[Any]) -> float | None:
    """The level of a picture's outermost pixels, if nearly all of them are alike; else None.

    Args:
        pixels: H×W, 0...255.
    """
    level = float(np.median(_frame(pixels)))
    return level if frame_share(pixels, level, FRAME_BY) >= FRAME_SHARE else None


def frame_share(pixels: NDArray[Any], level: float, by: float) -> float:
    """The share of a picture's outermost pixels that are of one level, give or take ``by``."""
    return float((np.abs(_frame(pixels).astype(np.float32) - level) <= by).mean())


def _frame(pixels: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]])


def any_of_blocks(mask: Mask, factor: int) -> Mask:
    """Whether anything is set in each ``factor``×``factor`` pixels, so that nothing thin is lost.

    >>> any_of_blocks(np.eye(5, dtype=bool), 2).astype(int).tolist()
    [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    """
    if factor == 1:
        return mask
    height, width = (-(-side // factor) * factor for side in mask.shape)
    padded = np.zeros((height, width), bool)
    padded[: mask.shape[0], : mask.shape[1]] = mask
    blocks = padded.reshape(height // factor, factor, width // factor, factor)
    return np.asarray(blocks.any((1, 3)))
