"""From a picture of handwriting to 28×28 net inputs.

:func:`decode` reads a file, :func:`picture_from_strokes` and :func:`picture_from_canvas` read a
drawing, and :func:`extract_digits` finds the digits. All are pure functions: they keep no state
and write no files.

scipy takes half a second to import, so it is imported by the first call of
:func:`extract_digits` or :func:`result_for_dataset_image`.
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
    UInt8Image,
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


def extract_digits(picture: Picture, options: ExtractionOptions = AUTOMATIC) -> ExtractionResult:
    """Find the digits in a picture and make a net input of each.

    A picture that already is a net input is used unchanged, unless an option changes its pixels.

    Args:
        picture: result of :func:`decode`, :func:`picture_from_strokes` or
            :func:`picture_from_canvas`.
        options: manual settings.

    Raises:
        UserError: the crop is too small or lies outside the picture.
    """
    from tsexplorer.imaging import pipeline

    return pipeline.extract_digits(picture, options)


def result_for_dataset_image(pixels: UInt8Image, name: str) -> ExtractionResult:
    """Wrap an image of a dataset, which is a net input already, as a result without steps.

    Args:
        pixels: uint8 28×28, light on dark.
        name: name of the image.
    """
    from tsexplorer.imaging import pipeline

    return pipeline.result_for_dataset_image(pixels, name)
