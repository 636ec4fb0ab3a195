"""Pictures of single digits as people send them, made by code from a seed.

They are for development and for the figures in ``test_digits_figures.py``. To look at them::

    python -m tests.digits.made FOLDER [COUNT]

writes each picture, and beside it what the nets would get.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.digits import made_scenes as scenes
from tests.digits.made_strokes import Line, drawn, fitted, holes, mnist_digits, traced

COUNT = 240
SEED = 4
HOLES = [{1}, {0}, {0, 1}, {0}, {0, 1}, {0}, {1}, {0}, {2}, {1}]
"""Loops that each digit may have."""
TURN_AT_MOST = np.deg2rad(15)


@dataclass(frozen=True)
class Made:
    """One picture, and how it came about."""

    name: str
    label: int
    content: bytes
    pen: str
    paper: str
    light: str
    hand: str
    side: int


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
        yield scene(number, digit, hand, fitted(lines), random)


def scene(
    number: int, digit: int, hand: str, lines: list[Line], random: np.random.Generator
) -> Made:
    """Write a digit on some paper with some pen, and take a picture of it."""
    long = int(np.exp(random.uniform(np.log(200), np.log(1400))))
    if number % 24 == 0:
        long = int(random.integers(2000, 3001))
    height, width = random.permutation([long, int(long * random.uniform(0.7, 1))])
    paper_name = str(random.choice(list(scenes.PAPERS), p=[0.35, 0.3, 0.25, 0.1]))
    pen_name = "chalk" if paper_name == "board" else str(random.choice(list(scenes.PENS)))
    light = str(random.choice(scenes.LIGHTS))
    pen = scenes.CHALK if paper_name == "board" else scenes.PENS[pen_name]
    paper = scenes.PAPERS[paper_name]

    size = min(height, width) * random.uniform(0.3, 0.8)
    camera = random.uniform(-0.6, 0.6) * TURN_AT_MOST
    turn = camera + random.uniform(-0.4, 0.4) * TURN_AT_MOST
    placed = _placed(lines, size, turn, (height, width), random)
    pen_width = max(1.2, size * random.uniform(pen.thinnest, pen.thickest))

    side = (int(height), int(width))
    ink = scenes.stroke_cover(placed, side, pen_width) * random.uniform(*pen.cover)
    ruling = scenes.paper_lines(
        side, paper.lines, camera, size / random.uniform(0.8, 3.5), random
    ) * random.uniform(0.5, 1)
    reflected = _mixed(paper.colours, (ruling, paper.line_colour), (ink, pen.colours), random)
    reflected *= scenes.light_field(side, light, random)[..., None]
    blur = random.uniform(0, 0.0012) * long
    pixels = scenes.photographed(reflected, random, blur, random.uniform(1, 7))
    kind = str(random.choice(["JPEG", "JPEG", "JPEG", "PNG", "WEBP"])) if long < 1000 else "JPEG"
    content = scenes.packed(pixels, kind, int(random.integers(40, 93)))
    name = f"{number:03}-{digit}-{pen_name.replace(' ', '-')}-{paper_name}-{light}.{kind.lower()}"
    return Made(name, digit, content, pen_name, paper_name, light, hand, long)


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
    paper, ink = random.choice(papers), random.choice(ink_colours)
    mixed = paper + print_cover[..., None] * (np.array(print_colour) * paper - paper)
    mixed += ink_cover[..., None] * (ink - mixed)
    return mixed.astype(np.float32)


def write(folder: Path, count: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for one in made(count):
        (folder / one.name).write_bytes(one.content)


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else COUNT)
