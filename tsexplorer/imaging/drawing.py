"""Drawings from the browser as pictures: strokes of a pen, or the pixels of a canvas.

The browser can send anything, so all input is checked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from tsexplorer.errors import UserError
from tsexplorer.imaging.resampling import downsample
from tsexplorer.imaging.types import WORKING_SIDE, Picture, UInt8Image

DRAWING_NAME = "the drawing"
MIN_SIDE, MAX_SIDE = 8, 2000
MAX_POINTS = 50_000
SUPERSAMPLING = 2
"""Strokes are drawn at this multiple of the pad's size and downsampled, for soft edges."""
INVALID_DRAWING = "The drawing could not be read; clear the pad and draw it again."


@dataclass(frozen=True)
class Stroke:
    """A path of the pen from touching the pad to leaving it.

    Attributes:
        points: (x, y) in pixels of the pad, in drawing order; a single point is a dot.
        width: width of the brush in pixels of the pad.
    """

    points: tuple[tuple[float, float], ...]
    width: float


def parse_strokes(payload: object) -> tuple[Stroke, ...]:
    """Parse the JSON of a draw pad: ``[{"width": w, "points": [[x, y], ...]}, ...]``.

    Raises:
        UserError: the payload has another structure.
    """
    if not isinstance(payload, Sequence) or isinstance(payload, str | bytes):
        raise UserError(INVALID_DRAWING)
    try:
        return tuple(_parse_stroke(item) for item in payload)
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        raise UserError(INVALID_DRAWING) from error


def picture_from_strokes(strokes: Sequence[Stroke], width: int, height: int) -> Picture:
    """Draw strokes in black on white.

    Args:
        strokes: in drawing order.
        width: width of the pad in pixels.
        height: height of the pad in pixels.

    Raises:
        UserError: the pad's size or a stroke is out of range, or there are too many points.
    """
    _check_size(width, height)
    numbers = [number for stroke in strokes for number in (stroke.width, *sum(stroke.points, ()))]
    if len(numbers) > 2 * MAX_POINTS or not all(
        math.isfinite(number) and abs(number) <= 2 * MAX_SIDE for number in numbers
    ):
        raise UserError(INVALID_DRAWING)
    image = Image.new("L", (width * SUPERSAMPLING, height * SUPERSAMPLING), 255)
    canvas = ImageDraw.Draw(image)
    for stroke in strokes:
        _draw_stroke(canvas, stroke)
    pixels = np.asarray(image.reduce(SUPERSAMPLING))
    return Picture(pixels, DRAWING_NAME, 1, width, height, drawn=True)


def picture_from_canvas(canvas: UInt8Image) -> Picture:
    """Take over the pixels of a canvas; transparent pixels become paper.

    Args:
        canvas: uint8 H×W×4 (red, green, blue, opacity), H×W×3 or H×W.

    Raises:
        UserError: the array has another type or shape, or its size is out of range.
    """
    if (
        canvas.dtype != np.uint8
        or canvas.ndim not in (2, 3)
        or canvas.shape[2:] not in ((), (3,), (4,))
    ):
        raise UserError(INVALID_DRAWING)
    height, width = canvas.shape[:2]
    _check_size(width, height)
    factor = -(-max(canvas.shape) // WORKING_SIDE)
    pixels = downsample(Image.fromarray(canvas), factor)
    return Picture(pixels, DRAWING_NAME, factor, width, height, drawn=True)


def _parse_stroke(item: Mapping[str, object]) -> Stroke:
    points, width = item["points"], item["width"]
    if not isinstance(points, Sequence) or not isinstance(width, int | float):
        raise TypeError("a stroke has points and a width")
    return Stroke(tuple((float(x), float(y)) for x, y in points), float(width))


def _draw_stroke(canvas: ImageDraw.ImageDraw, stroke: Stroke) -> None:
    brush_width = max(1.0, stroke.width) * SUPERSAMPLING
    radius = brush_width / 2
    points = [(x * SUPERSAMPLING, y * SUPERSAMPLING) for x, y in stroke.points]
    if len(points) > 1:
        canvas.line(points, fill=0, width=round(brush_width))
    for x, y in points:
        canvas.ellipse((x - radius, y - radius, x + radius, y + radius), fill=0)


def _check_size(width: int, height: int) -> None:
    if not all(MIN_SIDE <= side <= MAX_SIDE for side in (width, height)):
        raise UserError(
            f"The pad is {width:,} × {height:,} pixels, but each side must have {MIN_SIDE} to "
            f"{MAX_SIDE:,}; change its size."
        )
