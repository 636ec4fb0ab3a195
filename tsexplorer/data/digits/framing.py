"""The last steps to a net input, as the MNIST page describes them.

"The original black and white (bilevel) images from NIST were size normalized to fit in a 20x20
pixel box while preserving their aspect ratio. The resulting images contain grey levels as a result
of the anti-aliasing technique used by the normalization algorithm. The images were centered in a
28x28 image by computing the center of mass of the pixels, and translating the image so as to
position this point at the center of the 28x28 field." (LeCun, Cortes, Burges, THE MNIST DATABASE)
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from tsexplorer.data.base import SIDE
from tsexplorer.data.digits.base import BOX, Box, Bytes, Ink, Mask

CENTRE = 14
"""Row and column, counted from 0, where MNIST has its centres of mass, to half a pixel."""


def bounds(mask: Mask) -> Box:
    """The smallest box around what is set; something is."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def framed(figure: Ink) -> Bytes:
    """Scale a figure to the 20×20 box and centre it.

    Args:
        figure: 0...1, H×W; some of it at least a half.

    Returns:
        uint8 28×28, white on black.
    """
    box = bounds(figure >= 0.25)
    share = BOX / max(box.width, box.height)
    size = (max(1, round(box.width * share)), max(1, round(box.height * share)))
    scaled = Image.fromarray(figure).resize(size, Image.Resampling.BOX, box=box)
    return centred((np.asarray(scaled).clip(0, 1) * 255 + 0.5).astype(np.uint8))


def centred(small: Bytes) -> Bytes:
    """Put at most 20×20 pixels into 28×28 so that their centre of mass is in the middle.

    Whole pixels only, as in MNIST; nothing is pushed out of the field.
    """
    total = max(1, int(small.sum(dtype=np.int64)))
    field = np.zeros((SIDE, SIDE), np.uint8)
    corner = []
    for axis in (0, 1):
        along = small.sum(1 - axis, dtype=np.int64)
        middle = float((along * np.arange(len(along))).sum()) / total
        corner.append(int(np.clip(round(CENTRE - middle), 0, SIDE - small.shape[axis])))
    field[corner[0] : corner[0] + small.shape[0], corner[1] : corner[1] + small.shape[1]] = small
    return field
