"""Drawings: from a canvas or from the strokes of a pen to the same kind of picture as a file.

What comes from a browser can be anything, so all of it is checked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tsexplorer.errors import UserError
from tsexplorer.imaging.resampling import downsample
from tsexplorer.imaging.types import WORKING_SIDE, Picture

DRAWING_NAME = "the drawing"
MIN_SIDE, MAX_SIDE = 8, 2000
MAX_POINTS = 50_000
SUPERSAMPLING = 2
"""Strokes are drawn at so many times the size and made smaller, for soft edges."""
INVALID_DRAWING = "The drawing could not be read; clear the pad and draw it again."


@dataclass(frozen=True)
class Stroke:
    """One movement of the pen.

    Attributes:
        points: where it went, as (x, y) in pixels of the pad; one point is a dot.
        width: of the brush, in the same pixels.
    """

    points: tuple[tuple[float, float], ...]
    width: float


def parse_strokes(payload: object) -> tuple[Stroke, ...]:
    """Strokes out of what a draw pad sends: ``[{"width": w, "points": [[x, y], ...]}, ...]``.

    Raises:
        UserError: it is anything else.
    """
    if not isinstance(payload, Sequence) or isinstance(payload, str | bytes):
        raise UserError(INVALID_DRAWING)
    try:
        strokes = tuple(_parse_stroke(item) for item in payload)
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        raise UserError(INVALID_DRAWING) from error
    return strokes


def _parse_stroke(item: Mapping[str, object]) -> Stroke:
    points, width = item["points"], item["width"]
    if not isinstance(points, Sequence) or not isinstance(width, int | float):
        raise TypeError("a stroke has points and a width")
    return Stroke(tuple((float(x), float(y)) for x, y in points), float(width))


def picture_from_strokes(strokes: Sequence[Stroke], width: int, height: int) -> Picture:
    """The drawing that strokes make, black on white.

    Args:
        strokes: in the order in which they were drawn.
        width: of the pad, in pixels.
        height: likewise.

    Raises:
        UserError: the pad or a stroke is of no possible size, or there are too many points.
    """
    _check_size(width, height)
    numbers = [number for stroke in strokes for number in (stroke.width, *sum(stroke.points, ()))]
    if len(numbers) > 2 * MAX_POINTS or not all(
        math.isfinite(number) and abs(number) <= 2 * MAX_SIDE for number in numbers
    ):
        raise UserError(INVALID_DRAWING)
    image = Image.new("L", (width * SUPERSAMPLING, height * SUPERSAMPLING), 255)
    draw = ImageDraw.Draw(image)
    for stroke in strokes:
        _draw_stroke(draw, stroke)
    return Picture(
        np.asarray(image.reduce(SUPERSAMPLING)), DRAWING_NAME, 1, width, height, drawn=True
    )


def _draw_stroke(draw: ImageDraw.ImageDraw, stroke: Stroke) -> None:
    brush_width = max(1.0, stroke.width) * SUPERSAMPLING
    points = [(x * SUPERSAMPLING, y * SUPERSAMPLING) for x, y in stroke.points]
    if len(points) > 1:
        draw.line(points, fill=0, width=round(brush_width))
    for x, y in points:
        draw.ellipse(
            (x - brush_width / 2, y - brush_width / 2, x + brush_width / 2, y + brush_width / 2),
            fill=0,
        )


def picture_from_canvas(canvas: NDArray[np.uint8]) -> Picture:
    """The drawing on a canvas; what is transparent is paper.

    Args:
        canvas: uint8 H×W×4 (red, green, blue, opacity), H×W×3 or H×W.

    Raises:
        UserError: it is none of these, or of no possible size.
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


def _check_size(width: int, height: int) -> None:
    if not all(MIN_SIDE <= side <= MAX_SIDE for side in (width, height)):
        raise UserError(
            f"A drawing has {MIN_SIDE} to {MAX_SIDE:,} pixels a side, and this one "
            f"{width:,} × {height:,}; change the size of the pad."
        )
