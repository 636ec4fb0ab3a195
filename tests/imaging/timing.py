"""Time of the pipeline from an upload or a drawing to net inputs, on one core.

    python -m tests.imaging.timing [COUNT]

prints median and 95th percentile of processor time and of wall time, which is meaningful on an
idle machine only. Inference is not included.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

import numpy as np

from tests.imaging.synthetic import photo
from tests.imaging.synthetic_strokes import digit_polylines, scale_to_unit
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
"""Upper limits of the 95th percentile in milliseconds."""


def photos() -> list[Callable[[], ExtractionResult]]:
    """Calls that process the bytes of different photos."""
    contents = [photo(digit, seed=7, side=PHOTO_SIDE) for digit in range(PHOTOS)]
    sizes = ", ".join(f"{len(content) / 1e6:.1f}" for content in contents)
    print(f"photos of {sizes} MB", file=sys.stderr)
    return [
        lambda content=content: extract_digits(decode(content, "photo.jpg")) for content in contents
    ]


def drawings() -> list[Callable[[], ExtractionResult]]:
    """Calls that process the strokes of different drawings."""
    random = np.random.default_rng(8)

    def strokes(digit: int) -> list[Stroke]:
        lines = [PAD * (0.7 * line + 0.5) for line in scale_to_unit(digit_polylines(digit, random))]
        return [Stroke(tuple((float(x), float(y)) for x, y in line), 24.0) for line in lines]

    return [
        lambda drawing=drawing: extract_digits(picture_from_strokes(drawing, PAD, PAD))
        for drawing in map(strokes, range(10))
    ]


def measure(calls: list[Callable[[], ExtractionResult]], count: int) -> np.ndarray:
    """Processor time and wall time in milliseconds, count×2, after one warm-up of each call."""
    for call in calls:
        if len(call().digits) != 1:
            print("a digit was not found", file=sys.stderr)
    times = []
    for index in range(count):
        before = time.process_time(), time.perf_counter()
        calls[index % len(calls)]()
        times.append((time.process_time() - before[0], time.perf_counter() - before[1]))
    return 1000 * np.array(times)


def main(count: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    for name, calls in (("12-megapixel JPEG", photos()), ("drawing", drawings())):
        median, p95 = np.percentile(measure(calls, count), (50, 95), axis=0)
        print(
            f"{name}: processor time {median[0]:.0f} ms, p95 {p95[0]:.0f} ms; wall time "
            f"{median[1]:.0f} ms, p95 {p95[1]:.0f} ms; target {TARGETS[name]} ms at p95"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT)
