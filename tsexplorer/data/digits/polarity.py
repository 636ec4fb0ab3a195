"""Whether strokes are darker or lighter than what they are on."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from tsexplorer.data.digits.base import Bytes
from tsexplorer.data.digits.small import even_frame, thumbnail
from tsexplorer.data.digits.surface import surface

LOOK = 160
SCALES = (1.5, 4.0, 10.0, 20.0)
"""Standard deviations, in pixels of the small picture, of what counts as the surroundings."""


def light_on_dark(grey: Bytes) -> bool:
    """Whether strokes are lighter than their ground.

    Strokes are narrow and their ground is wide, so that what differs from its surroundings leans
    to the strokes' side: the third moment of the differences has their sign. The edge of a shadow
    differs to both sides alike.
    """
    look = thumbnail(grey, LOOK).astype(np.float32)
    ground = even_frame(look)
    if ground is not None:
        # A drawing, or a figure cut out: what lies all around is the ground.
        return float(((look - ground) ** 3).mean()) > 0
    look = look - surface(look)
    return sum(_lean(look, scale) for scale in SCALES) > 0


def _lean(look: np.ndarray, scale: float) -> float:
    around = ndimage.gaussian_filter(look, scale, mode="nearest", truncate=2)
    detail = look - around
    return float(((detail - np.median(detail)) ** 3).mean())
