"""Colour to the one channel in which strokes stand out."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

from tsexplorer.imaging.illumination import fit_surface, uniform_border_level
from tsexplorer.imaging.resampling import thumbnail
from tsexplorer.imaging.types import UInt8Array

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""ITU-R BT.601."""
CHANNELS = ("brightness", "red", "green", "blue")
MIN_CONTRAST_GAIN = 1.4
"""A single channel has more noise than brightness: it must stand out so many times as much."""
THUMBNAIL_SIDE = 160


def to_greyscale(pixels: UInt8Array) -> tuple[UInt8Array, str]:
    """One channel of a picture, and which: brightness, or a colour channel that shows far more.

    A yellow felt pen on white is all but invisible in brightness, and dark in blue.

    Args:
        pixels: uint8 H×W, taken as it is, or H×W×3.
    """
    if pixels.ndim == 2:
        return pixels, CHANNELS[0]
    small = thumbnail(pixels, THUMBNAIL_SIDE).astype(np.float32)
    contrasts = [_contrast(small @ LUMA), *(_contrast(small[..., index]) for index in range(3))]
    best = int(np.argmax(contrasts))
    if best == 0 or contrasts[best] < MIN_CONTRAST_GAIN * contrasts[0]:
        return np.asarray(Image.fromarray(pixels).convert("L")), CHANNELS[0]
    return np.ascontiguousarray(pixels[..., best - 1]), CHANNELS[best]


def _contrast(channel: np.ndarray) -> float:
    """By how much the small things in a channel differ from what is around them."""
    detail = channel - ndimage.uniform_filter(channel, max(3, min(channel.shape) // 4))
    low, high = np.percentile(detail, (0.5, 99.5))
    return float(high - low)


SURROUND_SIGMAS = (1.5, 4.0, 10.0, 20.0)
"""Standard deviations, in pixels of the small picture, of what counts as the surroundings."""


def is_light_on_dark(grey: UInt8Array) -> bool:
    """Whether strokes are lighter than their ground.

    Strokes are narrow and their ground is wide, so that what differs from its surroundings leans
    to the strokes' side: the third moment of the differences has their sign. The edge of a shadow
    differs to both sides alike.
    """
    small = thumbnail(grey, THUMBNAIL_SIDE).astype(np.float32)
    background = uniform_border_level(small)
    if background is not None:
        # A drawing, or a figure cut out: what lies all around is the ground.
        return float(((small - background) ** 3).mean()) > 0
    small = small - fit_surface(small)
    return sum(_third_moment(small, sigma) for sigma in SURROUND_SIGMAS) > 0


def _third_moment(small: np.ndarray, sigma: float) -> float:
    surround = ndimage.gaussian_filter(small, sigma, mode="nearest", truncate=2)
    detail = small - surround
    return float(((detail - np.median(detail)) ** 3).mean())
