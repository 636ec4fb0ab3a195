"""Colour to the one channel in which strokes stand out."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

from tsexplorer.data.digits.base import Bytes
from tsexplorer.data.digits.small import thumbnail

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""ITU-R BT.601."""
CHANNELS = ("brightness", "red", "green", "blue")
CLEARLY_BETTER = 1.4
"""A single channel has more noise than brightness: it must stand out so many times as much."""
LOOK = 160


def grey(pixels: Bytes) -> tuple[Bytes, str]:
    """One channel of a picture, and which: brightness, or a colour channel that shows far more.

    A yellow felt pen on white is all but invisible in brightness, and dark in blue.

    Args:
        pixels: uint8 H×W, taken as it is, or H×W×3.
    """
    if pixels.ndim == 2:
        return pixels, CHANNELS[0]
    look = thumbnail(pixels, LOOK).astype(np.float32)
    contrasts = [_contrast(look @ LUMA), *(_contrast(look[..., one]) for one in range(3))]
    best = int(np.argmax(contrasts))
    if best == 0 or contrasts[best] < CLEARLY_BETTER * contrasts[0]:
        return np.asarray(Image.fromarray(pixels).convert("L")), CHANNELS[0]
    return np.ascontiguousarray(pixels[..., best - 1]), CHANNELS[best]


def _contrast(channel: np.ndarray) -> float:
    """By how much the small things in a channel differ from what is around them."""
    detail = channel - ndimage.uniform_filter(channel, max(3, min(channel.shape) // 4))
    low, high = np.percentile(detail, (0.5, 99.5))
    return float(high - low)
