"""Turning a picture upright as its EXIF says."""

from __future__ import annotations

import numpy as np
from PIL import ExifTags, Image

from tsexplorer.data.digits.base import Bytes


def orientation(image: Image.Image) -> int:
    """EXIF's orientation 1...8; 1, upright, where there is none that can be read.

    Ask once the picture is loaded: the TIFF reader turns pictures itself as it loads them.
    """
    try:
        turn = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # whatever a damaged tag does: the pixels are still worth reading
        return 1
    return turn if isinstance(turn, int) and 1 <= turn <= 8 else 1


def upright(pixels: Bytes, turn: int) -> Bytes:
    """Pixels H×W… whose first row and column lie where ``turn`` says (EXIF 2.3, tag 274).

    >>> stored = np.array([[1, 2], [3, 4]], np.uint8)
    >>> upright(stored, 6).tolist()  # its first row is the right-hand side
    [[3, 1], [4, 2]]
    """
    if turn >= 5:
        pixels = pixels.swapaxes(0, 1)
    if turn in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if turn in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)
