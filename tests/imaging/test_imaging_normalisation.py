"""A normalised digit lies in the field as MNIST's digits do; net inputs are recognised."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from tests.imaging.synthetic_ink import digit_ink, on_paper, random_generator, stroke_ink
from tests.imaging.synthetic_strokes import mnist_digits
from tsexplorer.imaging.normalisation import (
    CENTRE,
    bounding_box,
    centre_by_mass,
    match_net_input,
    normalise,
)
from tsexplorer.imaging.types import BOX_SIDE


@pytest.mark.parametrize("digit", range(10))
def test_a_normalised_digit_has_size_and_centre_of_mnist(digit: int) -> None:
    pixels = normalise(digit_ink(digit, 16))
    assert bounding_box(pixels > 0).longer_side == BOX_SIDE
    centre = ndimage.center_of_mass(pixels)
    assert all(abs(coordinate - CENTRE) <= 0.5 for coordinate in centre)
    assert pixels.max() == 255


def test_the_aspect_ratio_is_kept() -> None:
    box = bounding_box(normalise(stroke_ink((100, 150), (300, 150), width=50)) > 0)
    assert (box.width, box.height) == (20, 4)


def test_centring_an_mnist_digit_again_changes_nothing() -> None:
    for image in mnist_digits()[0][:50]:
        box = bounding_box(image > 0)
        assert np.array_equal(centre_by_mass(image[box.slices]), image)


def test_no_pixel_is_moved_out_of_the_field() -> None:
    lopsided = np.zeros((20, 20), np.uint8)
    lopsided[0], lopsided[19, 0] = 255, 1
    assert centre_by_mass(lopsided).sum() == lopsided.sum()


def test_all_bundled_mnist_digits_are_net_inputs() -> None:
    images, _ = mnist_digits()
    for image in images:
        assert np.array_equal(match_net_input(image), image)
        assert np.array_equal(match_net_input(255 - image), image)


@pytest.mark.parametrize("factor", [2, 7, 10, 45])
def test_an_enlarged_net_input_is_reduced(factor: int) -> None:
    image = mnist_digits()[0][0]
    large = np.kron(image, np.ones((factor, factor), np.uint8))
    assert np.array_equal(match_net_input(large), image)
    assert np.array_equal(match_net_input(255 - large), image)


def test_other_pictures_are_not_net_inputs() -> None:
    image = mnist_digits()[0][0]
    assert match_net_input(np.zeros((28, 28), np.uint8)) is None
    noise = random_generator().integers(0, 256, (28, 28), dtype=np.uint8)
    assert match_net_input(noise) is None
    assert match_net_input(np.roll(image, 6, 1)) is None  # off centre
    assert match_net_input(np.pad(image[::3, ::3], 9)) is None  # too small
    assert match_net_input(np.pad(image, ((0, 0), (0, 1)))) is None
    assert match_net_input(on_paper(digit_ink(3))[:280, :280]) is None
