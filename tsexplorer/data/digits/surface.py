"""The smooth surface of light on a picture."""

from __future__ import annotations

import numpy as np

from tsexplorer.data.digits.base import Ink

DEGREE = 3
FITS = 5
FITTED = 2000
"""About so many pixels are fitted to."""
DARKER = 4.0
"""How much less what is darker counts than what is lighter."""


def surface(look: Ink, *, towards_light: bool = False) -> Ink:
    """The polynomial of third degree through most of a small picture.

    Fitted again and again, with ever less weight on what lies far from it: strokes, shadows.

    Args:
        look: H×W.
        towards_light: whether what is darker than the surface counts even less.
    """
    y, x = (np.linspace(-1, 1, side, dtype=np.float32) for side in look.shape)
    terms = [(i, j) for i in range(DEGREE + 1) for j in range(DEGREE + 1 - i)]
    design = np.stack([np.outer(y**i, x**j) for i, j in terms], -1).astype(np.float32)
    step = max(1, int((look.size / FITTED) ** 0.5))
    some, values = design[::step, ::step].reshape(-1, len(terms)), look[::step, ::step].ravel()
    below = np.float32(DARKER if towards_light else 1)
    weights = np.ones(len(values), np.float32)
    fit = np.zeros(len(terms), np.float32)
    for _ in range(FITS):
        weighted = some * weights[:, None]
        # A little of the identity keeps a picture of few pixels solvable.
        normal = weighted.T @ some + 1e-4 * np.eye(len(terms), dtype=np.float32)
        fit = np.linalg.solve(normal, weighted.T @ values)
        away = values - some @ fit
        spread = 1.5 * float(np.median(np.abs(away))) + 1e-3
        far = (away / spread) ** 2 * np.where(away < 0, below, np.float32(1))
        weights = np.asarray(1 / (1 + far), np.float32)
    return np.asarray(design @ fit, np.float32)
