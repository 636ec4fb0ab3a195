"""All steps from a picture to net inputs."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tsexplorer.data.digits.base import Box, Bytes, Digit, Ink, Mask, Options, Picture, Reading, Step
from tsexplorer.data.digits.framing import bounds, framed
from tsexplorer.data.digits.grey import grey as greyed
from tsexplorer.data.digits.groups import MOST, Piece, grouped
from tsexplorer.data.digits.light import evened
from tsexplorer.data.digits.lines import without_lines
from tsexplorer.data.digits.passing import finished
from tsexplorer.data.digits.polarity import light_on_dark
from tsexplorer.data.digits.thickness import redrawn, thickness_of, wanted
from tsexplorer.data.digits.threshold import measured, smoothed, strokes

FIGURE = 160
"""Longer side, in pixels, at which a digit's stroke is drawn anew."""
STRIP = 240
MARGIN = 2


def read(picture: Picture, options: Options = Options()) -> Reading:
    grey, channel = greyed(picture.pixels)
    ready = finished(grey)
    if ready is not None:
        box = Box(0, 0, picture.width, picture.height)
        return Reading((digit(ready, box),), (), unchanged=True)
    inverted = light_on_dark(grey) if options.invert == "auto" else options.invert == "yes"
    ink, even = evened(grey, inverted)
    levels = measured(ink)
    steps = [Step("grey", thumb(grey), channel), Step("light", thumb(shade(ink, levels.full)), f'{inverted} {even} {levels}')]
    ink, lines = without_lines(ink, levels)
    levels = measured(ink)
    steps.append(Step("lines", thumb(shade(ink, levels.full)), str(lines)))
    ink = smoothed(ink, levels)
    mask = strokes(ink, levels, options.threshold)
    steps.append(Step("mask", thumb(mask * np.uint8(255))))
    pieces, labels = grouped(mask, options.single)
    digits = []
    for piece in pieces[:MOST]:
        pixels = net_input(ink / levels.full, labels, piece, options)
        digits.append(digit(pixels, piece.box.scaled(picture.factor)))
    return Reading(tuple(digits), tuple(steps))


def net_input(ink: Ink, labels, piece: Piece, options: Options) -> Bytes:
    l, t, r, b = piece.box
    m = MARGIN
    l, t = max(0, l - m), max(0, t - m)
    sl = slice(t, b + m), slice(l, r + m)
    own = np.isin(labels[sl], piece.labels)
    other = (labels[sl] > 0) & ~own
    figure = np.where(other, 0, ink[sl]).clip(0, 1)
    from scipy import ndimage
    figure = np.where(ndimage.binary_dilation(own, np.ones((3, 3)), iterations=2), figure, 0).astype(np.float32)
    size = max(piece.box.width, piece.box.height)
    if size > FIGURE:
        k = -(-size // FIGURE)
        # thin strokes must not vanish: a pixel of the smaller figure is as dark as its darkest
        mask = own
        from tsexplorer.data.digits.lines import _block_any
        mask = _block_any(mask, k)
        t0 = thickness_of(own) / k
    else:
        k = FIGURE / size
        new = tuple(max(1, round(s * k)) for s in figure.shape[::-1])
        big = np.asarray(Image.fromarray(figure).resize(new, Image.Resampling.BICUBIC))
        mask = big >= 0.5
        if not mask.any():
            mask = big >= big.max() / 2
        t0 = thickness_of(mask)
    mb = bounds(mask)
    L = max(mb.width, mb.height)
    out = wanted(thickness_of(mask), L, options.thickness)
    pad = int(max(0, out)) + 2
    return framed(redrawn(np.pad(mask, pad), out))


def digit(pixels: Bytes, box: Box) -> Digit:
    from scipy import ndimage
    return Digit(pixels, box, float(pixels.mean()) / 255, thickness_small(pixels))


def thickness_small(pixels: Bytes) -> float:
    big = np.asarray(Image.fromarray(pixels).resize((112, 112), Image.Resampling.BICUBIC))
    return thickness_of(big >= 128) / 4


def shade(ink: Ink, full: float) -> Bytes:
    return (ink / (full or 1)).clip(0, 1).__mul__(255).astype(np.uint8)


def thumb(pixels: Bytes) -> Bytes:
    im = Image.fromarray(pixels)
    im.thumbnail((STRIP, STRIP), Image.Resampling.BOX)
    return np.asarray(im)
