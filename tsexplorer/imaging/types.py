"""Data types of the pipeline: pictures, options, boxes, results, and array aliases.

Arrays have no shape suffixes here: each is H×W unless its docstring gives another shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tsexplorer.errors import UserError

UInt8Image = NDArray[np.uint8]
FloatImage = NDArray[np.float32]
InkMap = FloatImage
"""Amount of ink per pixel: 0 on the background, 1 in a full stroke, above 1 where it is darker."""
Mask = NDArray[np.bool_]
LabelMap = NDArray[np.int32]
"""Number of the connected component that each pixel belongs to; 0 on the background."""

WORKING_SIDE = 1280
"""Longest side of a decoded picture in pixels. A digit of a tenth of it is still large enough."""
SIDE = 28
"""Height and width of the net input of a digit, as in MNIST."""
BOX_SIDE = 20
"""Longer side of a digit's bounding box in the net input, in pixels."""
TYPICAL_INTENSITY = (0.035, 0.28)
"""Range of an MNIST image's mean / 255: it holds 99.8 % of 7,000 images."""
TYPICAL_STROKE_WIDTH = (1.2, 5.0)
"""Range of MNIST's stroke widths in pixels, likewise."""
Invert = Literal["auto", "yes", "no"]


class Box(NamedTuple):
    """A rectangle of pixels; ``right`` and ``bottom`` are exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Number of rows."""
        return self.bottom - self.top

    @property
    def longer_side(self) -> int:
        """The larger of width and height."""
        return max(self.width, self.height)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Row and column slices that select the box from an array."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def scaled(self, factor: int) -> Box:
        """The box with all coordinates multiplied by ``factor``."""
        return Box(*(factor * edge for edge in self))

    def translated(self, dx: int, dy: int) -> Box:
        """The box moved ``dx`` pixels right and ``dy`` pixels down."""
        return Box(self.left + dx, self.top + dy, self.right + dx, self.bottom + dy)


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture, upright and downsampled to the working size.

    Attributes:
        pixels: uint8 H×W for a grey picture, else H×W×3 (red, green, blue).
        name: display name of the file; its markup is not escaped, see
            :func:`~tsexplorer.imaging.decoding.display_name`.
        factor: downsampling factor: a pixel stands for ``factor``×``factor`` original pixels.
        width: width of the upright original in pixels.
        height: height of the upright original in pixels.
        drawn: whether it comes from the draw pad; then no desk and no ruled lines are expected.
    """

    pixels: UInt8Image
    name: str
    factor: int
    width: int
    height: int
    drawn: bool = False


@dataclass(frozen=True)
class ExtractionOptions:
    """Manual settings of the pipeline. The defaults leave every step automatic.

    Attributes:
        invert: whether strokes are lighter (``yes``) or darker (``no``) than the background;
            ``auto`` detects it.
        threshold: ink level, as a share of the full ink level (0 to 1, exclusive), from which a
            pixel counts as stroke; None chooses it.
        crop: region of the original to search, in original pixels; None searches all of it.
        stroke_width: stroke width in the net input in pixels, 0.5 to 6; None keeps widths that
            are usual in MNIST and moves others towards them.
        single_digit: whether all strokes belong to one digit.

    Raises:
        UserError: a value is outside its range.
    """

    invert: Invert = "auto"
    threshold: float | None = None
    crop: Box | None = None
    stroke_width: float | None = None
    single_digit: bool = False

    def __post_init__(self) -> None:
        if self.invert not in ("auto", "yes", "no"):
            raise UserError("Set invert to auto, yes or no.")
        if self.threshold is not None and not 0 < self.threshold < 1:
            raise UserError("Choose a threshold between 0 and 1.")
        if self.stroke_width is not None and not 0.5 <= self.stroke_width <= 6:
            raise UserError("Choose a stroke width of 0.5 to 6 pixels.")

    @property
    def keeps_net_input(self) -> bool:
        """Whether no option changes the pixels of a picture that already is a net input."""
        return self.invert == "auto" and self.threshold is None and self.stroke_width is None


AUTOMATIC = ExtractionOptions()


@dataclass(frozen=True, eq=False)
class Step:
    """A picture after one step of the pipeline, for display.

    Attributes:
        name: title of the step.
        pixels: uint8 H×W, or H×W×3 for the original; a thumbnail.
        note: result of the step in a few words; may be empty.
    """

    name: str
    pixels: UInt8Image
    note: str = ""


@dataclass(frozen=True, eq=False)
class Digit:
    """A digit that was found in a picture.

    Attributes:
        pixels: uint8 28×28, the net input: white on black, centred by its centre of mass.
        box: bounding box in the original, in original pixels.
        mean_intensity: mean of ``pixels`` / 255.
        stroke_width: mean stroke width in ``pixels``, in pixels.
    """

    pixels: UInt8Image
    box: Box
    mean_intensity: float
    stroke_width: float

    @property
    def is_typical(self) -> bool:
        """Whether intensity and stroke width are in the range of nearly all MNIST digits."""
        return (
            TYPICAL_INTENSITY[0] <= self.mean_intensity <= TYPICAL_INTENSITY[1]
            and TYPICAL_STROKE_WIDTH[0] <= self.stroke_width <= TYPICAL_STROKE_WIDTH[1]
        )


@dataclass(frozen=True, eq=False)
class ExtractionResult:
    """The digits of a picture.

    Attributes:
        digits: in reading order; empty if there is no stroke.
        steps: intermediate pictures in the order of the pipeline.
        note: one sentence if no digit was found or some were left out; else empty.
        already_normalised: whether the picture was a net input and was used unchanged.
    """

    digits: tuple[Digit, ...]
    steps: tuple[Step, ...]
    note: str = ""
    already_normalised: bool = False
