"""From a picture of handwriting to 28×28 net inputs: decode, read, done.

:func:`decode` takes a file, :func:`picture_from_canvas` and :func:`picture_from_strokes` a drawing; :func:`extract_digits`
finds the digits. All are functions of their arguments: nothing is kept, and nothing is written.

scipy, which takes half a second to import, comes with the first call of :func:`extract_digits`.
"""

from __future__ import annotations

from tsexplorer.imaging.decoding import decode
from tsexplorer.imaging.drawing import (
    Stroke,
    parse_strokes,
    picture_from_canvas,
    picture_from_strokes,
)
from tsexplorer.imaging.types import (
    AUTOMATIC,
    Box,
    Digit,
    ExtractionOptions,
    ExtractionResult,
    Picture,
    Step,
    UInt8Array,
)

__all__ = [
    "AUTOMATIC",
    "Box",
    "Digit",
    "ExtractionOptions",
    "ExtractionResult",
    "Picture",
    "Step",
    "Stroke",
    "decode",
    "extract_digits",
    "parse_strokes",
    "picture_from_canvas",
    "picture_from_strokes",
    "result_for_dataset_image",
]


def result_for_dataset_image(pixels: UInt8Array, name: str) -> ExtractionResult:
    """The reading of an image of a dataset: what the nets were trained on needs no step.

    Args:
        pixels: uint8 28×28, light on dark.
        name: of the image.
    """
    from tsexplorer.imaging.pipeline import result_for_dataset_image as result_for_dataset_image_

    return result_for_dataset_image_(pixels, name)


def extract_digits(picture: Picture, options: ExtractionOptions = AUTOMATIC) -> ExtractionResult:
    """Find the digits in a picture and make a net input of each.

    A picture that is a finished net input already is taken as it is, unless a step is overruled.

    Args:
        picture: what :func:`decode`, :func:`picture_from_canvas` or :func:`picture_from_strokes` gave.
        options: what a person overrules.

    Raises:
        UserError: the part to be cut out lies outside the picture, or is too small.
    """
    from tsexplorer.imaging.pipeline import extract_digits as extract_digits_

    return extract_digits_(picture, options)
