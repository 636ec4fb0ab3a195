"""Illumination correction: estimate the background without strokes, then divide or subtract it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from tsexplorer.imaging.resampling import thumbnail
from tsexplorer.imaging.types import FloatImage, InkMap, UInt8Image

# Uniform background, as in a drawing or a screenshot.
UNIFORM_TOLERANCE = 2
"""Maximum difference, in grey levels, from the background level."""
UNIFORM_SHARE, UNIFORM_BORDER_SHARE = 0.5, 0.7
"""Minimum shares of all pixels and of the border that have the background level."""
UNIFORM_FRAMED_SHARE = 0.1
"""Minimum share of all pixels where the border itself is uniform, as around a cropped digit."""
BORDER_TOLERANCE, MIN_BORDER_SHARE = 4, 0.9
"""Tolerance in grey levels and minimum share of border pixels for a uniform border."""

# Estimate of an uneven background.
THUMBNAIL_SIDE = 192
MIN_BACKGROUND = 24
"""Lowest background level that is corrected; darker background contains only noise."""
CLOSING_WINDOWS = (5, 7, 11, 17, 27, 41, 61)
"""Window sides of the grey closing in thumbnail pixels; a window must reach over a stroke."""
SHARP_EDGE_RATIO, SHARPEST_SHARE = 0.5, 0.002
"""Stroke edges are pixels with half the edge contrast of the sharpest 0.2 %."""
MIN_EDGE_CONTRAST = 1.2
"""Minimum effect of the closing at an edge pixel, as a multiple of the edge contrast."""
MIN_CONTRAST_RATIO = 0.7
"""Minimum effect of the closing, as a share of the effect of the next larger window."""
MIN_EDGE_SHARE = 0.8
"""A window is large enough if both conditions hold at this share of the edge pixels."""
WINDOW_MARGIN = 1.5
"""The window is enlarged by this factor, since strokes are thicker where they meet."""

# Polynomial fit of smooth light.
FIT_DEGREE = 3
FIT_ITERATIONS = 5
MAX_FIT_PIXELS = 2000
"""Approximate number of pixels in the fit."""
DARKER_RESIDUAL_WEIGHT = 4.0
"""Factor on the squared residual of darker pixels if the fit favours light ones."""


def correct_illumination(grey: UInt8Image, light_strokes: bool) -> tuple[InkMap, bool]:
    """Difference of each pixel from its background, in the direction of the strokes.

    Args:
        grey: uint8 H×W.
        light_strokes: whether strokes are lighter than the background.

    Returns:
        the ink map, and whether the background is uniform. Ink is 0 on the background. Dark
        strokes have the share of the background's light that they absorb, light strokes the light
        that they add as a share of white.
    """
    dark_strokes = 255 - grey if light_strokes else grey
    level = _uniform_background_level(dark_strokes)
    background = np.float32(level) if level is not None else _estimate_background(dark_strokes)
    if light_strokes:
        # On a dark board the illumination cannot be measured, so nothing is divided by it.
        ink = (background - dark_strokes) / np.float32(255)
    else:
        ink = 1 - dark_strokes / np.maximum(background, MIN_BACKGROUND)
    if level is None:
        rows, columns = (max(1, side // 200) for side in ink.shape)
        ink -= np.median(ink[::rows, ::columns])
    return ink.astype(np.float32, copy=False), level is not None


def fit_surface(image: FloatImage, *, favour_light: bool = False) -> FloatImage:
    """Fit a cubic polynomial to a small picture, robust to strokes and shadows.

    Iteratively reweighted least squares with Cauchy weights: pixels far from the surface count
    less in the next iteration.

    Args:
        image: H×W.
        favour_light: whether pixels darker than the surface get even less weight.

    Returns:
        the polynomial at each pixel, H×W.
    """
    y, x = (np.linspace(-1, 1, side, dtype=np.float32) for side in image.shape)
    terms = [(i, j) for i in range(FIT_DEGREE + 1) for j in range(FIT_DEGREE + 1 - i)]
    design = np.stack([np.outer(y**i, x**j) for i, j in terms], -1).astype(np.float32)
    step = max(1, int((image.size / MAX_FIT_PIXELS) ** 0.5))
    samples, values = design[::step, ::step].reshape(-1, len(terms)), image[::step, ::step].ravel()
    darker_weight = np.float32(DARKER_RESIDUAL_WEIGHT if favour_light else 1)
    weights = np.ones(len(values), np.float32)
    coefficients = np.zeros(len(terms), np.float32)
    for _ in range(FIT_ITERATIONS):
        weighted = samples * weights[:, None]
        # The small ridge term keeps the system solvable for pictures of few pixels.
        normal = weighted.T @ samples + 1e-4 * np.eye(len(terms), dtype=np.float32)
        coefficients = np.linalg.solve(normal, weighted.T @ values)
        residuals = values - samples @ coefficients
        spread = 1.5 * float(np.median(np.abs(residuals))) + 1e-3
        distance = (residuals / spread) ** 2 * np.where(residuals < 0, darker_weight, np.float32(1))
        weights = np.asarray(1 / (1 + distance), np.float32)
    return np.asarray(design @ coefficients, np.float32)


def uniform_border_level(pixels: NDArray[Any]) -> float | None:
    """Median level of the border pixels if nearly all of them are close to it; else None.

    Args:
        pixels: H×W, 0...255.
    """
    level = float(np.median(_border_pixels(pixels)))
    return level if border_share(pixels, level, BORDER_TOLERANCE) >= MIN_BORDER_SHARE else None


def border_share(pixels: NDArray[Any], level: float, tolerance: float) -> float:
    """Share of the border pixels that differ from ``level`` by at most ``tolerance``."""
    return float((np.abs(_border_pixels(pixels).astype(np.float32) - level) <= tolerance).mean())


def _border_pixels(pixels: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]])


def _uniform_background_level(dark_strokes: UInt8Image) -> int | None:
    """Grey level of a uniform background; None if the background varies."""
    counts = np.bincount(dark_strokes.ravel(), minlength=256)
    level_counts = np.convolve(counts, np.ones(2 * UNIFORM_TOLERANCE + 1), "same")
    level = int(level_counts.argmax())
    border_level = uniform_border_level(dark_strokes)
    if border_level is not None:
        # A tightly cropped digit leaves little background, but all around it.
        level, min_share = int(border_level), UNIFORM_FRAMED_SHARE
    elif border_share(dark_strokes, level, UNIFORM_TOLERANCE) >= UNIFORM_BORDER_SHARE:
        min_share = UNIFORM_SHARE
    else:
        return None
    if level_counts[level] < min_share * dark_strokes.size:
        return None
    return int(np.argmax(counts * (np.abs(np.arange(256) - level) <= UNIFORM_TOLERANCE)))


def _estimate_background(dark_strokes: UInt8Image) -> FloatImage:
    """Uneven background: a smooth surface, plus shadows by a grey closing of the residual."""
    small = thumbnail(dark_strokes, 2 * THUMBNAIL_SIDE)
    log_fine = np.log(np.maximum(small, np.float32(MIN_BACKGROUND)))
    half = np.asarray(Image.fromarray(small).reduce(2))
    log_small = np.log(np.maximum(half, np.float32(MIN_BACKGROUND)))
    smooth = fit_surface(log_small, favour_light=True)
    residual = log_small - smooth
    window = _choose_closing_window(residual, log_fine)
    closed = ndimage.gaussian_filter(_grey_closing(residual, window), window / 4)
    background = Image.fromarray(np.exp(closed + smooth))
    return np.asarray(background.resize(dark_strokes.shape[::-1], Image.Resampling.BICUBIC))


def _choose_closing_window(residual: FloatImage, log_fine: FloatImage) -> int:
    """Smallest window that contains background at every stroke pixel.

    Strokes have sharp edges and shadows have soft ones. At sharp edges, the closing of a window
    that is large enough shows at least the contrast of the edge, and the next window hardly more.
    A smaller window follows the illumination more closely.

    Args:
        residual: logarithm of the thumbnail without the smooth surface, H×W.
        log_fine: logarithm of the thumbnail at twice the size, where strokes are sharper.
    """
    fine_contrast = _edge_contrast(log_fine)
    min_sharpness = SHARP_EDGE_RATIO * np.quantile(fine_contrast, 1 - SHARPEST_SHARE)
    rows, columns = np.nonzero(fine_contrast >= min_sharpness)
    height, width = residual.shape
    edges = np.minimum(rows // 2, height - 1), np.minimum(columns // 2, width - 1)
    min_contrast = MIN_EDGE_CONTRAST * _edge_contrast(residual)[edges]
    contrasts = [(_grey_closing(residual, window) - residual)[edges] for window in CLOSING_WINDOWS]
    for window, (contrast, next_contrast) in zip(
        CLOSING_WINDOWS, pairwise(contrasts), strict=False
    ):
        is_enough = (contrast >= min_contrast) & (contrast >= MIN_CONTRAST_RATIO * next_contrast)
        if is_enough.mean() >= MIN_EDGE_SHARE:
            return int(WINDOW_MARGIN * window) | 1
    return CLOSING_WINDOWS[-1]


def _edge_contrast(log_image: FloatImage) -> FloatImage:
    """How much darker a pixel is than its close surround."""
    return np.asarray(ndimage.gaussian_filter(log_image, 1.5) - log_image)


def _grey_closing(image: FloatImage, window: int) -> FloatImage:
    """Maximum filter, then minimum filter; pixels outside the picture are ignored by both."""
    dilated = ndimage.maximum_filter(image, window, mode="constant", cval=-np.inf)
    return np.asarray(ndimage.minimum_filter(dilated, window, mode="constant", cval=np.inf))
