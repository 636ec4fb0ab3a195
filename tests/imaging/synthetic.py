"""Synthetic pictures of single handwritten digits, generated from a seed.

They serve development and the accuracies in ``test_imaging_accuracy.py``. To view them::

    python -m tests.imaging.synthetic FOLDER [COUNT]

writes each picture and, next to it, the steps of the pipeline and the net input.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.imaging import synthetic_scenes as scenes
from tests.imaging.synthetic_strokes import (
    Polyline,
    count_holes,
    digit_polylines,
    mnist_digits,
    scale_to_unit,
    trace_skeleton,
)
from tsexplorer.imaging import decode, extract_digits

COUNT = 200
CELL = 250
SEED = 4
HOLE_COUNTS = [{1}, {0}, {0, 1}, {0}, {0, 1}, {0}, {1}, {0}, {2}, {1}]
"""Possible numbers of holes, by digit."""
SIDES, LARGE_SIDES, LARGE_INTERVAL = (200, 1000), (2000, 3001), 48
"""Ranges of the longer side. Every 48th picture is large, since it takes a second to generate."""
MAX_ROTATION = np.deg2rad(15)


@dataclass(frozen=True)
class SyntheticPicture:
    """A picture file and its properties; ``handwriting`` is "drawn" (by code) or "mnist"."""

    name: str
    label: int
    content: bytes
    pen: str
    paper: str
    light: str
    handwriting: str


def synthetic_pictures(count: int = COUNT, seed: int = SEED) -> Iterator[SyntheticPicture]:
    """Pictures of the digits 0 to 9 in turn; picture k depends on the seed and on k only."""
    images, labels = mnist_digits()
    # With a hole filled by ink, the skeleton would be that of another digit.
    is_open = np.array(
        [
            count_holes(image) in HOLE_COUNTS[label]
            for image, label in zip(images, labels, strict=True)
        ]
    )
    indices = [np.flatnonzero((labels == digit) & is_open) for digit in range(10)]
    for index in range(count):
        random = np.random.default_rng((seed, index))
        digit = index % 10
        if (index // 10) % 2:
            handwriting, lines = "mnist", trace_skeleton(images[random.choice(indices[digit])])
        else:
            handwriting, lines = "drawn", digit_polylines(digit, random)
        yield _make_picture(index, digit, handwriting, scale_to_unit(lines), random)


def photo(digit: int, seed: int, side: tuple[int, int]) -> bytes:
    """A JPEG photo of a digit; ``side`` is height and width in pixels."""
    random = np.random.default_rng((seed, digit))
    setting = _setting(random)
    pixels = _render_scene(scale_to_unit(digit_polylines(digit, random)), setting, side, random)
    return scenes.encode_pixels(pixels, "JPEG", 92)


def _make_picture(
    index: int, digit: int, handwriting: str, lines: list[Polyline], random: np.random.Generator
) -> SyntheticPicture:
    large = index % LARGE_INTERVAL == LARGE_INTERVAL - 1
    long = int(np.exp(random.uniform(*np.log(LARGE_SIDES if large else SIDES))))
    side = [long, int(long * random.uniform(0.7, 1))]
    random.shuffle(side)
    setting = _setting(random)
    pixels = _render_scene(lines, setting, (side[0], side[1]), random)
    file_format = "JPEG" if large else str(random.choice(["JPEG", "JPEG", "JPEG", "PNG", "WEBP"]))
    content = scenes.encode_pixels(pixels, file_format, int(random.integers(40, 93)))
    description = "-".join((setting.pen_name, setting.paper_name, setting.light)).replace(" ", "-")
    name = f"{index:03}-{digit}-{description}.{file_format.lower()}"
    return SyntheticPicture(
        name, digit, content, setting.pen_name, setting.paper_name, setting.light, handwriting
    )


@dataclass(frozen=True)
class _Setting:
    pen_name: str
    paper_name: str
    light: str

    @property
    def pen(self) -> scenes.Pen:
        return scenes.CHALK if self.paper_name == "board" else scenes.PENS[self.pen_name]

    @property
    def paper(self) -> scenes.Paper:
        return scenes.PAPERS[self.paper_name]


def _setting(random: np.random.Generator) -> _Setting:
    paper = str(random.choice(list(scenes.PAPERS), p=[0.35, 0.3, 0.25, 0.1]))
    pen = "chalk" if paper == "board" else str(random.choice(list(scenes.PENS)))
    return _Setting(pen, paper, str(random.choice(scenes.LIGHTS)))


def _render_scene(
    lines: list[Polyline], setting: _Setting, side: tuple[int, int], random: np.random.Generator
) -> NDArray[np.uint8]:
    """Render a digit on paper under light, as photographed; uint8 H×W×3."""
    pen, paper = setting.pen, setting.paper
    size = min(side) * random.uniform(0.3, 0.8)
    camera = random.uniform(-0.6, 0.6) * MAX_ROTATION
    rotation = camera + random.uniform(-0.4, 0.4) * MAX_ROTATION
    placed = _place(lines, size, rotation, side, random)
    width = max(1.2, size * random.uniform(pen.thinnest, pen.thickest))
    ink = scenes.stroke_cover(placed, side, width) * np.float32(random.uniform(*pen.cover))
    spacing = size / random.uniform(0.8, 3.5)
    ruling = scenes.ruled_paper(side, paper.lines, camera, spacing, random)
    ruling *= np.float32(random.uniform(0.5, 1))
    reflected = _mix_colours(paper.colours, (ruling, paper.line_colour), (ink, pen.colours), random)
    reflected *= scenes.light_field(side, setting.light, random)[..., None]
    blur = random.uniform(0, 0.0012) * max(side)
    return scenes.photograph(reflected, random, blur, random.uniform(1, 7))


def _place(
    lines: list[Polyline],
    size: float,
    rotation: float,
    side: tuple[int, int],
    random: np.random.Generator,
) -> list[Polyline]:
    """Rotate, scale and place a digit around (0, 0) completely inside the picture, in pixels."""
    cosine, sine = np.cos(rotation), np.sin(rotation)
    matrix = np.array([[cosine, sine], [-sine, cosine]]) * size
    turned = [line @ matrix for line in lines]
    reach = np.abs(np.concatenate(turned)).max(0) + 0.1 * size
    room = np.array(side[::-1]) / 2 - reach
    centre = np.array(side[::-1]) / 2 + np.maximum(room, 0) * random.uniform(-1, 1, 2)
    return [line + centre for line in turned]


def _mix_colours(
    papers: tuple[scenes.Colour, ...],
    printed: tuple[scenes.Field, scenes.Colour],
    written: tuple[scenes.Field, tuple[scenes.Colour, ...]],
    random: np.random.Generator,
) -> scenes.Field:
    """Colours of paper with printed lines and ink on it, H×W×3."""
    (print_cover, print_colour), (ink_cover, ink_colours) = printed, written
    paper, ink = (np.array(random.choice(colours), np.float32) for colours in (papers, ink_colours))
    mixed = paper + print_cover[..., None] * (np.array(print_colour, np.float32) - 1) * paper
    mixed += ink_cover[..., None] * (ink - mixed)
    return mixed


def write_pictures(folder: Path, count: int) -> None:
    """Write each picture, and its steps and net inputs side by side."""
    folder.mkdir(parents=True, exist_ok=True)
    for picture in synthetic_pictures(count):
        (folder / picture.name).write_bytes(picture.content)
        result = extract_digits(decode(picture.content, picture.name))
        images = [step.pixels for step in result.steps]
        images += [np.kron(digit.pixels, np.ones((5, 5), np.uint8)) for digit in result.digits]
        row = Image.new("RGB", (CELL * len(images), CELL))
        for index, pixels in enumerate(images):
            row.paste(Image.fromarray(pixels).convert("RGB"), (CELL * index, 0))
        row.save((folder / picture.name).with_suffix(".steps.png"))


if __name__ == "__main__":
    write_pictures(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else COUNT)
