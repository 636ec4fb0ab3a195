"""Colour to the one channel in which strokes stand out."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

from tsexplorer.imaging.illumination import even_frame, surface
from tsexplorer.imaging.resampling import thumbnail
from tsexplorer.imaging.types import Bytes

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


SCALES = (1.5, 4.0, 10.0, 20.0)
"""Standard deviations, in pixels of the small picture, of what counts as the surroundings."""


def light_on_dark(grey: Bytes) -> bool:
    """Whether strokes are lighter than their ground.

    Strokes are narrow and their ground is wide, so that what differs from its surroundings leans
    to the strokes' side: the third moment of the differences has their sign. The edge of a shadow
    differs to both sides alike.
    """
    look = thumbnail(grey, LOOK).astype(np.float32)
    ground = even_frame(look)
    if ground is not None:
        # A drawing, or a figure cut out: what lies all around is the ground.
        return float(((look - ground) ** 3).mean()) > 0
    look = look - surface(look)
    return sum(_lean(look, scale) for scale in SCALES) > 0


def _lean(look: np.ndarray, scale: float) -> float:
    around = ndimage.gaussian_filter(look, scale, mode="nearest", truncate=2)
    detail = look - around
    return float(((detail - np.median(detail)) ** 3).mean())
