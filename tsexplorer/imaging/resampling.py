"""A decoded picture of any mode as small RGB or grey pixels, a band at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tsexplorer.imaging.types import Mask, UInt8Array

BAND_PIXELS = 1_000_000
HIGH_DEPTH_MODES = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")
"""Pillow's modes with more than eight bits a channel."""
MAX_16_BIT = 65535
MIN_16_BIT_PEAK = 0.125
"""A 16-bit picture whose lightest pixel is below this share of the range holds fewer bits."""
MIN_CONTRAST = 8


def downsample(image: Image.Image, factor: int) -> UInt8Array:
    """Take over a loaded picture, each ``factor``×``factor`` pixels as their mean.

    Args:
        image: loaded.
        factor: 1 leaves its size; at the right and the bottom a last pixel may stand for fewer.

    Returns:
        uint8 H×W, or H×W×3 where there is colour; transparent parts are white, unless white
        strokes would vanish on it: then they are black.

    Raises:
        ValueError: Pillow cannot convert the mode.
    """
    if image.mode in HIGH_DEPTH_MODES:
        block_means = [_block_means(band, factor) for band in _bands(image, factor)]
        return _to_8_bits(np.concatenate(block_means), image.mode)
    bands = [np.asarray(_to_8_bit_mode(band).reduce(factor)) for band in _bands(image, factor)]
    pixels = np.concatenate(bands)
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        pixels = _composite_on_paper(pixels)
    return drop_equal_channels(pixels)


def drop_equal_channels(pixels: UInt8Array) -> UInt8Array:
    """H×W instead of H×W×3 where the channels are alike."""
    # A coloured picture shows it in its first rows, for a hundredth of the time.
    for rows in (pixels[:8], pixels):
        if pixels.ndim == 2 or (rows[..., :1] != rows[..., 1:]).any():
            return pixels
    return np.ascontiguousarray(pixels[..., 0])


def _bands(image: Image.Image, factor: int) -> Iterator[Image.Image]:
    """The picture from top to bottom, so many rows at a time that they are whole squares."""
    rows = max(1, BAND_PIXELS // (image.width * factor)) * factor
    for top in range(0, image.height, rows):
        yield image.crop((0, top, image.width, min(top + rows, image.height)))


def _to_8_bit_mode(band: Image.Image) -> Image.Image:
    """The band as L, RGB or RGBA."""
    if band.mode in ("L", "RGB", "RGBA") and "transparency" not in band.info:
        return band
    if band.has_transparency_data:
        return band.convert("RGBA")
    return band.convert("L" if band.mode == "1" else "RGB")


def _composite_on_paper(pixels: UInt8Array) -> UInt8Array:
    """RGBA over white; over black where nothing could be seen on white."""
    colour, alpha = pixels[..., :3].astype(np.float32), pixels[..., 3:].astype(np.float32) / 255
    on_white = colour * alpha + 255 * (1 - alpha)
    if np.ptp(on_white) < MIN_CONTRAST <= np.ptp(alpha) * 255:
        return (colour * alpha + 0.5).astype(np.uint8)
    return (on_white + 0.5).astype(np.uint8)


def _block_means(band: Image.Image, factor: int) -> NDArray[np.float32]:
    """Means of squares of a deep band, whose height and width need not be multiples."""
    values = np.nan_to_num(np.asarray(band, np.float32), posinf=0, neginf=0)
    if factor == 1:
        return values
    for axis in (0, 1):
        starts = np.arange(0, values.shape[axis], factor)
        counts = np.diff([*starts, values.shape[axis]]).astype(np.float32)
        sums = np.add.reduceat(values, starts, axis)
        values = np.asarray(sums / (counts[:, None] if axis == 0 else counts), np.float32)
    return values


def _to_8_bits(values: NDArray[np.float32], mode: str) -> UInt8Array:
    """Deep values as 0...255: 16 bits by their range, others by what they hold.

    A scanner's 10 or 12 bits in a file of 16 would come out all but black by the file's range;
    they are stretched.
    """
    is_16_bit = mode.startswith("I;16")
    low = 0.0 if is_16_bit else float(values.min())
    high = float(values.max())
    if is_16_bit and high >= MIN_16_BIT_PEAK * MAX_16_BIT:
        high = float(MAX_16_BIT)
    if high <= low:
        return np.zeros(values.shape, np.uint8)
    return ((values - low) / (high - low) * 255 + 0.5).astype(np.uint8)


def thumbnail(pixels: UInt8Array, side: int) -> UInt8Array:
    """The mean of each part, so that no side is longer than ``side``; H×W or H×W×3."""
    image = Image.fromarray(pixels)
    scale = side / max(image.size)
    if scale >= 1:
        return pixels
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    # In two steps, of which the first, by a whole number, is many times as fast.
    return np.asarray(image.resize(size, Image.Resampling.BOX, reducing_gap=1.5))


def max_pool(mask: Mask, factor: int) -> Mask:
    """Whether anything is set in each ``factor``×``factor`` pixels, so that nothing thin is lost.

    >>> max_pool(np.eye(5, dtype=bool), 2).astype(int).tolist()
    [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    """
    if factor == 1:
        return mask
    height, width = (-(-side // factor) * factor for side in mask.shape)
    padded = np.zeros((height, width), bool)
    padded[: mask.shape[0], : mask.shape[1]] = mask
    blocks = padded.reshape(height // factor, factor, width // factor, factor)
    return np.asarray(blocks.any((1, 3)))
