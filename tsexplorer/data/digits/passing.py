"""Finished net inputs: pictures that are MNIST's digits already, plain or enlarged."""

from __future__ import annotations

import numpy as np

from tsexplorer.data.base import SIDE
from tsexplorer.data.digits.base import Bytes
from tsexplorer.data.digits.framing import CENTRE, bounds

INKED = 32
LONGEST = (16, 26)
"""Longer side of the figure in a finished input: 20 in MNIST, up to 24 in EMNIST."""
OFF_CENTRE = 2.5
UNEQUAL, FEW = 32, 0.01


def finished(grey: Bytes) -> Bytes | None:
    """The net input that a picture is: 28×28, black or white the ground, maybe enlarged.

    Enlarged means each of its pixels is a square of equal ones, or nearly so after JPEG.

    Returns:
        uint8 28×28, white on black; None if the picture is something else.
    """
    factor = grey.shape[0] // SIDE
    if grey.shape != (factor * SIDE, factor * SIDE) or factor == 0:
        return None
    small = grey
    if factor > 1:
        squares = grey.reshape(SIDE, factor, SIDE, factor)
        means = squares.mean((1, 3), dtype=np.float32)
        away = np.abs(squares - means[:, None, :, None]) > UNEQUAL
        if away.mean() > FEW:
            return None
        small = (means + 0.5).astype(np.uint8)
    return next((one for one in (small, 255 - small) if _is_framed(one)), None)


def _is_framed(small: Bytes) -> bool:
    """Whether it is a light figure of MNIST's size in the middle of a black field."""
    mask = small >= INKED
    if not mask.any() or mask.mean() > 0.5:
        return False
    box = bounds(mask)
    total = small.sum(dtype=np.int64)
    middle = [(small.sum(axis, dtype=np.int64) * np.arange(SIDE)).sum() / total for axis in (0, 1)]
    return LONGEST[0] <= max(box.width, box.height) <= LONGEST[1] and all(
        abs(place - CENTRE) <= OFF_CENTRE for place in middle
    )
