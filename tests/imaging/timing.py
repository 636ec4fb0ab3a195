"""How long it takes from an upload, or a drawing, to the net inputs, on one core.

    python -m tests.imaging.timing [COUNT]

Prints the median and the 95th percentile: processor time, and time on the clock, which says
nothing on a busy machine. The nets themselves are not in it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

import numpy as np

from tests.imaging.synthetic import photo
from tests.imaging.synthetic_strokes import drawn, fitted
from tsexplorer.imaging import (
    ExtractionResult,
    Stroke,
    decode,
    extract_digits,
    picture_from_strokes,
)

COUNT = 60
PHOTOS = 6
PHOTO_SIDE = (3024, 4032)
PAD = 400
TARGETS = {"12-megapixel JPEG": 200, "drawing": 100}
"""Milliseconds at the 95th percentile."""


def photos() -> list[Callable[[], ExtractionResult]]:
    """Ways from the bytes of different photos to their digits."""
    contents = [photo(digit, seed=7, side=PHOTO_SIDE) for digit in range(PHOTOS)]
    sizes = ", ".join(f"{len(content) / 1e6:.1f}" for content in contents)
    print(f"photos of {sizes} MB", file=sys.stderr)
    return [
        lambda content=content: extract_digits(decode(content, "photo.jpg")) for content in contents
    ]


def drawings() -> list[Callable[[], ExtractionResult]]:
    """Ways from the strokes of different drawings to their digits."""
    random = np.random.default_rng(8)

    def strokes(digit: int) -> list[Stroke]:
        lines = [PAD * (0.7 * line + 0.5) for line in fitted(drawn(digit, random))]
        return [Stroke(tuple((float(x), float(y)) for x, y in line), 24.0) for line in lines]

    figures = [strokes(digit) for digit in range(10)]
    return [
        lambda figure=figure: extract_digits(picture_from_strokes(figure, PAD, PAD))
        for figure in figures
    ]


def measured(ways: list[Callable[[], ExtractionResult]], count: int) -> np.ndarray:
    """Milliseconds count×2: of the processor, and on the clock; the first turn does not count."""
    for way in ways:
        if len(way().digits) != 1:
            print("a digit was not found", file=sys.stderr)
    times = []
    for number in range(count):
        before = time.process_time(), time.perf_counter()
        ways[number % len(ways)]()
        times.append((time.process_time() - before[0], time.perf_counter() - before[1]))
    return 1000 * np.array(times)


def main(count: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    for name, ways in (("12-megapixel JPEG", photos()), ("drawing", drawings())):
        half, most = np.percentile(measured(ways, count), (50, 95), axis=0)
        print(
            f"{name}: processor {half[0]:.0f} ms, at p95 {most[0]:.0f} ms; "
            f"clock {half[1]:.0f} ms, at p95 {most[1]:.0f} ms; target {TARGETS[name]} ms at p95"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT)
