"""Small images made large enough to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def enlarged(pixels: NDArray[np.uint8], scale: int) -> NDArray[np.uint8]:
    """An image with each pixel as a square, so that no browser blurs it."""
    return pixels.repeat(scale, 0).repeat(scale, 1)
