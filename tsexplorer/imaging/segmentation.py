"""Which pixels are stroke."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from tsexplorer.imaging.stroke_width import thickness_of
from tsexplorer.imaging.types import Box, Ink, Mask

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


LEAST_SIDE = 6
"""A digit's longer side, in the pixels worked on."""
LEAST_SHARE = 1 / 40
"""The same, as a share of the picture's shorter side."""
SPECK = 0.08
"""What is smaller than this share of the largest piece is dust."""
SMALL = 0.35
"""What is smaller than this share of the largest digit is none: a dot, a comma."""
PIECES_MOST = 300

# Pieces of one digit, as shares of the larger one's size.
PIECE, NEAR = 0.6, 0.12
"""A piece of at most this size, and so near, is a part."""
OVERLAP, STACKED = 0.5, 0.4
"""It may be further off, if so much of it lies right above or below."""
ACROSS = 0.8
"""How much of the narrower of two halves lies over the other."""
FLAT, BAR_OFF, BAR_OVER = 0.6, 0.3, 0.35
"""A flat stroke may be as large as its digit, so far off, and reach so little over it."""

# What comes in from outside the picture touches its edge.
EDGE = 0.6
"""It is as long as this share of a side,"""
CUT, CUT_LEAST = 0.7, 0.15
"""or smaller than this share of what does not touch, or of the picture."""


@dataclass(frozen=True)
class Piece:
    """Connected strokes: their labels, the box around them, and how many pixels they are."""

    labels: tuple[int, ...]
    box: Box
    area: int

    @property
    def size(self) -> int:
        """The longer side of its box."""
        return max(self.box.width, self.box.height)

    def joined(self, other: Piece) -> Piece:
        """Both as one."""
        return Piece(
            self.labels + other.labels, around((self.box, other.box)), self.area + other.area
        )


def around(boxes: tuple[Box, ...]) -> Box:
    """The smallest box that holds them all."""
    left, top, right, bottom = zip(*boxes, strict=True)
    return Box(min(left), min(top), max(right), max(bottom))


def grouped(
    mask: Mask, ink: Ink, *, single: bool = False, whole: bool = False
) -> tuple[NDArray[np.int32], list[Piece]]:
    """Find digits.

    Args:
        mask: stroke pixels.
        ink: of each pixel, 1 for a full stroke.
        single: whether all of it is one digit.
        whole: whether nothing comes in from outside, as in a drawing.

    Returns:
        the label of each pixel's connected stroke, and the digits in reading order.
    """
    labels, pieces = _pieces(mask)
    pieces = _without_specks(pieces, mask.shape)
    if not whole:
        pieces = [one for one in pieces if not is_shadow(ink, labels == one.labels[0], one.box)]
        pieces = _without_surroundings(pieces, mask.shape)
    pieces = _without_specks(pieces, mask.shape)
    if single:
        return labels, [reduce(Piece.joined, pieces)] if pieces else []
    digits = [one for one in _merged(pieces) if not is_blot(np.isin(labels, one.labels), one.box)]
    tallest = max((one.size for one in digits), default=0)
    return labels, in_reading_order([one for one in digits if one.size >= SMALL * tallest])


def _pieces(mask: Mask) -> tuple[NDArray[np.int32], list[Piece]]:
    """Connected strokes, the largest of them if there are very many."""
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    areas = np.bincount(labels.ravel(), minlength=count + 1)
    boxes = ndimage.find_objects(labels)
    largest = 1 + np.argsort(-areas[1:], kind="stable")[:PIECES_MOST]
    return labels, [
        Piece((int(one),), Box(x.start, y.start, x.stop, y.stop), int(areas[one]))
        for one in largest
        for y, x in [boxes[one - 1]]
    ]


def _without_surroundings(pieces: list[Piece], shape: tuple[int, int]) -> list[Piece]:
    """Leave out what comes in from outside: the desk beside the paper, a finger, a line's end."""
    least = SMALL * max((piece.size for piece in pieces), default=0)
    inner = [one for one in pieces if not _touches(one.box, shape) and one.size >= least]
    largest = max((piece.size for piece in inner), default=0)
    height, width = shape
    return [
        piece
        for piece in pieces
        if not _touches(piece.box, shape)
        or (
            piece.size >= max(CUT * largest, CUT_LEAST * min(shape))
            and not (inner and (piece.box.width > EDGE * width or piece.box.height > EDGE * height))
        )
    ]


def _touches(box: Box, shape: tuple[int, int]) -> bool:
    return box.left <= 0 or box.top <= 0 or box.right >= shape[1] or box.bottom >= shape[0]


def _without_specks(pieces: list[Piece], shape: tuple[int, int]) -> list[Piece]:
    """Leave out dust: what is tiny, and what is tiny beside the largest."""
    largest = max((piece.size for piece in pieces), default=0)
    least = max(LEAST_SIDE, LEAST_SHARE * min(shape))
    return [piece for piece in pieces if piece.size >= SPECK * largest] if largest >= least else []


def _merged(pieces: list[Piece]) -> list[Piece]:
    """Join pieces of one digit, the largest first, until nothing belongs together any more."""
    digits: list[Piece] = []
    while len(digits) != len(pieces):
        waiting, digits = sorted(digits or pieces, key=lambda one: one.size, reverse=True), []
        pieces = waiting
        for piece in waiting:
            home = next((at for at, one in enumerate(digits) if _belongs(piece, one)), None)
            if home is None:
                digits.append(piece)
            else:
                digits[home] = digits[home].joined(piece)
    return digits


def _belongs(piece: Piece, digit: Piece) -> bool:
    """Whether the smaller of two pieces is a part of the larger."""
    small, large = piece.box, digit.box
    aside = max(small.left, large.left) - min(small.right, large.right)
    above = max(small.top, large.top) - min(small.bottom, large.bottom)
    if _is_bar(small, large, aside, above) or _is_bar(large, small, aside, above):
        return True
    if piece.size > PIECE * digit.size:
        # Two of one size: one digit only if they lie across each other, as in an open 4, or if
        # one goes on where the other stops.
        least = min(small.width, large.width)
        across = -aside >= ACROSS * least and -above >= OVERLAP * small.height
        torn = -aside >= OVERLAP * least and 0 <= above <= NEAR * digit.size
        return across or torn
    near = float(np.hypot(max(aside, 0), max(above, 0)))
    stacked = -aside >= OVERLAP * small.width and above <= STACKED * digit.size
    return near <= NEAR * digit.size or stacked


def _is_bar(bar: Box, body: Box, aside: int, above: int) -> bool:
    """Whether one is a flat stroke over the other, as in a 5 whose bar stands off."""
    return (
        bar.height <= FLAT * min(bar.width, body.height)
        and above <= BAR_OFF * body.height
        and -aside >= BAR_OVER * min(bar.width, body.width)
    )


def in_reading_order(digits: list[Piece]) -> list[Piece]:
    """Line by line from the top, each from left to right."""
    lines: list[list[Piece]] = []
    for digit in sorted(digits, key=lambda one: one.box.top + one.box.bottom):
        middle = (digit.box.top + digit.box.bottom) / 2
        if lines and middle < max(one.box.bottom for one in lines[-1]):
            lines[-1].append(digit)
        else:
            lines.append([digit])
    return [one for line in lines for one in sorted(line, key=lambda one: one.box.left)]


BLOT = 0.5
"""What is thicker than this share of its size is a blot."""
LOOK = 10
"""A figure is looked at as if it were so many pixels thick."""
THICK = 0.03
"""Shadows are thicker than this share of the picture's shorter side."""
SOFT = 0.6
"""At a stroke's edge, however blurred, ink rises by more than this within its thickness,"""
WIDE = 0.1
"""or within this share of the picture's longer side, if it is thicker."""


def is_blot(own: Mask, box: Box) -> bool:
    """Whether a figure is as thick as it is long.

    Args:
        own: its pixels, in the whole picture.
        box: around them.
    """
    figure = own[box.slices]
    # No stroke covers so much of its box; only what does needs to be measured.
    return bool(figure.mean() > BLOT) and thickness_of(figure) > BLOT * max(figure.shape)


def is_shadow(ink: Ink, own: Mask, box: Box) -> bool:
    """Whether a figure is thick, and has no edge anywhere near as sharp as a stroke's.

    Args:
        ink: of each pixel, 1 for a full stroke.
        own: the figure's pixels.
        box: around them.
    """
    figure = own[box.slices]
    thickness = thickness_of(figure)
    if thickness < max(LOOK, THICK * min(own.shape)):
        return False
    step = int(thickness / LOOK)
    wider = tuple(
        slice(max(0, part.start - 2 * step), part.stop + 2 * step, step) for part in box.slices
    )
    small, figure = ink[wider], own[wider]
    slope = ndimage.gaussian_gradient_magnitude(small, 1.0)
    edge = figure & ~ndimage.binary_erosion(figure, np.ones((3, 3)), border_value=1)
    within = min(thickness, WIDE * max(own.shape)) / step
    return not edge.any() or float(np.median(slope[edge])) * within < SOFT
