"""Downsampling, and conversion of any Pillow mode to 8-bit RGB or grey pixels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image

from tsexplorer.imaging.types import FloatImage, Mask, UInt8Image

BAND_PIXELS = 1_000_000
"""Approximate number of pixels that are converted at a time, to bound memory."""
HIGH_DEPTH_MODES = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")
"""Pillow's modes with more than 8 bits per channel."""
MAX_16_BIT = 65535
MIN_16_BIT_PEAK = 0.125
"""A 16-bit picture whose maximum is below this share of the range is taken to hold fewer bits."""
MIN_CONTRAST = 8
"""Strokes on a transparent background are visible on white paper from this range of levels on."""


def downsample(image: Image.Image, factor: int) -> UInt8Image:
    """Convert a picture to 8 bits and average each block of ``factor``×``factor`` pixels.

    Args:
        image: a loaded picture.
        factor: 1 keeps the size. Blocks at the right and bottom edge may be smaller.

    Returns:
        uint8 H×W, or H×W×3 if it has colour. Transparent pixels become white, or black if the
        strokes would be invisible on white.

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


def thumbnail(pixels: UInt8Image, side: int) -> UInt8Image:
    """Reduce H×W or H×W×3 pixels with a box filter so that no side is longer than ``side``."""
    image = Image.fromarray(pixels)
    scale = side / max(image.size)
    if scale >= 1:
        return pixels
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    # The gap makes Pillow reduce by a whole number first, which is many times as fast.
    return np.asarray(image.resize(size, Image.Resampling.BOX, reducing_gap=1.5))


def max_pool(mask: Mask, factor: int) -> Mask:
    """Whether any pixel is set in each block of ``factor``×``factor``; keeps thin strokes.

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


def drop_equal_channels(pixels: UInt8Image) -> UInt8Image:
    """H×W×3 pixels as H×W if the three channels are equal; others unchanged."""
    # The first rows already show that most colour pictures have colour, in 1 % of the time.
    for rows in (pixels[:8], pixels):
        if pixels.ndim == 2 or (rows[..., :1] != rows[..., 1:]).any():
            return pixels
    return np.ascontiguousarray(pixels[..., 0])


def _bands(image: Image.Image, factor: int) -> Iterator[Image.Image]:
    """Horizontal bands of whole blocks, from top to bottom."""
    rows = max(1, BAND_PIXELS // (image.width * factor)) * factor
    for top in range(0, image.height, rows):
        yield image.crop((0, top, image.width, min(top + rows, image.height)))


def _to_8_bit_mode(band: Image.Image) -> Image.Image:
    """The band in mode L, RGB or RGBA."""
    if band.mode in ("L", "RGB", "RGBA") and "transparency" not in band.info:
        return band
    if band.has_transparency_data:
        return band.convert("RGBA")
    return band.convert("L" if band.mode == "1" else "RGB")


def _composite_on_paper(pixels: UInt8Image) -> UInt8Image:
    """RGBA over white; over black if nothing would be visible on white."""
    colour, alpha = pixels[..., :3].astype(np.float32), pixels[..., 3:].astype(np.float32) / 255
    on_white = colour * alpha + 255 * (1 - alpha)
    if np.ptp(on_white) < MIN_CONTRAST <= np.ptp(alpha) * 255:
        return (colour * alpha + 0.5).astype(np.uint8)
    return (on_white + 0.5).astype(np.uint8)


def _block_means(band: Image.Image, factor: int) -> FloatImage:
    """Block means of a band in a high-depth mode; its sides need not be multiples of the factor."""
    values = np.nan_to_num(np.asarray(band, np.float32), posinf=0, neginf=0)
    if factor == 1:
        return values
    for axis in (0, 1):
        starts = np.arange(0, values.shape[axis], factor)
        counts = np.diff([*starts, values.shape[axis]]).astype(np.float32)
        sums = np.add.reduceat(values, starts, axis)
        values = np.asarray(sums / (counts[:, None] if axis == 0 else counts), np.float32)
    return values


def _to_8_bits(values: FloatImage, mode: str) -> UInt8Image:
    """Scale high-depth values to 0...255: 16-bit modes by their full range, others by min and max.

    A 16-bit file with a scanner's 10 or 12 bits would be nearly black, so it is stretched to its
    maximum.
    """
    is_16_bit = mode.startswith("I;16")
    low = 0.0 if is_16_bit else float(values.min())
    high = float(values.max())
    if is_16_bit and high >= MIN_16_BIT_PEAK * MAX_16_BIT:
        high = float(MAX_16_BIT)
    if high <= low:
        return np.zeros(values.shape, np.uint8)
    return ((values - low) / (high - low) * 255 + 0.5).astype(np.uint8)
