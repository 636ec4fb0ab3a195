"""Small picture files for tests, encoded in memory."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

UInt8Image = NDArray[np.uint8]


def encode_image(image: Image.Image, file_format: str = "PNG", **options: Any) -> bytes:
    """A Pillow image as the bytes of a file."""
    buffer = BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def encode_pixels(pixels: NDArray[Any], file_format: str = "PNG", **options: Any) -> bytes:
    """An array H×W or H×W×3 as the bytes of a file."""
    return encode_image(Image.fromarray(pixels), file_format, **options)


def seven(height: int = 24, width: int = 20) -> UInt8Image:
    """A dark 7 on white, uint8 H×W. No rotation or mirroring maps it to itself."""
    pixels = np.full((height, width), 255, np.uint8)
    stroke_width = max(2, height // 10)
    top, left, right = height // 6, width // 5, width - width // 5
    pixels[top : top + stroke_width, left:right] = 20
    for row in range(top, height - height // 8):
        column = right - stroke_width - (row - top) * (right - left) // (2 * height)
        pixels[row, column : column + stroke_width] = 20
    return pixels
