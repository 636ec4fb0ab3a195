"""All steps from a picture to net inputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tsexplorer.errors import UserError
from tsexplorer.imaging.greyscale import grey, light_on_dark
from tsexplorer.imaging.illumination import evened
from tsexplorer.imaging.normalisation import bounds, finished, net_input
from tsexplorer.imaging.paper import Sheet, sheet
from tsexplorer.imaging.resampling import thumbnail
from tsexplorer.imaging.ruled_lines import without_lines
from tsexplorer.imaging.segmentation import Piece, grouped, measured, smoothed, strokes
from tsexplorer.imaging.stroke_width import thickness_in
from tsexplorer.imaging.types import (
    AUTOMATIC,
    Box,
    Bytes,
    Digit,
    Ink,
    Options,
    Picture,
    Reading,
    Step,
)

STRIP = 240
"""Longer side of a step's picture, in pixels."""
CROP_LEAST = 8
MOST = 20


@dataclass(frozen=True, eq=False)
class _Found:
    """What the search came to.

    Attributes:
        part: where it was looked, in the picture's pixels.
        steps: what it looked like on the way.
        ink: 0 for the ground, 1 for a full stroke; of that part.
        labels: of that part.
        pieces: the digits, in that part's pixels.
        even: whether the ground was all of one level.
    """

    part: Box
    steps: tuple[Step, ...]
    ink: Ink
    labels: NDArray[np.int32]
    pieces: list[Piece]
    even: bool


def read(picture: Picture, options: Options = AUTOMATIC) -> Reading:
    """Find the digits in a picture and make a net input of each.

    A picture that is a finished net input already is taken as it is, unless a step is overruled.

    Args:
        picture: what :func:`decode`, :func:`from_canvas` or :func:`from_strokes` gave.
        options: what a person overrules.

    Raises:
        UserError: the part to be cut out lies outside the picture, or is too small.
    """
    part = _part(picture, options.crop)
    pixels = picture.pixels[part.slices]
    channel, which = grey(pixels)
    steps = (
        Step("As sent", thumbnail(pixels, STRIP), f"{picture.width} × {picture.height} pixels"),
        Step("Grey", thumbnail(channel, STRIP), which),
    )
    ready = finished(channel) if options.untouched else None
    if ready is not None:
        return Reading((_digit(ready, part, picture),), steps, unchanged=True)
    found = _search(channel, options, drawn=picture.drawn)
    digits = tuple(
        _digit(
            net_input(found.ink, found.labels, piece, options.thickness, keep_grey=found.even),
            piece.box.moved(found.part.left + part.left, found.part.top + part.top),
            picture,
        )
        for piece in found.pieces[:MOST]
    )
    return Reading(digits, (*steps, *found.steps), _note(len(found.pieces), picture.name))


def as_it_is(pixels: Bytes, name: str) -> Reading:
    """The reading of an image of a dataset: what the nets were trained on needs no step.

    Args:
        pixels: uint8 28×28, light on dark.
        name: of the image.
    """
    picture = Picture(pixels, name, 1, pixels.shape[1], pixels.shape[0])
    whole = Box(0, 0, picture.width, picture.height)
    return Reading((_digit(pixels, whole, picture),), (), unchanged=True)


def _part(picture: Picture, crop: Box | None) -> Box:
    """The part to look at, in the pixels that are worked on."""
    height, width = picture.pixels.shape[:2]
    if crop is None:
        return Box(0, 0, width, height)
    left, top = (max(0, edge // picture.factor) for edge in crop[:2])
    right, bottom = (-(-edge // picture.factor) for edge in crop[2:])
    part = Box(left, top, min(width, right), min(height, bottom))
    if min(part.width, part.height) < CROP_LEAST:
        raise UserError(
            f"The part to be cut out of {picture.name} is too small or lies outside it; choose a "
            f"larger one within its {picture.width} × {picture.height} pixels."
        )
    return part


def _search(channel: Bytes, options: Options, *, drawn: bool) -> _Found:
    """Look on the sheet of paper, if one is seen on a desk; if nothing is there, everywhere."""
    paper = sheet(channel) if options.invert != "yes" and not drawn else None
    if paper is not None:
        found = _search_within(channel, options, paper, drawn=False)
        if found.pieces:
            return found
    return _search_within(channel, options, None, drawn=drawn)


def _search_within(channel: Bytes, options: Options, paper: Sheet | None, *, drawn: bool) -> _Found:
    part, steps = Box(0, 0, channel.shape[1], channel.shape[0]), []
    if paper is not None:
        part = bounds(paper.inside)
        channel = paper.filled[part.slices]
        steps.append(_step("Sheet of paper", channel))
    light = light_on_dark(channel) if options.invert == "auto" else options.invert == "yes"
    ink, even = evened(channel, light)
    inside = None if paper is None else paper.inside[part.slices]
    if inside is not None:
        ink[~inside] = 0
    levels = measured(ink, even=even)
    note = ("light on dark" if light else "dark on light") + ("" if even else ", light evened")
    steps.append(_step("Ink", _shades(ink, levels.full), note))
    ink, lines = (ink, 0) if drawn else without_lines(ink, levels, inside)
    if lines:
        levels = measured(ink, even=even)
        note = "1 line taken out" if lines == 1 else f"{lines} lines taken out"
        steps.append(_step("Without lines", _shades(ink, levels.full), note))
    ink = smoothed(ink, levels)
    mask = strokes(ink, levels, options.threshold)
    ink /= levels.full or 1
    labels, pieces = grouped(mask, ink, single=options.single, whole=drawn)
    steps.append(_step("Strokes", np.where(mask, np.uint8(255), np.uint8(0))))
    if pieces:
        steps.append(Step("Digits", _boxed(channel, pieces), str(len(pieces))))
    return _Found(part, tuple(steps), ink, labels, pieces, even)


def _step(name: str, pixels: Bytes, note: str = "") -> Step:
    return Step(name, thumbnail(pixels, STRIP), note)


def _shades(ink: Ink, full: float) -> Bytes:
    """Ink as levels of grey, white the full stroke."""
    return np.asarray((ink * np.float32(255 / (full or 1))).clip(0, 255), np.uint8)


def _boxed(channel: Bytes, pieces: list[Piece]) -> Bytes:
    """The picture with a frame around each digit, black and white so that it shows anywhere."""
    small = Image.fromarray(thumbnail(channel, STRIP))
    share = small.width / channel.shape[1]
    draw = ImageDraw.Draw(small)
    for piece in pieces[:MOST]:
        left, top, right, bottom = (round(edge * share) for edge in piece.box)
        draw.rectangle((left - 3, top - 3, right + 2, bottom + 2), outline=255)
        draw.rectangle((left - 2, top - 2, right + 1, bottom + 1), outline=0)
    return np.asarray(small)


def _digit(pixels: Bytes, box: Box, picture: Picture) -> Digit:
    left, top, right, bottom = box.scaled(picture.factor)
    # The last pixel that is worked on may stand for fewer than the others.
    within = Box(left, top, min(right, picture.width), min(bottom, picture.height))
    return Digit(pixels, within, float(pixels.mean()) / 255, thickness_in(pixels))


def _note(count: int, name: str) -> str:
    if count == 0:
        return (
            f"No pen stroke was found in {name}; write larger or darker, come closer, or set the "
            "threshold by hand."
        )
    if count > MOST:
        return (
            f"{count} figures were found in {name} and the first {MOST} are read; cut out the "
            "part with the digits."
        )
    return ""
