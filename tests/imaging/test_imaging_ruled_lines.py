"""Printed lines are removed, and strokes are kept."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from tests.imaging.synthetic_ink import HEIGHT, WIDTH, digit_ink, random_generator, stroke_ink
from tests.imaging.synthetic_scenes import ruled_paper
from tsexplorer.imaging.ruled_lines import remove_ruled_lines
from tsexplorer.imaging.segmentation import estimate_levels


@pytest.mark.parametrize("kind", ["ruled", "squared"])
@pytest.mark.parametrize("degrees", [0, 3, -8, 14])
@pytest.mark.parametrize("digit", [2, 4, 7, 8])
def test_lines_are_removed_and_strokes_are_kept(digit: int, degrees: float, kind: str) -> None:
    strokes = digit_ink(digit, 7)
    angle = np.deg2rad(degrees)
    printed = ruled_paper((HEIGHT, WIDTH), kind, angle, 45, random_generator(digit))
    ink = np.maximum(0.7 * strokes, 0.35 * printed)
    cleaned, line_count = remove_ruled_lines(ink, estimate_levels(ink))
    background = ndimage.maximum_filter(strokes, 7) == 0
    assert line_count >= 5
    assert (cleaned[background] > 0.1).mean() < 0.005
    assert (cleaned[strokes == 1] > 0.5).mean() > 0.9
    # A stroke is not cut where a line crosses it.
    assert ndimage.label(cleaned > 0.35, np.ones((3, 3)))[1] <= 3


def test_a_line_as_dark_as_the_pen_is_removed() -> None:
    stroke = stroke_ink((200, 60), (200, 240), width=7)
    printed = ruled_paper((HEIGHT, WIDTH), "ruled", 0.05, 60, random_generator())
    cleaned, _ = remove_ruled_lines(np.maximum(stroke, printed), estimate_levels(stroke))
    assert (cleaned[ndimage.maximum_filter(stroke, 7) == 0] > 0.1).mean() < 0.002
    labels = ndimage.label(cleaned > 0.5)[0]
    assert np.bincount(labels.ravel())[1:].max() > 0.97 * (stroke > 0.5).sum()


@pytest.mark.parametrize(
    "points",
    [
        [(40, 150), (360, 150)],  # a long horizontal stroke
        [(200, 20), (200, 280)],  # a long vertical stroke
        [(60, 40), (340, 40), (200, 270)],  # a large 7
    ],
)
def test_a_long_stroke_is_not_a_printed_line(points: list[tuple[float, float]]) -> None:
    ink = stroke_ink(*points, width=4)
    cleaned, line_count = remove_ruled_lines(ink, estimate_levels(ink))
    assert line_count == 0
    assert np.array_equal(cleaned, ink)
