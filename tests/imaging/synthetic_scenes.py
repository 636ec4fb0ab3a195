"""Pens, papers, light and camera of the synthetic pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from tests.imaging.synthetic_strokes import Polyline

Field = NDArray[np.float32]
Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Pen:
    """A pen; its range of widths is given as shares of the digit's longer side."""

    thinnest: float
    thickest: float
    colours: tuple[Colour, ...]
    cover: tuple[float, float]


@dataclass(frozen=True)
class Paper:
    """A paper: its colours, the kind of printed lines, and their colour."""

    colours: tuple[Colour, ...]
    lines: str = "none"
    line_colour: Colour = (0.55, 0.68, 0.85)


BLACK, BLUE, RED, GREEN = (0.08, 0.08, 0.1), (0.1, 0.15, 0.5), (0.65, 0.1, 0.12), (0.05, 0.35, 0.15)
PENS = {
    "ball pen": Pen(0.012, 0.03, (BLACK, BLUE, BLUE, RED), (0.75, 0.95)),
    "pencil": Pen(0.015, 0.04, ((0.3, 0.3, 0.32),), (0.6, 0.85)),
    "felt pen": Pen(0.04, 0.08, (BLACK, BLUE, RED, GREEN), (0.85, 1.0)),
    "marker": Pen(0.09, 0.16, (BLACK, BLUE, GREEN), (0.9, 1.0)),
}
CHALK = Pen(0.05, 0.1, ((0.95, 0.95, 0.9),), (0.7, 0.95))
WHITES = ((0.97, 0.97, 0.95), (0.93, 0.91, 0.85), (0.9, 0.93, 0.95))
PAPERS = {
    "plain": Paper(WHITES),
    "ruled": Paper(WHITES, "ruled"),
    "squared": Paper(WHITES, "squared", (0.62, 0.7, 0.8)),
    "board": Paper(((0.12, 0.2, 0.16), (0.13, 0.13, 0.14))),
}
LIGHTS = ("even", "gradient", "shadow", "lamp")


def stroke_cover(lines: Sequence[Polyline], side: tuple[int, int], width: float) -> Field:
    """Share of each pixel that the pen covers, H×W.

    Args:
        lines: polylines in pixels.
        side: height and width of the picture.
        width: width of the pen in pixels.
    """
    supersampling = 4 if width < 6 else 2 if width < 20 else 1
    image = Image.new("L", (side[1] * supersampling, side[0] * supersampling))
    draw = ImageDraw.Draw(image)
    half = width * supersampling / 2
    for line in lines:
        points = [(float(x) * supersampling, float(y) * supersampling) for x, y in line]
        draw.line(points, fill=255, width=max(1, round(width * supersampling)))
        if half >= 1:
            for x, y in points:
                draw.ellipse((x - half, y - half, x + half, y + half), fill=255)
    return np.asarray(image.reduce(supersampling), np.float32) / 255


def ruled_paper(
    side: tuple[int, int], kind: str, angle: float, spacing: float, random: np.random.Generator
) -> Field:
    """Share of each pixel that printed lines cover, H×W."""
    height, width = side
    cover = np.zeros(side, np.float32)
    if kind == "none":
        return cover
    y = np.arange(height, dtype=np.float32)[:, None]
    x = np.arange(width, dtype=np.float32)
    line_width = max(0.8, spacing * random.uniform(0.02, 0.045))
    for turn in (0.0, np.pi / 2)[: 1 if kind == "ruled" else 2]:
        cosine, sine = np.float32(np.cos(angle + turn)), np.float32(np.sin(angle + turn))
        position = y * cosine - x * sine + np.float32(random.uniform(0, spacing))
        distance = np.abs((position + spacing / 2) % spacing - spacing / 2)
        cover = np.maximum(cover, np.clip(line_width / 2 + 0.5 - distance, 0, 1))
    return cover


def light_field(side: tuple[int, int], kind: str, random: np.random.Generator) -> Field:
    """Illumination of each pixel, 0...1, H×W."""
    grid = np.mgrid[-1:1:48j, -1:1:48j]
    angle = random.uniform(0, 2 * np.pi)
    along = grid[0] * np.sin(angle) + grid[1] * np.cos(angle)
    if kind == "even":
        field = np.full((48, 48), random.uniform(0.85, 1))
    elif kind == "gradient":
        field = 0.5 + 0.5 * random.uniform(0.5, 1) * (along + 1.5) / 3 + 0.05
    elif kind == "lamp":
        centre = random.uniform(-0.6, 0.6, 2)
        distance = (grid[0] - centre[0]) ** 2 + (grid[1] - centre[1]) ** 2
        field = 0.4 + 0.6 * np.exp(-distance / random.uniform(1, 2.5))
    else:
        depth, soft = random.uniform(0.3, 0.5), random.uniform(0.04, 0.3)
        edge = along + 0.2 * np.sin(3 * (grid[0] * np.cos(angle) - grid[1] * np.sin(angle)))
        field = 1 - depth / (1 + np.exp(-(edge - random.uniform(-0.4, 0.4)) / soft))
    image = Image.fromarray(field.astype(np.float32)).resize(side[::-1], Image.Resampling.BICUBIC)
    return np.asarray(image)


def photograph(
    reflected: NDArray[np.float32], random: np.random.Generator, blur: float, noise: float
) -> NDArray[np.uint8]:
    """Blur, noise and quantisation of a camera: reflected light 0...1 to uint8, H×W×3."""
    if blur > 0.3:
        reflected = ndimage.gaussian_filter(reflected, (blur, blur, 0))
    tile = random.normal(0, noise / 255, (256, 256, 3)).astype(np.float32)
    repeats = -(-np.array(reflected.shape[:2]) // 256)
    grain = np.tile(tile, (*repeats, 1))[: reflected.shape[0], : reflected.shape[1]]
    return (np.clip(reflected + grain, 0, 1) * 255 + 0.5).astype(np.uint8)


def encode_pixels(pixels: NDArray[np.uint8], file_format: str, quality: int) -> bytes:
    """Pixels as the bytes of a file."""
    buffer = BytesIO()
    options = {} if file_format == "PNG" else {"quality": quality}
    Image.fromarray(pixels).save(buffer, file_format, **options)
    return buffer.getvalue()
