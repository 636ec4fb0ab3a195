"""Greyscale conversion: the colour channel with the best contrast, and the polarity of strokes."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

from tsexplorer.imaging.illumination import fit_surface, uniform_border_level
from tsexplorer.imaging.resampling import thumbnail
from tsexplorer.imaging.types import FloatImage, UInt8Image

THUMBNAIL_SIDE = 160
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in the brightness (ITU-R BT.601)."""
CHANNELS = ("brightness", "red", "green", "blue")
MIN_CONTRAST_GAIN = 1.4
"""A colour channel is noisier than brightness, so it needs this multiple of its contrast."""
SURROUND_SIGMAS = (1.5, 4.0, 10.0, 20.0)
"""Standard deviations of the Gaussian filters that give a pixel's surround, in thumbnail pixels."""


def to_greyscale(pixels: UInt8Image) -> tuple[UInt8Image, str]:
    """Choose one channel: brightness, or a colour channel with much more contrast.

    A yellow felt pen on white, for example, is nearly invisible in brightness and dark in blue.

    Args:
        pixels: uint8 H×W×3, or H×W, which is returned unchanged.

    Returns:
        the channel, uint8 H×W, and its name, one of :data:`CHANNELS`.
    """
    if pixels.ndim == 2:
        return pixels, CHANNELS[0]
    small = thumbnail(pixels, THUMBNAIL_SIDE).astype(np.float32)
    contrasts = [_contrast(small @ LUMA), *(_contrast(small[..., index]) for index in range(3))]
    best = int(np.argmax(contrasts))
    if best == 0 or contrasts[best] < MIN_CONTRAST_GAIN * contrasts[0]:
        return np.asarray(Image.fromarray(pixels).convert("L")), CHANNELS[0]
    return np.ascontiguousarray(pixels[..., best - 1]), CHANNELS[best]


def is_light_on_dark(grey: UInt8Image) -> bool:
    """Whether strokes are lighter than their background.

    Strokes are narrow and the background is wide, so the differences from a local mean are skewed
    towards the strokes: their third central moment has the sign of the strokes. A shadow's edge is
    symmetric and adds nothing.

    Args:
        grey: uint8 H×W.
    """
    small = thumbnail(grey, THUMBNAIL_SIDE).astype(np.float32)
    background = uniform_border_level(small)
    if background is not None:
        # A drawing or a tightly cropped digit: the border is background.
        return float(((small - background) ** 3).mean()) > 0
    small = small - fit_surface(small)
    return sum(_third_moment(small, sigma) for sigma in SURROUND_SIGMAS) > 0


def _contrast(channel: FloatImage) -> float:
    """Range, without outliers, of the differences from a local mean."""
    detail = channel - ndimage.uniform_filter(channel, max(3, min(channel.shape) // 4))
    low, high = np.percentile(detail, (0.5, 99.5))
    return float(high - low)


def _third_moment(image: FloatImage, sigma: float) -> float:
    """Third moment, about the median, of the differences from a Gaussian local mean."""
    surround = ndimage.gaussian_filter(image, sigma, mode="nearest", truncate=2)
    detail = image - surround
    return float(((detail - np.median(detail)) ** 3).mean())
