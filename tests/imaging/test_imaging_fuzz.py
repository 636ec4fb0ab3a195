"""Nothing but a UserError comes out of broken files and odd pixels."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tests.imaging.fuzz import MUTATIONS, checksums_mended, mutants, originals, outcome
from tsexplorer.errors import UserError
from tsexplorer.imaging import Box, ExtractionOptions, Picture, decode, extract_digits

COUNT = 2_400
PARTS = 8


@pytest.mark.parametrize("part", range(PARTS))
def test_broken_files_are_read_or_refused(part: int) -> None:
    outcomes = Counter(outcome(content) for content in mutants(COUNT // PARTS, seed=part))
    assert sum(outcomes.values()) == COUNT // PARTS
    # Neither are all refused at the door, nor does all pass.
    assert outcomes["read"] >= 20
    assert sum(many for said, many in outcomes.items() if "damaged" in said) >= 100


def test_what_is_broken_was_whole() -> None:
    for content in originals():
        assert outcome(content) == "read"
    kinds = {content[:2] for content in originals()}
    assert len(kinds) >= 6


def test_each_mutation_changes_a_file() -> None:
    random = np.random.default_rng(0)
    files = originals()
    for mutation in MUTATIONS:
        assert any(mutation(bytearray(content), files, random) != content for content in files), (
            mutation
        )


def test_a_mended_png_has_right_checksums() -> None:
    png = originals()[0]
    broken = bytearray(png)
    broken[20] ^= 1
    assert checksums_mended(png) == png
    mended = checksums_mended(bytes(broken))
    assert mended[20] == broken[20]
    assert mended != bytes(broken)


def test_odd_pixels_with_odd_options() -> None:
    """Whatever is in a picture, and whatever is asked for, reading it ends well."""
    random = np.random.default_rng(9)
    for number in range(250):
        height, width = (int(side) for side in random.integers(8, 90, 2))
        depth = () if number % 2 else (3,)
        levels = [np.arange(256), [0, 255], [7], [100, 101, 102]][number % 4]
        pixels = random.choice(levels, (height, width, *depth)).astype(np.uint8)
        if number % 3 == 0:
            pixels = np.kron(pixels[::4, ::4], np.ones((4, 4, *(1,) * len(depth)), np.uint8))
        picture = Picture(pixels, "x", 1, pixels.shape[1], pixels.shape[0], drawn=number % 5 == 0)
        options = ExtractionOptions(
            invert=str(random.choice(["auto", "yes", "no"])),  # type: ignore[arg-type]
            threshold=None if number % 3 else float(random.uniform(0.01, 0.99)),
            stroke_width=None if number % 7 else float(random.uniform(0.5, 6)),
            crop=Box(*(int(edge) for edge in random.integers(-9, 99, 4)))
            if number % 6 == 1
            else None,
            single_digit=number % 4 == 1,
        )
        try:
            reading = extract_digits(picture, options)
        except UserError:
            if options.crop is None:
                raise
            continue
        assert bool(reading.digits) != reading.note.startswith("No pen stroke")
        for digit in reading.digits:
            assert digit.pixels.shape == (28, 28)
            assert digit.pixels.dtype == np.uint8
            assert digit.pixels.any()


def test_a_whole_file_in_front_of_rubbish_is_read() -> None:
    assert decode(originals()[0] + b"rubbish" * 100, "x").pixels.shape == (24, 20)
