"""Uneven light: what the ground would look like without strokes, and the strokes without it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from tsexplorer.imaging.resampling import thumbnail
from tsexplorer.imaging.types import InkMap, UInt8Array

THUMBNAIL_SIDE = 192
CLOSING_WINDOWS = (5, 7, 11, 17, 27, 41, 61)
"""Sides of the window, in pixels of the small picture, in which some ground must be seen."""
SHARP_EDGE_RATIO, SHARPEST_SHARE = 0.5, 0.002
"""Edges are what is half as sharp as the sharpest two of a thousand pixels."""
MIN_EDGE_CONTRAST = 1.2
MIN_CONTRAST_RATIO = 0.7
MIN_EDGE_SHARE = 0.8
WINDOW_MARGIN = 1.5
"""Where strokes meet they are thicker than along their way."""
UNIFORM_SHARE, UNIFORM_FRAMED_SHARE, UNIFORM_BORDER_SHARE, UNIFORM_TOLERANCE = 0.5, 0.1, 0.7, 2
"""A ground is even if half of all pixels are of one level, give or take two, and most of those at
the picture's edge; if nearly all of those are, a tenth of all is enough."""
MIN_BACKGROUND = 24
"""Ground darker than this is not made brighter: there is nothing but noise in it."""


def correct_illumination(grey: UInt8Array, light_strokes: bool) -> tuple[InkMap, bool]:
    """How much each pixel differs from its ground towards the strokes, and whether light was even.

    Args:
        grey: uint8 H×W.
        light_strokes: whether strokes are lighter than their ground.

    Returns:
        0 for the ground; for dark strokes the share of the ground's light that they take away,
        for light strokes the light that they add as a share of white.
    """
    dark_strokes = 255 - grey if light_strokes else grey
    level = _uniform_background_level(dark_strokes)
    background = np.float32(level) if level is not None else _estimate_background(dark_strokes)
    # On a dark board the light cannot be seen: what strokes add is not divided by it.
    ink = (
        (background - dark_strokes) / np.float32(255)
        if light_strokes
        else 1 - dark_strokes / np.maximum(background, MIN_BACKGROUND)
    )
    if level is None:
        rows, columns = (max(1, side // 200) for side in ink.shape)
        ink -= np.median(ink[::rows, ::columns])
    return ink.astype(np.float32, copy=False), level is not None


def _uniform_background_level(dark_strokes: UInt8Array) -> int | None:
    """The one level of a drawing's or a screenshot's ground; None where it varies."""
    counts = np.bincount(dark_strokes.ravel(), minlength=256)
    level_counts = np.convolve(counts, np.ones(2 * UNIFORM_TOLERANCE + 1), "same")
    level = int(level_counts.argmax())
    border_level = uniform_border_level(dark_strokes)
    if border_level is not None:
        # A figure that is cut out closely leaves little of its ground, but all around it.
        level, share = int(border_level), UNIFORM_FRAMED_SHARE
    elif border_share(dark_strokes, level, UNIFORM_TOLERANCE) >= UNIFORM_BORDER_SHARE:
        share = UNIFORM_SHARE
    else:
        return None
    if level_counts[level] < share * dark_strokes.size:
        return None
    return int(np.argmax(counts * (np.abs(np.arange(256) - level) <= UNIFORM_TOLERANCE)))


def _estimate_background(dark_strokes: UInt8Array) -> InkMap:
    """What the light is like everywhere: a smooth surface, and what departs from it."""
    small = thumbnail(dark_strokes, 2 * THUMBNAIL_SIDE)
    log_fine = np.log(np.maximum(small, np.float32(MIN_BACKGROUND)))
    half = np.asarray(Image.fromarray(small).reduce(2))
    log_small = np.log(np.maximum(half, np.float32(MIN_BACKGROUND)))
    smooth = fit_surface(log_small, favour_light=True)
    residual = log_small - smooth
    window = _choose_closing_window(residual, log_fine)
    # A grey closing: the lightest nearby, taken back from where that reaches too far.
    closed = ndimage.gaussian_filter(_closing(residual, window), window / 4)
    background = Image.fromarray(np.exp(closed + smooth))
    return np.asarray(background.resize(dark_strokes.shape[::-1], Image.Resampling.BICUBIC))


def _choose_closing_window(residual: InkMap, log_fine: InkMap) -> int:
    """The smallest window that sees ground from everywhere on the strokes.

    Strokes have sharp edges and shadows soft ones. A window is large enough when, at sharp edges,
    the closing finds at least the contrast that the edge itself shows, and the next window hardly
    more. The smaller it is, the closer the ground follows the light.

    Args:
        residual: H×W.
        log_fine: the same at twice the size, where strokes are sharper.
    """
    edge_contrast = _edge_contrast(log_fine)
    rows, columns = np.nonzero(
        edge_contrast >= SHARP_EDGE_RATIO * np.quantile(edge_contrast, 1 - SHARPEST_SHARE)
    )
    edges = (
        np.minimum(rows // 2, len(residual) - 1),
        np.minimum(columns // 2, residual.shape[1] - 1),
    )
    min_contrast = MIN_EDGE_CONTRAST * _edge_contrast(residual)[edges]
    closing_contrasts = [
        (_closing(residual, window) - residual)[edges] for window in CLOSING_WINDOWS
    ]
    for window, (contrast, next_contrast) in zip(
        CLOSING_WINDOWS, pairwise(closing_contrasts), strict=False
    ):
        if (
            (contrast >= min_contrast) & (contrast >= MIN_CONTRAST_RATIO * next_contrast)
        ).mean() >= MIN_EDGE_SHARE:
            return int(WINDOW_MARGIN * window) | 1
    return CLOSING_WINDOWS[-1]


def _edge_contrast(log_image: InkMap) -> InkMap:
    """By how much a pixel is darker than what is close around it."""
    return np.asarray(ndimage.gaussian_filter(log_image, 1.5) - log_image)


def _closing(residual: InkMap, window: int) -> InkMap:
    # Outside the picture nothing is known, neither light nor dark.
    dilated = ndimage.maximum_filter(residual, window, mode="constant", cval=-np.inf)
    return np.asarray(ndimage.minimum_filter(dilated, window, mode="constant", cval=np.inf))


FIT_DEGREE = 3
FIT_ITERATIONS = 5
MAX_FIT_PIXELS = 2000
"""About so many pixels are fitted to."""
DARKER_RESIDUAL_WEIGHT = 4.0
"""How much less what is darker counts than what is lighter."""


def fit_surface(image: InkMap, *, favour_light: bool = False) -> InkMap:
    """The polynomial of third degree through most of a small picture.

    Fitted again and again, with ever less weight on what lies far from it: strokes, shadows.

    Args:
        image: H×W.
        favour_light: whether what is darker than the surface counts even less.
    """
    y, x = (np.linspace(-1, 1, side, dtype=np.float32) for side in image.shape)
    terms = [(i, j) for i in range(FIT_DEGREE + 1) for j in range(FIT_DEGREE + 1 - i)]
    design = np.stack([np.outer(y**i, x**j) for i, j in terms], -1).astype(np.float32)
    step = max(1, int((image.size / MAX_FIT_PIXELS) ** 0.5))
    samples, values = design[::step, ::step].reshape(-1, len(terms)), image[::step, ::step].ravel()
    below_weight = np.float32(DARKER_RESIDUAL_WEIGHT if favour_light else 1)
    weights = np.ones(len(values), np.float32)
    coefficients = np.zeros(len(terms), np.float32)
    for _ in range(FIT_ITERATIONS):
        weighted = samples * weights[:, None]
        # A little of the identity keeps a picture of few pixels solvable.
        normal = weighted.T @ samples + 1e-4 * np.eye(len(terms), dtype=np.float32)
        coefficients = np.linalg.solve(normal, weighted.T @ values)
        residuals = values - samples @ coefficients
        spread = 1.5 * float(np.median(np.abs(residuals))) + 1e-3
        distance = (residuals / spread) ** 2 * np.where(residuals < 0, below_weight, np.float32(1))
        weights = np.asarray(1 / (1 + distance), np.float32)
    return np.asarray(design @ coefficients, np.float32)


BORDER_TOLERANCE, MIN_BORDER_SHARE = 4, 0.9


def uniform_border_level(pixels: NDArray[Any]) -> float | None:
    """The level of a picture's outermost pixels, if nearly all of them are alike; else None.

    Args:
        pixels: H×W, 0...255.
    """
    level = float(np.median(_border_pixels(pixels)))
    return level if border_share(pixels, level, BORDER_TOLERANCE) >= MIN_BORDER_SHARE else None


def border_share(pixels: NDArray[Any], level: float, tolerance: float) -> float:
    """The share of a picture's outermost pixels that are of one level, give or take ``tolerance``."""
    return float((np.abs(_border_pixels(pixels).astype(np.float32) - level) <= tolerance).mean())


def _border_pixels(pixels: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]])
