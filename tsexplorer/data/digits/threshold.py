"""Which pixels are stroke."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from tsexplorer.data.digits.base import Ink, Mask

FAINTEST = 0.07
"""Ink below this share of the ground's light is not told from stains and paper."""
PALEST = 0.1
"""A pen whose full stroke is paler is none; pencil has 0.3 and more."""
NOISES = 5.0
"""Ink stands out when it is so many standard deviations of the noise above the ground."""
STRONGEST = 0.9
"""The level of full ink is this quantile of what stands out."""
HALF = 0.5
WEAK = 0.6
"""Pixels that hang on a stroke count from this share of the threshold on."""
NOISY = 0.08
SAMPLED = 50_000
MAD = 1.4826
"""Standard deviations in the median absolute deviation of a normal distribution."""


class Levels(NamedTuple):
    """What is noise and what is ink.

    Attributes:
        noise: standard deviation of the ground.
        floor: ink from which on something stands out of the noise.
        full: level of a stroke's middle; 0 if nothing stands out.
    """

    noise: float
    floor: float
    full: float


def measured(ink: Ink, *, even: bool = False) -> Levels:
    """Find the levels of noise and ink.

    Args:
        ink: of each pixel.
        even: whether the ground is all of one level, and has no noise.
    """
    noise = 0.0
    if not even:
        step = max(1, int((ink.size / SAMPLED) ** 0.5))
        sample = ink[::step, ::step]
        noise = float(np.median(np.abs(sample - np.median(sample)))) * MAD
    floor = max(FAINTEST, NOISES * noise)
    standing = ink[ink > floor]
    full = float(np.quantile(standing, STRONGEST)) if standing.size else 0.0
    return Levels(noise, floor, full)


def smoothed(ink: Ink, levels: Levels) -> Ink:
    """The ink, softened where noise comes near to it."""
    if levels.noise <= NOISY * levels.full:
        return ink
    return np.asarray(ndimage.gaussian_filter(ink, 1.0))


def strokes(ink: Ink, levels: Levels, threshold: float | None = None) -> Mask:
    """Pixels that are at least half inked, and weaker ones that hang on them.

    Args:
        ink: of each pixel.
        levels: its levels.
        threshold: share of full ink that alone decides; None for what is said above.
    """
    if threshold is not None and levels.full > 0:
        return np.asarray(ink >= threshold * levels.full)
    if levels.full < PALEST:
        return np.zeros(ink.shape, bool)
    high = max(HALF * levels.full, levels.floor)
    labels, count = ndimage.label(ink >= WEAK * high, np.ones((3, 3)))
    kept = np.zeros(count + 1, bool)
    kept[np.unique(labels[ink >= high])] = True
    kept[0] = False
    return np.asarray(kept[labels])
