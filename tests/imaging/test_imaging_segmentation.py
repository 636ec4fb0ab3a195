"""Binarisation, and grouping of connected components into digits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from tests.imaging.synthetic_ink import HEIGHT, WIDTH, digit_ink, random_generator, stroke_ink
from tsexplorer.imaging.normalisation import bounding_box
from tsexplorer.imaging.segmentation import (
    Component,
    binarise,
    denoise,
    estimate_levels,
    find_digits,
    is_blot,
    is_shadow,
    sort_in_reading_order,
)
from tsexplorer.imaging.types import Box, InkMap

# -- binarisation -------------------------------------------------------------------------------


def test_levels_of_noise_and_ink_are_estimated() -> None:
    strokes = digit_ink(5)
    noise = random_generator().normal(0, 0.02, strokes.shape)
    levels = estimate_levels((0.6 * strokes + noise).astype(np.float32))
    assert levels.noise == pytest.approx(0.02, rel=0.1)
    assert levels.foreground == pytest.approx(0.1, rel=0.1)
    assert levels.full == pytest.approx(0.62, abs=0.03)
    assert estimate_levels(np.zeros((50, 50), np.float32)).full == 0


def test_weak_ink_counts_if_it_is_connected_to_strong_ink() -> None:
    ink = np.zeros((40, 60), np.float32)
    ink[10, 5:30] = 1
    ink[10, 30:40] = 0.35  # weak, connected
    ink[30, 5:30] = 0.35  # weak, isolated
    levels = estimate_levels(ink, uniform_background=True)
    mask = binarise(ink, levels)
    assert mask[10, 5:40].all()
    assert mask.sum() == 35
    assert binarise(ink, levels, 0.3)[30, 5:30].all()
    assert binarise(ink, levels, 0.9).sum() == 25


def test_pale_ink_needs_a_manual_threshold() -> None:
    ink = 0.09 * digit_ink(5)
    levels = estimate_levels(ink, uniform_background=True)
    assert not binarise(ink, levels).any()
    assert binarise(ink, levels, 0.5).any()


def test_only_noisy_ink_is_smoothed() -> None:
    ink = digit_ink(5)
    assert denoise(ink, estimate_levels(ink)) is ink
    noise = random_generator().normal(0, 0.06, ink.shape)
    noisy = (0.5 * ink + noise).astype(np.float32)
    assert denoise(noisy, estimate_levels(noisy)).std() < noisy.std()


# -- digits -------------------------------------------------------------------------------------


def digit_boxes(*inks: InkMap, **options: bool) -> list[Box]:
    ink = np.max(inks, axis=0)
    return [digit.box for digit in find_digits(ink >= 0.5, ink, **options)[1]]


def test_two_digits_side_by_side_are_two() -> None:
    first = stroke_ink((100, 80), (100, 220))
    second = stroke_ink((150, 80), (210, 120), (150, 220), (210, 220))
    boxes = digit_boxes(second, first)
    assert len(boxes) == 2
    assert boxes[0].right < boxes[1].left
    assert len(digit_boxes(second, first, single_digit=True)) == 1


def test_two_vertical_strokes_close_together_are_two_digits() -> None:
    first, second = stroke_ink((100, 80), (100, 220)), stroke_ink((118, 82), (118, 218))
    assert len(digit_boxes(first, second)) == 2


def test_a_five_with_a_detached_bar_is_one_digit() -> None:
    body = stroke_ink((120, 100), (118, 150), (170, 160), (160, 220), (110, 225))
    for bar in ([(135, 85), (190, 80)], [(120, 70), (210, 66)], [(150, 88), (200, 60)]):
        assert len(digit_boxes(body, stroke_ink(*bar))) == 1


def test_an_open_four_of_two_strokes_is_one_digit() -> None:
    left = stroke_ink((120, 80), (105, 160), (200, 158))
    assert len(digit_boxes(left, stroke_ink((175, 90), (170, 230)))) == 1


def test_an_interrupted_stroke_is_one_digit() -> None:
    upper, lower = stroke_ink((100, 80), (100, 150)), stroke_ink((101, 162), (103, 220))
    assert len(digit_boxes(upper, lower)) == 1


def test_dots_and_dust_are_left_out() -> None:
    dot = stroke_ink((200, 215), (203, 216))
    assert len(digit_boxes(digit_ink(3), dot)) == 1
    assert digit_boxes(dot, stroke_ink((20, 20), (21, 21), width=3)) == []


def test_objects_that_enter_from_outside_are_left_out() -> None:
    desk = np.zeros((HEIGHT, WIDTH), np.float32)
    desk[:, 380:] = 1
    assert len(digit_boxes(digit_ink(3), desk)) == 1
    assert len(digit_boxes(digit_ink(3), stroke_ink((0, 280), (60, 290)))) == 1
    # In a drawing, strokes at the border are kept.
    strokes = stroke_ink((100, 80), (100, 220)), stroke_ink((300, 0), (300, 300))
    assert len(digit_boxes(*strokes, drawn=True)) == 2


def test_a_single_digit_cut_by_the_border_is_found() -> None:
    assert len(digit_boxes(stroke_ink((0, 100), (60, 100), (30, 200)))) == 1


def test_digits_are_sorted_by_line_and_column() -> None:
    corners = [(50, 10), (10, 12), (90, 8), (60, 70), (20, 66)]
    components = [Component((), Box(x, y, x + 20, y + 30), 1) for x, y in corners]
    assert [(digit.box.left, digit.box.top) for digit in sort_in_reading_order(components)] == [
        *((10, 12), (50, 10), (90, 8)),
        *((20, 66), (60, 70)),
    ]


def test_the_number_of_components_is_limited() -> None:
    noise = (random_generator().random((1000, 1000)) < 0.2).astype(np.float32)
    assert len(find_digits(noise > 0.5, noise)[1]) < 400


# -- blots and shadows --------------------------------------------------------------------------


def test_a_disc_is_a_blot_and_a_stroke_is_not() -> None:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    disc = (y - 150) ** 2 + (x - 200) ** 2 < 60**2
    assert is_blot(disc, bounding_box(disc))
    thick_stroke = stroke_ink((200, 50), (200, 250), width=60)
    for ink in (digit_ink(0, 30), digit_ink(8, 25), thick_stroke):
        assert not is_blot(ink > 0.5, bounding_box(ink > 0.5))


def test_a_soft_edge_is_a_shadow_and_a_blurred_stroke_is_not() -> None:
    ramp = np.linspace(-1, 2, WIDTH, dtype=np.float32).clip(0, 1)[None].repeat(HEIGHT, 0)
    mask = ramp > 0.5
    assert is_shadow(ramp, mask, bounding_box(mask))
    for width, blur in ((4, 3), (20, 8), (60, 15)):
        ink = ndimage.gaussian_filter(digit_ink(5, width), blur)
        mask = ink > ink.max() / 2
        assert not is_shadow(ink / ink.max(), mask, bounding_box(mask))
