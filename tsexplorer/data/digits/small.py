"""Making arrays smaller, for looks that need no detail."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tsexplorer.data.digits.base import Bytes, Mask


def thumbnail(pixels: Bytes, side: int) -> Bytes:
    """The mean of each part, so that no side is longer than ``side``; H×W or H×W×3."""
    image = Image.fromarray(pixels)
    share = side / max(image.size)
    if share >= 1:
        return pixels
    size = (max(1, round(image.width * share)), max(1, round(image.height * share)))
    return np.asarray(image.resize(size, Image.Resampling.BOX))


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
