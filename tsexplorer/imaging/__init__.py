"""From a picture of handwriting to 28×28 net inputs: decode, read, done.

:func:`decode` takes a file, :func:`from_canvas` and :func:`from_strokes` a drawing; :func:`read`
finds the digits. All are functions of their arguments: nothing is kept, and nothing is written.

scipy, which takes half a second to import, comes with the first call of :func:`read`.
"""

from __future__ import annotations

from tsexplorer.imaging.decoding import decode
from tsexplorer.imaging.drawing import Stroke, from_canvas, from_strokes, strokes_of
from tsexplorer.imaging.types import AUTOMATIC, Box, Bytes, Digit, Options, Picture, Reading, Step

__all__ = [
    "AUTOMATIC",
    "Box",
    "Digit",
    "Options",
    "Picture",
    "Reading",
    "Step",
    "Stroke",
    "as_it_is",
    "decode",
    "from_canvas",
    "from_strokes",
    "read",
    "strokes_of",
]


def as_it_is(pixels: Bytes, name: str) -> Reading:
    """The reading of an image of a dataset: what the nets were trained on needs no step.

    Args:
        pixels: uint8 28×28, light on dark.
        name: of the image.
    """
    from tsexplorer.imaging.pipeline import as_it_is as as_it_is_

    return as_it_is_(pixels, name)


def read(picture: Picture, options: Options = AUTOMATIC) -> Reading:
    """Find the digits in a picture and make a net input of each.

    A picture that is a finished net input already is taken as it is, unless a step is overruled.

    Args:
        picture: what :func:`decode`, :func:`from_canvas` or :func:`from_strokes` gave.
        options: what a person overrules.

    Raises:
        UserError: the part to be cut out lies outside the picture, or is too small.
    """
    from tsexplorer.imaging.pipeline import read as read_

    return read_(picture, options)
