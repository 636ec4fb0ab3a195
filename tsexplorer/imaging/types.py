"""What goes through the steps from a picture to net inputs, and what comes out.

Shape suffixes are not used here: every array is H×W, or H×W×3 where its docstring says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tsexplorer.errors import UserError

Bytes = NDArray[np.uint8]
Ink = NDArray[np.float32]
"""How much ink is on each pixel: 0 is paper, 1 the full stroke; more where it is darker still."""
Mask = NDArray[np.bool_]

SIDE_WORKED_ON = 1280
"""No side of a picture is longer once decoded: a digit of a tenth of it is still large enough."""
BOX = 20
"""Longer side of a digit's box in the net input, in pixels."""
INK = (0.035, 0.28)
"""Mean of MNIST's images / 255: 99.8 of 100 of 7,000 lie in between."""
THICKNESS = (1.2, 5.0)
"""Thickness of MNIST's strokes, in pixels, likewise."""
Invert = Literal["auto", "yes", "no"]


class Box(NamedTuple):
    """A part of a picture, in pixels: from left and top up to, not including, right and bottom."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Columns in it."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Rows in it."""
        return self.bottom - self.top

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns of an array that lie in it."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def scaled(self, factor: int) -> Box:
        """The same part of a picture ``factor`` times as large."""
        return Box(*(factor * edge for edge in self))

    def moved(self, right: int, down: int) -> Box:
        """The box so many pixels further."""
        return Box(self.left + right, self.top + down, self.right + right, self.bottom + down)


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture, upright and at a size to work with.

    Attributes:
        pixels: uint8 H×W if it is grey, else H×W×3 (red, green, blue).
        name: of the file, safe to show once markup is escaped; see :func:`~.names.shown`.
        factor: side, in pixels of the original, of the square that one pixel stands for.
        width: of the original once upright, in pixels.
        height: likewise.
        drawn: whether it was drawn on a screen: then there is no desk, and no printed line.
    """

    pixels: Bytes
    name: str
    factor: int
    width: int
    height: int
    drawn: bool = False


@dataclass(frozen=True)
class Options:
    """What a person overrules; by default every step finds out for itself.

    Attributes:
        invert: whether strokes are lighter than what they are on (``yes``), or darker (``no``).
        threshold: share of the strongest ink, 0...1, from which on a pixel counts as stroke; None
            finds it.
        crop: the part of the original to look at, in its pixels; None takes all of it.
        thickness: of the stroke in the net input, in its pixels; None leaves a stroke that is as
            thick as MNIST's as it is, and brings others near.
        single: whether everything found is one digit.
    """

    invert: Invert = "auto"
    threshold: float | None = None
    crop: Box | None = None
    thickness: float | None = None
    single: bool = False

    def __post_init__(self) -> None:
        if self.invert not in ("auto", "yes", "no"):
            raise UserError("Invert is auto, yes or no.")
        if self.threshold is not None and not 0 < self.threshold < 1:
            raise UserError("The threshold lies between 0 and 1; choose one inside.")
        if self.thickness is not None and not 0.5 <= self.thickness <= 6:
            raise UserError("The stroke in the net input can be 0.5 to 6 pixels thick.")

    @property
    def untouched(self) -> bool:
        """Whether nothing is overruled that would change what a finished net input looks like."""
        return self.invert == "auto" and self.threshold is None and self.thickness is None


AUTOMATIC = Options()


@dataclass(frozen=True, eq=False)
class Step:
    """What a picture looks like after one of the steps.

    Attributes:
        name: of the step, a few words.
        pixels: uint8 H×W, or H×W×3 for the first; small enough to be shown in a strip.
        note: what was found or done, a few words; empty if nothing is to be said.
    """

    name: str
    pixels: Bytes
    note: str = ""


@dataclass(frozen=True, eq=False)
class Digit:
    """One digit that was found.

    Attributes:
        pixels: uint8 28×28, the net input: white on black, centred by its centre of mass.
        box: where it lies in the original, in its pixels.
        ink: mean of ``pixels`` / 255.
        thickness: of its stroke in ``pixels``, in pixels.
    """

    pixels: Bytes
    box: Box
    ink: float
    thickness: float

    @property
    def usual(self) -> bool:
        """Whether it has as much ink, in strokes as thick, as nearly all of MNIST's digits."""
        return INK[0] <= self.ink <= INK[1] and THICKNESS[0] <= self.thickness <= THICKNESS[1]


@dataclass(frozen=True, eq=False)
class Reading:
    """What was read from a picture.

    Attributes:
        digits: from left to right, line by line; empty where no stroke is.
        steps: how they were found, in order.
        note: one sentence where something is to be said: that nothing was found, or not all of
            it is given; else empty.
        unchanged: whether the picture was a finished net input, and was taken as it is.
    """

    digits: tuple[Digit, ...]
    steps: tuple[Step, ...]
    note: str = ""
    unchanged: bool = False
