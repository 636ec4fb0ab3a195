"""Example images, drawn by code: ten classes of coloured shapes and signs on textured grounds.

They are meant for a first import without a download. Shapes differ in colour, size, place, angle
and roundness, are partly hidden, and lie on gradients, stripes and noise, so that a small net makes
mistakes.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from tsexplorer.errors import UserError

IMAGES_PER_CLASS = 500
SIDES = (32, 40, 48, 64)
SCALE = 4
"""Shapes are drawn this many times as large, and then reduced, for smooth edges."""
JPEG_QUALITY = 90
Point = tuple[float, float]


def write_example_images(path: Path, per_class: int = IMAGES_PER_CLASS, seed: int = 0) -> int:
    """Write a zip file with one folder for each class.

    Args:
        path: the file; an existing one is replaced.
        per_class: images of each class.
        seed: the same seed gives the same images.

    Returns:
        The number of images.

    Raises:
        UserError: the file cannot be written.
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
            count = 0
            for name, image in example_images(per_class, seed):
                content = io.BytesIO()
                image.save(content, "JPEG", quality=JPEG_QUALITY)
                # A fixed date, so that the same seed gives the same file.
                member = zipfile.ZipInfo(f"example-images/{name}", (2026, 1, 1, 0, 0, 0))
                archive.writestr(member, content.getvalue())
                count += 1
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise UserError(
            f"{path} cannot be written ({error.strerror}); choose another file."
        ) from error
    return count


def example_images(per_class: int, seed: int) -> Iterator[tuple[str, Image.Image]]:
    """Names ("ring/012.jpg") and images, class after class."""
    for label, (name, outline) in enumerate(OUTLINES.items()):
        # RandomState gives the same numbers in all versions of numpy (NEP 19).
        random = np.random.RandomState(1000 * seed + label)
        for number in range(per_class):
            yield f"{name}/{number:03}.jpg", draw_example(outline, random)


def draw_example(
    outline: Callable[[], list[list[Point]]], random: np.random.RandomState
) -> Image.Image:
    """One image with a shape on a textured ground."""
    side = int(random.choice(SIDES))
    ground = _ground(side, random)
    base = ground.mean((0, 1))
    image = Image.fromarray(ground)
    _draw_distractors(image, random)
    colour = _contrasting(base, random)
    mask = Image.new("L", (side * SCALE, side * SCALE))
    _draw(mask, outline(), random)
    mask = mask.resize((side, side), Image.Resampling.BOX)
    image.paste(Image.new("RGB", image.size, colour), mask=mask)
    _draw_cover(image, random)
    if random.rand() < 0.25:
        image = image.filter(ImageFilter.GaussianBlur(random.uniform(0.3, 0.9) * side / 40))
    noise = random.normal(0, random.uniform(1, 10), (side, side, 3))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))


def _draw(mask: Image.Image, polygons: list[list[Point]], random: np.random.RandomState) -> None:
    """Draw polygons (-1...1), turned, stretched and moved; the second one is cut out."""
    side = mask.size[0]
    size = side * random.uniform(0.3, 0.44)
    stretch = random.uniform(0.88, 1.14)
    angle = random.uniform(-math.pi / 8, math.pi / 8)
    reach = max((side - 2 * size) / 2, 0) * 0.9
    centre = side / 2 + random.uniform(-reach, reach, 2)
    cosine, sine = math.cos(angle), math.sin(angle)
    pen = ImageDraw.Draw(mask)
    for number, polygon in enumerate(polygons):
        points = [
            (
                centre[0] + size * (cosine * x * stretch - sine * y / stretch),
                centre[1] + size * (sine * x * stretch + cosine * y / stretch),
            )
            for x, y in polygon
        ]
        pen.polygon(points, fill=255 if number == 0 else 0)


def _ground(side: int, random: np.random.RandomState) -> NDArray[np.uint8]:
    """A gradient between two colours with stripes or blotches, uint8 side×side×3."""
    first = random.uniform(30, 225, 3)
    second = np.clip(first + random.uniform(-90, 90, 3), 0, 255)
    angle = random.uniform(0, 2 * math.pi)
    y, x = np.mgrid[0:side, 0:side] / side - 0.5
    along = x * math.cos(angle) + y * math.sin(angle)
    kind = random.randint(3)
    if kind == 0:
        share = along + 0.5
    elif kind == 1:
        share = 0.5 + 0.25 * np.sin(2 * math.pi * random.uniform(2, 7) * along)
    else:
        coarse = random.rand(random.randint(3, 8), random.randint(3, 8))
        blotches = Image.fromarray((255 * coarse).astype(np.uint8)).resize(
            (side, side), Image.Resampling.BICUBIC
        )
        share = np.asarray(blotches) / 255
    share = np.clip(share, 0, 1)[..., None]
    ground: NDArray[np.uint8] = (first * share + second * (1 - share)).astype(np.uint8)
    return ground


def _contrasting(base: NDArray[np.float64], random: np.random.RandomState) -> tuple[int, int, int]:
    """A colour that differs from the mean of the ground."""
    while True:
        colour = random.uniform(0, 255, 3)
        if np.abs(colour - base).sum() > 260:
            red, green, blue = (int(value) for value in colour)
            return red, green, blue


def _draw_distractors(image: Image.Image, random: np.random.RandomState) -> None:
    """Thin lines and dots behind the shape."""
    pen, side = ImageDraw.Draw(image), image.size[0]
    for _ in range(random.randint(0, 3)):
        colour = tuple(int(value) for value in random.uniform(0, 255, 3))
        x, y = random.uniform(0, side, 2)
        if random.rand() < 0.5:
            pen.line([x, y, *random.uniform(0, side, 2)], fill=colour, width=max(1, side // 32))
        else:
            radius = side * random.uniform(0.03, 0.09)
            pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=colour)


def _draw_cover(image: Image.Image, random: np.random.RandomState) -> None:
    """A bar or a corner over a part of the shape."""
    if random.rand() < 0.3:
        pen, side = ImageDraw.Draw(image), image.size[0]
        colour = tuple(int(value) for value in random.uniform(0, 255, 3))
        x, y = random.uniform(0.15, 0.85, 2) * side
        angle, length = random.uniform(0, math.pi), side * random.uniform(0.4, 1.0)
        dx, dy = length / 2 * math.cos(angle), length / 2 * math.sin(angle)
        width = max(1, round(side * random.uniform(0.04, 0.09)))
        pen.line([x - dx, y - dy, x + dx, y + dy], fill=colour, width=width)


def _regular(corners: int, turn: float = 0.0, radius: float = 1.0) -> list[Point]:
    angles = (2 * math.pi * corner / corners + turn - math.pi / 2 for corner in range(corners))
    return [(radius * math.cos(angle), radius * math.sin(angle)) for angle in angles]


def _star() -> list[list[Point]]:
    outer, inner = _regular(5), _regular(5, math.pi / 5, 0.45)
    return [[point for pair in zip(outer, inner, strict=True) for point in pair]]


def _ring() -> list[list[Point]]:
    return [_regular(40), _regular(40, radius=0.5)]


def _crescent() -> list[list[Point]]:
    return [_regular(40), [(x + 0.55, y) for x, y in _regular(40, radius=0.8)]]


def _heart() -> list[list[Point]]:
    turns = [2 * math.pi * step / 40 for step in range(40)]
    return [
        [
            (
                math.sin(turn) ** 3,
                -(
                    13 * math.cos(turn)
                    - 5 * math.cos(2 * turn)
                    - 2 * math.cos(3 * turn)
                    - math.cos(4 * turn)
                )
                / 16,
            )
            for turn in turns
        ]
    ]


def _arrow() -> list[list[Point]]:
    return [[(0, -1), (0.8, 0), (0.3, 0), (0.3, 1), (-0.3, 1), (-0.3, 0), (-0.8, 0)]]


def _cross() -> list[list[Point]]:
    a = 0.32
    return [
        [
            *((-a, -1), (a, -1), (a, -a), (1, -a), (1, a), (a, a)),
            *((a, 1), (-a, 1), (-a, a), (-1, a), (-1, -a), (-a, -a)),
        ]
    ]


def _drop() -> list[list[Point]]:
    arc = [math.pi * (step / 20 * 1.4 - 0.2) for step in range(21)]
    return [[(0, -1.1), *((0.75 * math.cos(turn), 0.3 + 0.75 * math.sin(turn)) for turn in arc)]]


OUTLINES: dict[str, Callable[[], list[list[Point]]]] = {
    "arrow": _arrow,
    "crescent": _crescent,
    "cross": _cross,
    "disc": lambda: [_regular(40)],
    "drop": _drop,
    "heart": _heart,
    "hexagon": lambda: [_regular(6)],
    "pentagon": lambda: [_regular(5)],
    "ring": _ring,
    "star": _star,
}
"""Polygons of each class: the first is filled, a second one cut out."""
