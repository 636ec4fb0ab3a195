"""From stroke pixels to digits: pieces that belong together, in reading order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from tsexplorer.data.digits.base import Box, Mask
from tsexplorer.data.digits.thickness import thickness_of

LEAST_SIDE = 6
"""A digit's longer side, in pixels worked on."""
LEAST_SHARE = 1 / 40
"""The same, as a share of the picture's shorter side."""
SMALL = 0.35
"""What is less than so many times as high as the highest digit is none."""
PIECE = 0.6
"""Pieces up to this share of their neighbour's height may be parts of it."""
NEAR = 0.12
OVERLAP = 0.5
FLAT = 0.6
EDGE = 0.6
CUT = 0.7
BLOT = 0.55
"""What is thicker than this share of its size is a blot or a shadow, and no stroke."""


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


def grouped(mask: Mask, single: bool) -> tuple[NDArray[np.int32], list[Piece]]:
    """Find digits.

    Args:
        mask: stroke pixels.
        single: whether all of it is one digit.

    Returns:
        the label of each pixel's connected stroke, and the digits in reading order.
    """
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    areas = np.bincount(labels.ravel(), minlength=count + 1)
    pieces = [
        Piece((number,), Box(x.start, y.start, x.stop, y.stop), int(areas[number]))
        for number, (y, x) in enumerate(ndimage.find_objects(labels), 1)
    ]
    pieces = _without_specks(_without_surroundings(pieces, mask.shape), mask.shape)
    if single:
        return labels, [reduce(Piece.joined, pieces)] if pieces else []
    digits = [one for one in _merged(pieces) if not _is_blot(labels, one)]
    tallest = max((one.size for one in digits), default=0)
    return labels, in_reading_order([one for one in digits if one.size >= SMALL * tallest])


def _is_blot(labels: NDArray[np.int32], piece: Piece) -> bool:
    # No stroke covers so much of its box; only what does needs to be measured.
    if piece.area < BLOT * piece.box.width * piece.box.height:
        return False
    own = np.isin(labels[piece.box.slices], piece.labels)
    return thickness_of(own) > BLOT * piece.size


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
            piece.size >= CUT * largest
            and not (inner and (piece.box.width > EDGE * width or piece.box.height > EDGE * height))
        )
    ]


def _touches(box: Box, shape: tuple[int, int]) -> bool:
    return box.left <= 0 or box.top <= 0 or box.right >= shape[1] or box.bottom >= shape[0]


def _without_specks(pieces: list[Piece], shape: tuple[int, int]) -> list[Piece]:
    """Leave out dust: what is tiny, and what is tiny beside the largest."""
    largest = max((piece.size for piece in pieces), default=0)
    least = max(LEAST_SIDE, LEAST_SHARE * min(shape))
    return [piece for piece in pieces if piece.size >= 0.08 * largest] if largest >= least else []


def _merged(pieces: list[Piece]) -> list[Piece]:
    """Join pieces of one digit, the largest first, until nothing belongs together any more."""
    waiting = sorted(pieces, key=lambda piece: piece.size, reverse=True)
    digits: list[Piece] = []
    for piece in waiting:
        for place, digit in enumerate(digits):
            if _belongs(piece, digit):
                digits[place] = digit.joined(piece)
                break
        else:
            digits.append(piece)
    return digits if len(digits) == len(pieces) else _merged(digits)


def _belongs(piece: Piece, digit: Piece) -> bool:
    """Whether the smaller of two pieces is a part of the larger."""
    small, large = piece.box, digit.box
    aside = max(small.left, large.left) - min(small.right, large.right)
    above = max(small.top, large.top) - min(small.bottom, large.bottom)
    height = max(large.height, large.width)
    bar, body = sorted((small, large), key=lambda box: box.height / box.width)
    if (
        bar.height <= FLAT * min(bar.width, body.height)
        and above <= 0.3 * body.height
        and -aside >= 0.35 * min(bar.width, body.width)
    ):
        return True
    if piece.size <= PIECE * digit.size:
        near = float(np.hypot(max(aside, 0), max(above, 0)))
        below_or_above = -aside >= OVERLAP * small.width and above <= 0.4 * height
        return near <= NEAR * height or below_or_above
    # Two of one size: one digit only if they lie across each other, as the halves of an open 4.
    return -aside >= 0.8 * min(small.width, large.width) and -above >= OVERLAP * small.height


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
