"""Damaged files and unusual pixels raise no exception but UserError."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tests.imaging.fuzz import MUTATIONS, mutants, originals, outcome, repair_checksums
from tsexplorer.errors import UserError
from tsexplorer.imaging import Box, ExtractionOptions, Picture, decode, extract_digits

COUNT = 2_400
PARTS = 8


@pytest.mark.parametrize("part", range(PARTS))
def test_damaged_files_are_read_or_refused(part: int) -> None:
    outcomes = Counter(outcome(content) for content in mutants(COUNT // PARTS, seed=part))
    assert sum(outcomes.values()) == COUNT // PARTS
    # Some files pass, and some reach the decoder and fail there.
    assert outcomes["read"] >= 20
    assert sum(count for message, count in outcomes.items() if "damaged" in message) >= 100


def test_the_original_files_are_intact() -> None:
    for content in originals():
        assert outcome(content) == "read"
    signatures = {content[:2] for content in originals()}
    assert len(signatures) >= 6


def test_each_mutation_changes_a_file() -> None:
    random = np.random.default_rng(0)
    files = originals()
    for mutation in MUTATIONS:
        assert any(mutation(bytearray(content), files, random) != content for content in files), (
            mutation
        )


def test_repaired_checksums_leave_the_damage_in_a_png() -> None:
    png = originals()[0]
    damaged = bytearray(png)
    damaged[20] ^= 1
    assert repair_checksums(png) == png
    repaired = repair_checksums(bytes(damaged))
    assert repaired[20] == damaged[20]
    assert repaired != bytes(damaged)


def test_unusual_pixels_and_options_raise_no_exception() -> None:
    random = np.random.default_rng(9)
    for index in range(250):
        height, width = (int(side) for side in random.integers(8, 90, 2))
        depth = () if index % 2 else (3,)
        levels = [np.arange(256), [0, 255], [7], [100, 101, 102]][index % 4]
        pixels = random.choice(levels, (height, width, *depth)).astype(np.uint8)
        if index % 3 == 0:
            pixels = np.kron(pixels[::4, ::4], np.ones((4, 4, *(1,) * len(depth)), np.uint8))
        picture = Picture(pixels, "x", 1, pixels.shape[1], pixels.shape[0], drawn=index % 5 == 0)
        options = ExtractionOptions(
            invert=str(random.choice(["auto", "yes", "no"])),  # type: ignore[arg-type]
            threshold=None if index % 3 else float(random.uniform(0.01, 0.99)),
            stroke_width=None if index % 7 else float(random.uniform(0.5, 6)),
            crop=Box(*(int(edge) for edge in random.integers(-9, 99, 4)))
            if index % 6 == 1
            else None,
            single_digit=index % 4 == 1,
        )
        try:
            result = extract_digits(picture, options)
        except UserError:
            if options.crop is None:
                raise
            continue
        assert bool(result.digits) != result.note.startswith("No pen stroke")
        for digit in result.digits:
            assert digit.pixels.shape == (28, 28)
            assert digit.pixels.dtype == np.uint8
            assert digit.pixels.any()


def test_bytes_after_a_complete_file_are_ignored() -> None:
    assert decode(originals()[0] + b"rubbish" * 100, "x").pixels.shape == (24, 20)
