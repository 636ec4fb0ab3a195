"""Picture files for tests, made on the spot."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Bytes = NDArray[np.uint8]


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """The bytes of an image as a file of some kind."""
    into = BytesIO()
    image.save(into, kind, **options)
    return into.getvalue()


def packed(pixels: NDArray[Any], kind: str = "PNG", **options: Any) -> bytes:
    """The same for an array, H×W or H×W×3."""
    return saved(Image.fromarray(pixels), kind, **options)


def seven(height: int = 24, width: int = 20) -> Bytes:
    """A dark 7 on white, H×W, which looks different from all sides."""
    pixels = np.full((height, width), 255, np.uint8)
    thick = max(2, height // 10)
    top, left, right = height // 6, width // 5, width - width // 5
    pixels[top : top + thick, left:right] = 20
    for row in range(top, height - height // 8):
        across = right - thick - (row - top) * (right - left) // (2 * height)
        pixels[row, across : across + thick] = 20
    return pixels
