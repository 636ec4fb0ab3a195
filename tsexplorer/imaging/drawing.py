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
from tsexplorer.imaging.resampling import shrunk
from tsexplorer.imaging.types import SIDE_WORKED_ON, Picture

NAME = "the drawing"
SIDE_LEAST, SIDE_MOST = 8, 2000
POINTS_MOST = 50_000
FINE = 2
"""Strokes are drawn at so many times the size and made smaller, for soft edges."""
UNREADABLE = "The drawing could not be read; clear the pad and draw it again."


@dataclass(frozen=True)
class Stroke:
    """One movement of the pen.

    Attributes:
        points: where it went, as (x, y) in pixels of the pad; one point is a dot.
        width: of the brush, in the same pixels.
    """

    points: tuple[tuple[float, float], ...]
    width: float


def strokes_of(payload: object) -> tuple[Stroke, ...]:
    """Strokes out of what a draw pad sends: ``[{"width": w, "points": [[x, y], ...]}, ...]``.

    Raises:
        UserError: it is anything else.
    """
    if not isinstance(payload, Sequence) or isinstance(payload, str | bytes):
        raise UserError(UNREADABLE)
    try:
        strokes = tuple(_stroke(one) for one in payload)
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        raise UserError(UNREADABLE) from error
    return strokes


def _stroke(one: Mapping[str, object]) -> Stroke:
    points, width = one["points"], one["width"]
    if not isinstance(points, Sequence) or not isinstance(width, int | float):
        raise TypeError("a stroke has points and a width")
    return Stroke(tuple((float(x), float(y)) for x, y in points), float(width))


def from_strokes(strokes: Sequence[Stroke], width: int, height: int) -> Picture:
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
    if len(numbers) > 2 * POINTS_MOST or not all(
        math.isfinite(number) and abs(number) <= 2 * SIDE_MOST for number in numbers
    ):
        raise UserError(UNREADABLE)
    image = Image.new("L", (width * FINE, height * FINE), 255)
    draw = ImageDraw.Draw(image)
    for stroke in strokes:
        _draw(draw, stroke)
    return Picture(np.asarray(image.reduce(FINE)), NAME, 1, width, height, drawn=True)


def _draw(draw: ImageDraw.ImageDraw, stroke: Stroke) -> None:
    wide = max(1.0, stroke.width) * FINE
    points = [(x * FINE, y * FINE) for x, y in stroke.points]
    if len(points) > 1:
        draw.line(points, fill=0, width=round(wide))
    for x, y in points:
        draw.ellipse((x - wide / 2, y - wide / 2, x + wide / 2, y + wide / 2), fill=0)


def from_canvas(canvas: NDArray[np.uint8]) -> Picture:
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
        raise UserError(UNREADABLE)
    height, width = canvas.shape[:2]
    _check_size(width, height)
    factor = -(-max(canvas.shape) // SIDE_WORKED_ON)
    pixels = shrunk(Image.fromarray(canvas), factor)
    return Picture(pixels, NAME, factor, width, height, drawn=True)


def _check_size(width: int, height: int) -> None:
    if not all(SIDE_LEAST <= side <= SIDE_MOST for side in (width, height)):
        raise UserError(
            f"A drawing has {SIDE_LEAST} to {SIDE_MOST:,} pixels a side, and this one "
            f"{width:,} × {height:,}; change the size of the pad."
        )
