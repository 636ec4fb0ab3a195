"""From a picture file to the pixels of a net input, with Pillow and NumPy alone.

An exported archive carries this file as ``prepare.py``, so that a net gets the same pixels there as
here. It must not import anything of this project.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image, ImageOps


def prepare(image: Image.Image, shape: tuple[int, ...], fit: str = "crop") -> Any:
    """Bring a picture to the shape of a net's input.

    Args:
        image: as ``Image.open`` returns it; any size and mode.
        shape: (height, width) for grey, (height, width, 3) for colour.
        fit: what happens where the proportions differ. "crop" takes the largest centred part, "pad"
            adds a border in the mean colour of the edge, "stretch" changes the proportions.

    Returns:
        uint8 array of that shape.
    """
    height, width = shape[:2]
    mode = "L" if len(shape) == 2 else "RGB"
    # A JPEG file is decoded at a reduced size, at least twice as large as needed.
    image.draft(mode, (2 * max(height, width), 2 * max(height, width)))
    image = _to_mode(ImageOps.exif_transpose(image), mode)
    if image.size != (width, height):
        # The mean over boxes for smaller results, which never rings; else linear interpolation.
        smaller = image.width >= width and image.height >= height
        method = Image.Resampling.BOX if smaller else Image.Resampling.BILINEAR
        if fit == "crop":
            image = ImageOps.fit(image, (width, height), method)
        elif fit == "pad":
            image = ImageOps.pad(image, (width, height), method, color=_edge_colour(image))
        else:
            image = image.resize((width, height), method)
    return np.asarray(image, np.uint8)


def _to_mode(image: Image.Image, mode: str) -> Image.Image:
    """8 bits a channel, transparent pixels white."""
    if image.mode.startswith(("I", "F")):  # 16 or 32 bits a pixel: the largest value is white
        values = np.asarray(image, np.float64)
        top = 65535.0 if values.max() > 255 else 255.0 if values.max() > 1 else 1.0
        image = Image.fromarray(np.clip(255 * values / top, 0, 255).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(paper, image)
    return image.convert(mode)


def _edge_colour(image: Image.Image) -> Any:
    """Mean of the pixels at the edge of a picture."""
    array = np.asarray(image, np.float64)
    edge = np.concatenate([array[0], array[-1], array[:, 0], array[:, -1]])
    mean = np.round(edge.mean(0)).astype(int)
    return int(mean) if mean.ndim == 0 else tuple(int(value) for value in mean)
