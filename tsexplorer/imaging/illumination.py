"""Uneven light: what the ground would look like without strokes, and the strokes without it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from tsexplorer.imaging.resampling import thumbnail
from tsexplorer.imaging.types import Bytes, Ink

LOOK = 192
WINDOWS = (5, 7, 11, 17, 27, 41, 61)
"""Sides of the window, in pixels of the small picture, in which some ground must be seen."""
SHARPEST, SHARP_SHARE = 0.5, 0.002
"""Edges are what is half as sharp as the sharpest two of a thousand pixels."""
CONTRAST = 1.2
SEEN = 0.7
NEARLY_ALL = 0.8
WIDER = 1.5
"""Where strokes meet they are thicker than along their way."""
EVEN_SHARE, EVEN_FRAMED_SHARE, EVEN_FRAME, EVEN_BY = 0.5, 0.1, 0.7, 2
"""A ground is even if half of all pixels are of one level, give or take two, and most of those at
the picture's edge; if nearly all of those are, a tenth of all is enough."""
DARKEST = 24
"""Ground darker than this is not made brighter: there is nothing but noise in it."""


def evened(grey: Bytes, inverted: bool) -> tuple[Ink, bool]:
    """How much each pixel differs from its ground towards the strokes, and whether light was even.

    Args:
        grey: uint8 H×W.
        inverted: whether strokes are lighter than their ground.

    Returns:
        0 for the ground; for dark strokes the share of the ground's light that they take away,
        for light strokes the light that they add as a share of white.
    """
    dark = 255 - grey if inverted else grey
    level = _even_ground(dark)
    ground = np.float32(level) if level is not None else _ground(dark)
    # On a dark board the light cannot be seen: what strokes add is not divided by it.
    ink = (ground - dark) / np.float32(255) if inverted else 1 - dark / np.maximum(ground, DARKEST)
    if level is None:
        rows, columns = (max(1, side // 200) for side in ink.shape)
        ink -= np.median(ink[::rows, ::columns])
    return ink.astype(np.float32, copy=False), level is not None


def _even_ground(dark: Bytes) -> int | None:
    """The one level of a drawing's or a screenshot's ground; None where it varies."""
    counts = np.bincount(dark.ravel(), minlength=256)
    near = np.convolve(counts, np.ones(2 * EVEN_BY + 1), "same")
    level = int(near.argmax())
    around = even_frame(dark)
    if around is not None:
        # A figure that is cut out closely leaves little of its ground, but all around it.
        level, share = int(around), EVEN_FRAMED_SHARE
    elif frame_share(dark, level, EVEN_BY) >= EVEN_FRAME:
        share = EVEN_SHARE
    else:
        return None
    if near[level] < share * dark.size:
        return None
    return int(np.argmax(counts * (np.abs(np.arange(256) - level) <= EVEN_BY)))


def _ground(dark: Bytes) -> Ink:
    """What the light is like everywhere: a smooth surface, and what departs from it."""
    small = thumbnail(dark, 2 * LOOK)
    fine = np.log(np.maximum(small, np.float32(DARKEST)))
    half = np.asarray(Image.fromarray(small).reduce(2))
    look = np.log(np.maximum(half, np.float32(DARKEST)))
    smooth = surface(look, towards_light=True)
    rest = look - smooth
    window = _window(rest, fine)
    # A grey closing: the lightest nearby, taken back from where that reaches too far.
    soft = ndimage.gaussian_filter(_closing(rest, window), window / 4)
    ground = Image.fromarray(np.exp(soft + smooth))
    return np.asarray(ground.resize(dark.shape[::-1], Image.Resampling.BICUBIC))


def _window(look: Ink, fine: Ink) -> int:
    """The smallest window that sees ground from everywhere on the strokes.

    Strokes have sharp edges and shadows soft ones. A window is large enough when, at sharp edges,
    the closing finds at least the contrast that the edge itself shows, and the next window hardly
    more. The smaller it is, the closer the ground follows the light.

    Args:
        look: H×W.
        fine: the same at twice the size, where strokes are sharper.
    """
    sharp = _sharpness(fine)
    rows, columns = np.nonzero(sharp >= SHARPEST * np.quantile(sharp, 1 - SHARP_SHARE))
    edges = np.minimum(rows // 2, len(look) - 1), np.minimum(columns // 2, look.shape[1] - 1)
    least = CONTRAST * _sharpness(look)[edges]
    inked = [(_closing(look, window) - look)[edges] for window in WINDOWS]
    for window, (here, after) in zip(WINDOWS, pairwise(inked), strict=False):
        if ((here >= least) & (here >= SEEN * after)).mean() >= NEARLY_ALL:
            return int(WIDER * window) | 1
    return WINDOWS[-1]


def _sharpness(look: Ink) -> Ink:
    """By how much a pixel is darker than what is close around it."""
    return np.asarray(ndimage.gaussian_filter(look, 1.5) - look)


def _closing(look: Ink, window: int) -> Ink:
    # Outside the picture nothing is known, neither light nor dark.
    wide = ndimage.maximum_filter(look, window, mode="constant", cval=-np.inf)
    return np.asarray(ndimage.minimum_filter(wide, window, mode="constant", cval=np.inf))


DEGREE = 3
FITS = 5
FITTED = 2000
"""About so many pixels are fitted to."""
DARKER = 4.0
"""How much less what is darker counts than what is lighter."""


def surface(look: Ink, *, towards_light: bool = False) -> Ink:
    """The polynomial of third degree through most of a small picture.

    Fitted again and again, with ever less weight on what lies far from it: strokes, shadows.

    Args:
        look: H×W.
        towards_light: whether what is darker than the surface counts even less.
    """
    y, x = (np.linspace(-1, 1, side, dtype=np.float32) for side in look.shape)
    terms = [(i, j) for i in range(DEGREE + 1) for j in range(DEGREE + 1 - i)]
    design = np.stack([np.outer(y**i, x**j) for i, j in terms], -1).astype(np.float32)
    step = max(1, int((look.size / FITTED) ** 0.5))
    some, values = design[::step, ::step].reshape(-1, len(terms)), look[::step, ::step].ravel()
    below = np.float32(DARKER if towards_light else 1)
    weights = np.ones(len(values), np.float32)
    fit = np.zeros(len(terms), np.float32)
    for _ in range(FITS):
        weighted = some * weights[:, None]
        # A little of the identity keeps a picture of few pixels solvable.
        normal = weighted.T @ some + 1e-4 * np.eye(len(terms), dtype=np.float32)
        fit = np.linalg.solve(normal, weighted.T @ values)
        away = values - some @ fit
        spread = 1.5 * float(np.median(np.abs(away))) + 1e-3
        far = (away / spread) ** 2 * np.where(away < 0, below, np.float32(1))
        weights = np.asarray(1 / (1 + far), np.float32)
    return np.asarray(design @ fit, np.float32)


FRAME_BY, FRAME_SHARE = 4, 0.9


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
