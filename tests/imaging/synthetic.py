"""Pictures of single digits as people send them, made by code from a seed.

They are for development and for the figures in ``test_imaging_accuracy.py``. To look at them::

    python -m tests.imaging.synthetic FOLDER [COUNT]

writes each picture, and beside it what the nets would get.
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
from tests.imaging.synthetic_strokes import Line, drawn, fitted, holes, mnist_digits, traced
from tsexplorer.imaging import decode, extract_digits

COUNT = 200
CELL = 250
SEED = 4
HOLES = [{1}, {0}, {0, 1}, {0}, {0, 1}, {0}, {1}, {0}, {2}, {1}]
"""Loops that each digit may have."""
SIDES, LARGE_SIDES, LARGE_EVERY = (200, 1000), (2000, 3001), 48
"""Longer side of the pictures; most are small, since large ones take a second to make."""
TURN_AT_MOST = np.deg2rad(15)


@dataclass(frozen=True)
class Made:
    """One picture, and how it came about: its hand is ``drawn`` by code or traced from MNIST."""

    name: str
    label: int
    content: bytes
    pen: str
    paper: str
    light: str
    hand: str


def made(count: int = COUNT, seed: int = SEED) -> Iterator[Made]:
    """Pictures over all digits in turn; the same for the same seed, whatever ``count`` is."""
    images, labels = mnist_digits()
    # Where a loop is filled with ink, the middle line would be that of another figure.
    loops = [holes(image) for image in images]
    whole = np.array([many in HOLES[label] for many, label in zip(loops, labels, strict=True)])
    places = [np.flatnonzero((labels == digit) & whole) for digit in range(10)]
    for number in range(count):
        random = np.random.default_rng((seed, number))
        digit = number % 10
        if (number // 10) % 2:
            hand, lines = "mnist", traced(images[random.choice(places[digit])])
        else:
            hand, lines = "drawn", drawn(digit, random)
        yield _made(number, digit, hand, fitted(lines), random)


def photo(digit: int, seed: int, side: tuple[int, int]) -> bytes:
    """A JPEG of a digit, height × width pixels, as a phone would take it."""
    random = np.random.default_rng((seed, digit))
    setting = _setting(random)
    pixels = _scene(fitted(drawn(digit, random)), setting, side, random)
    return scenes.packed(pixels, "JPEG", 92)


def _made(
    number: int, digit: int, hand: str, lines: list[Line], random: np.random.Generator
) -> Made:
    large = number % LARGE_EVERY == LARGE_EVERY - 1
    long = int(np.exp(random.uniform(*np.log(LARGE_SIDES if large else SIDES))))
    side = [long, int(long * random.uniform(0.7, 1))]
    random.shuffle(side)
    setting = _setting(random)
    pixels = _scene(lines, setting, (side[0], side[1]), random)
    kind = "JPEG" if large else str(random.choice(["JPEG", "JPEG", "JPEG", "PNG", "WEBP"]))
    content = scenes.packed(pixels, kind, int(random.integers(40, 93)))
    words = "-".join((setting.pen_name, setting.paper_name, setting.light)).replace(" ", "-")
    name = f"{number:03}-{digit}-{words}.{kind.lower()}"
    return Made(name, digit, content, setting.pen_name, setting.paper_name, setting.light, hand)


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


def _scene(
    lines: list[Line], setting: _Setting, side: tuple[int, int], random: np.random.Generator
) -> NDArray[np.uint8]:
    """Write a digit on some paper with some pen, and take a picture of it, H×W×3."""
    pen, paper = setting.pen, setting.paper
    size = min(side) * random.uniform(0.3, 0.8)
    camera = random.uniform(-0.6, 0.6) * TURN_AT_MOST
    turn = camera + random.uniform(-0.4, 0.4) * TURN_AT_MOST
    placed = _placed(lines, size, turn, side, random)
    width = max(1.2, size * random.uniform(pen.thinnest, pen.thickest))
    ink = scenes.stroke_cover(placed, side, width) * np.float32(random.uniform(*pen.cover))
    spacing = size / random.uniform(0.8, 3.5)
    ruling = scenes.paper_lines(side, paper.lines, camera, spacing, random)
    ruling *= np.float32(random.uniform(0.5, 1))
    reflected = _mixed(paper.colours, (ruling, paper.line_colour), (ink, pen.colours), random)
    reflected *= scenes.light_field(side, setting.light, random)[..., None]
    blur = random.uniform(0, 0.0012) * max(side)
    return scenes.photographed(reflected, random, blur, random.uniform(1, 7))


def _placed(
    lines: list[Line],
    size: float,
    turn: float,
    side: tuple[int, int],
    random: np.random.Generator,
) -> list[Line]:
    """Lines of a figure around (0, 0) turned, enlarged and put wholly onto the paper, in pixels."""
    matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) * size
    turned = [line @ matrix for line in lines]
    reach = np.abs(np.concatenate(turned)).max(0) + 0.1 * size
    room = np.array(side[::-1]) / 2 - reach
    centre = np.array(side[::-1]) / 2 + np.maximum(room, 0) * random.uniform(-1, 1, 2)
    return [line + centre for line in turned]


def _mixed(
    papers: tuple[scenes.Colour, ...],
    printed: tuple[scenes.Field, scenes.Colour],
    written: tuple[scenes.Field, tuple[scenes.Colour, ...]],
    random: np.random.Generator,
) -> scenes.Field:
    """Paper with what is printed and then what is written on it, H×W×3."""
    (print_cover, print_colour), (ink_cover, ink_colours) = printed, written
    paper, ink = (np.array(random.choice(colours), np.float32) for colours in (papers, ink_colours))
    mixed = paper + print_cover[..., None] * (np.array(print_colour, np.float32) - 1) * paper
    mixed += ink_cover[..., None] * (ink - mixed)
    return mixed


def write(folder: Path, count: int) -> None:
    """Write the pictures, and for each what was found: its steps and its net inputs, in a row."""
    folder.mkdir(parents=True, exist_ok=True)
    for one in made(count):
        (folder / one.name).write_bytes(one.content)
        reading = extract_digits(decode(one.content, one.name))
        shown = [step.pixels for step in reading.steps]
        shown += [np.kron(digit.pixels, np.ones((5, 5), np.uint8)) for digit in reading.digits]
        row = Image.new("RGB", (CELL * len(shown), CELL))
        for place, pixels in enumerate(shown):
            row.paste(Image.fromarray(pixels).convert("RGB"), (CELL * place, 0))
        row.save((folder / one.name).with_suffix(".steps.png"))


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else COUNT)
