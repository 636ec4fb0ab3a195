"""Strokes or a canvas of a draw pad become a picture, and its digit is found."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.imaging.synthetic_strokes import digit_polylines, scale_to_unit
from tsexplorer.errors import UserError
from tsexplorer.imaging import (
    Stroke,
    extract_digits,
    parse_strokes,
    picture_from_canvas,
    picture_from_strokes,
)
from tsexplorer.imaging.drawing import MAX_POINTS, MAX_SIDE

PAD = 280


def digit_strokes(digit: int, width: float = 20.0, size: float = 180.0) -> list[Stroke]:
    lines = scale_to_unit(digit_polylines(digit, np.random.default_rng(digit)))
    return [
        Stroke(tuple((float(x), float(y)) for x, y in size * line + PAD / 2), width)
        for line in lines
    ]


@pytest.mark.parametrize("width", [4, 20, 40])
@pytest.mark.parametrize("digit", range(10))
def test_a_drawn_digit_is_found(digit: int, width: float) -> None:
    result = extract_digits(picture_from_strokes(digit_strokes(digit, width), PAD, PAD))
    assert len(result.digits) == 1
    assert result.digits[0].is_typical
    names = ["Original", "Greyscale", "Ink", "Strokes", "Digits"]
    assert [step.name for step in result.steps] == names


def test_strokes_have_the_width_and_place_as_drawn() -> None:
    pixels = picture_from_strokes([Stroke(((50.0, 140.0), (230.0, 140.0)), 20.0)], PAD, 300).pixels
    assert pixels.shape == (300, PAD)
    assert (pixels[:, 140] < 128).sum() == pytest.approx(20, abs=1)
    assert pixels[140, 140] == 0
    # Round ends: half the brush width beyond the first and the last point.
    across = np.flatnonzero(pixels[140] < 128)
    assert (across[0], across[-1]) == (pytest.approx(40, abs=1), pytest.approx(239, abs=1))


def test_a_single_point_is_a_dot() -> None:
    pixels = picture_from_strokes([Stroke(((100.0, 60.0),), 30.0)], PAD, PAD).pixels
    assert (pixels < 128).sum() == pytest.approx(math.pi * 15**2, rel=0.05)
    assert picture_from_strokes([Stroke((), 30.0)], PAD, PAD).pixels.min() == 255


@pytest.mark.parametrize("strokes", [[], [Stroke(((140.0, 140.0),), 20.0)]])
def test_an_empty_pad_or_a_dot_has_no_digit(strokes: list[Stroke]) -> None:
    result = extract_digits(picture_from_strokes(strokes, PAD, PAD))
    assert result.digits == ()
    assert result.note.startswith("No pen stroke was found in the drawing; write larger")


def test_a_stroke_across_the_pad_is_not_a_ruled_line() -> None:
    across = Stroke(((140.0, -20.0), (140.0, 300.0)), 6.0)
    assert len(extract_digits(picture_from_strokes([across], PAD, PAD)).digits) == 1


def test_a_canvas_gives_the_digit_of_its_strokes() -> None:
    picture = picture_from_strokes(digit_strokes(3), PAD, PAD)
    (expected,) = extract_digits(picture).digits
    ink = 255 - picture.pixels
    clear = np.zeros((PAD, PAD, 4), np.uint8)
    clear[..., 3] = ink  # black on transparent
    light = np.dstack([ink, ink, ink, np.full_like(ink, 255)])  # white on black
    white = np.dstack([np.full((PAD, PAD, 3), 255, np.uint8), ink])  # white on transparent
    for canvas in (clear, light, white, light[..., :3], ink, 255 - ink):
        (digit,) = extract_digits(picture_from_canvas(canvas)).digits
        assert np.abs(digit.pixels.astype(int) - expected.pixels).max() <= 3


def test_a_large_canvas_is_downsampled() -> None:
    canvas = np.full((1500, 1900), 255, np.uint8)
    canvas[300:1200, 900:980] = 0
    picture = picture_from_canvas(canvas)
    assert picture.factor == 2
    (digit,) = extract_digits(picture).digits
    assert np.abs(np.subtract(digit.box, (900, 300, 980, 1200))).max() <= 4


def test_the_json_of_a_pad_is_parsed() -> None:
    payload = [{"width": 12, "points": [[1, 2.5], (3, 4)]}, {"width": 3.5, "points": []}]
    assert parse_strokes(payload) == (Stroke(((1.0, 2.5), (3.0, 4.0)), 12.0), Stroke((), 3.5))
    assert parse_strokes([]) == ()


@pytest.mark.parametrize(
    "payload",
    [
        *(None, 7, "strokes", b"strokes", {"width": 3}, [3], [None], ["ab"], [[]], [{}]),
        [{"points": [[1, 2]]}],
        [{"width": 3}],
        [{"width": "wide", "points": [[1, 2]]}],
        [{"width": 3, "points": [[1, 2, 3]]}],
        [{"width": 3, "points": [[1]]}],
        [{"width": 3, "points": [["one", 2]]}],
        [{"width": 3, "points": [[None, 2]]}],
        [{"width": 3, "points": "12"}],
        [{"width": 3, "points": 12}],
        [{"width": 10**400, "points": []}],
    ],
)
def test_other_json_is_refused(payload: object) -> None:
    with pytest.raises(UserError, match="could not be read; clear the pad and draw it again"):
        parse_strokes(payload)


@pytest.mark.parametrize(
    "stroke",
    [
        Stroke(((math.nan, 1.0),), 3.0),
        Stroke(((1.0, math.inf),), 3.0),
        Stroke(((1.0, 1e9),), 3.0),
        Stroke(((1.0, 1.0),), math.nan),
        Stroke(((1.0, 1.0),), 1e9),
        Stroke(((1.0, 1.0),) * (MAX_POINTS + 1), 3.0),
    ],
)
def test_strokes_out_of_range_are_refused(stroke: Stroke) -> None:
    with pytest.raises(UserError, match="could not be read; clear the pad"):
        picture_from_strokes([stroke], PAD, PAD)


@pytest.mark.parametrize(("width", "height"), [(0, 100), (100, 7), (MAX_SIDE + 1, 100), (-5, 9)])
def test_pad_sizes_out_of_range_are_refused(width: int, height: int) -> None:
    with pytest.raises(UserError, match="each side must have 8 to 2,000; change its size"):
        picture_from_strokes([], width, height)


@pytest.mark.parametrize(
    "canvas",
    [
        np.zeros((50, 50), np.float32),
        np.zeros((50,), np.uint8),
        np.zeros((50, 50, 2), np.uint8),
        np.zeros((50, 50, 5), np.uint8),
        np.zeros((2, 50, 50, 3), np.uint8),
    ],
)
def test_arrays_of_other_type_or_shape_are_refused(canvas: np.ndarray) -> None:
    with pytest.raises(UserError, match="could not be read; clear the pad"):
        picture_from_canvas(canvas)


def test_an_empty_canvas_is_refused() -> None:
    with pytest.raises(UserError, match="The pad is 0 × 0 pixels"):
        picture_from_canvas(np.zeros((0, 0), np.uint8))
