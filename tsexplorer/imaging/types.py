"""What goes through the steps from a picture to net inputs, and what comes out.

Shape suffixes are not used here: every array is H×W, or H×W×3 where its docstring says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tsexplorer.errors import UserError

UInt8Array = NDArray[np.uint8]
InkMap = NDArray[np.float32]
"""How much ink is on each pixel: 0 is paper, 1 the full stroke; more where it is darker still."""
Mask = NDArray[np.bool_]

WORKING_SIDE = 1280
"""No side of a picture is longer once decoded: a digit of a tenth of it is still large enough."""
BOX_SIDE = 20
"""Longer side of a digit's box in the net input, in pixels."""
TYPICAL_INTENSITY = (0.035, 0.28)
"""Mean of MNIST's images / 255: 99.8 of 100 of 7,000 lie in between."""
TYPICAL_STROKE_WIDTH = (1.2, 5.0)
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

    def translated(self, right: int, down: int) -> Box:
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

    pixels: UInt8Array
    name: str
    factor: int
    width: int
    height: int
    drawn: bool = False


@dataclass(frozen=True)
class ExtractionOptions:
    """What a person overrules; by default every step finds out for itself.

    Attributes:
        invert: whether strokes are lighter than what they are on (``yes``), or darker (``no``).
        threshold: share of the strongest ink, 0...1, from which on a pixel counts as stroke; None
            finds it.
        crop: the part of the original to look at, in its pixels; None takes all of it.
        stroke_width: of the stroke in the net input, in its pixels; None leaves a stroke that is as
            thick as MNIST's as it is, and brings others near.
        single_digit: whether everything found is one digit.
    """

    invert: Invert = "auto"
    threshold: float | None = None
    crop: Box | None = None
    stroke_width: float | None = None
    single_digit: bool = False

    def __post_init__(self) -> None:
        if self.invert not in ("auto", "yes", "no"):
            raise UserError("Invert is auto, yes or no.")
        if self.threshold is not None and not 0 < self.threshold < 1:
            raise UserError("The threshold lies between 0 and 1; choose one inside.")
        if self.stroke_width is not None and not 0.5 <= self.stroke_width <= 6:
            raise UserError("The stroke in the net input can be 0.5 to 6 pixels thick.")

    @property
    def keeps_net_input(self) -> bool:
        """Whether nothing is overruled that would change what a finished net input looks like."""
        return self.invert == "auto" and self.threshold is None and self.stroke_width is None


AUTOMATIC = ExtractionOptions()


@dataclass(frozen=True, eq=False)
class Step:
    """What a picture looks like after one of the steps.

    Attributes:
        name: of the step, a few words.
        pixels: uint8 H×W, or H×W×3 for the first; small enough to be shown in a strip.
        note: what was found or done, a few words; empty if nothing is to be said.
    """

    name: str
    pixels: UInt8Array
    note: str = ""


@dataclass(frozen=True, eq=False)
class Digit:
    """One digit that was found.

    Attributes:
        pixels: uint8 28×28, the net input: white on black, centred by its centre of mass.
        box: where it lies in the original, in its pixels.
        mean_intensity: mean of ``pixels`` / 255.
        stroke_width: of its stroke in ``pixels``, in pixels.
    """

    pixels: UInt8Array
    box: Box
    mean_intensity: float
    stroke_width: float

    @property
    def is_typical(self) -> bool:
        """Whether it has as much ink, in strokes as thick, as nearly all of MNIST's digits."""
        return (
            TYPICAL_INTENSITY[0] <= self.mean_intensity <= TYPICAL_INTENSITY[1]
            and TYPICAL_STROKE_WIDTH[0] <= self.stroke_width <= TYPICAL_STROKE_WIDTH[1]
        )


@dataclass(frozen=True, eq=False)
class ExtractionResult:
    """What was read from a picture.

    Attributes:
        digits: from left to right, line by line; empty where no stroke is.
        steps: how they were found, in order.
        note: one sentence where something is to be said: that nothing was found, or not all of
            it is given; else empty.
        already_normalised: whether the picture was a finished net input, and was taken as it is.
    """

    digits: tuple[Digit, ...]
    steps: tuple[Step, ...]
    note: str = ""
    already_normalised: bool = False
