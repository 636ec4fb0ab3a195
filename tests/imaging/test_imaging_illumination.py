"""Illumination correction removes uneven light and keeps the strokes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from tests.imaging.synthetic_ink import HEIGHT, WIDTH, digit_ink, on_paper, random_generator
from tests.imaging.synthetic_scenes import light_field
from tsexplorer.imaging.illumination import correct_illumination


@pytest.mark.parametrize("light", ["gradient", "shadow", "lamp"])
@pytest.mark.parametrize("width", [3, 10, 30])
def test_uneven_light_is_removed_and_strokes_are_kept(light: str, width: float) -> None:
    true_ink = digit_ink(5, width)
    for seed in range(4):
        illumination = light_field((HEIGHT, WIDTH), light, random_generator(seed))
        pixels = (on_paper(true_ink) * illumination).astype(np.uint8)
        ink, is_uniform = correct_illumination(pixels, light_strokes=False)
        assert not is_uniform
        full_ink = 1 - 40 / 230
        assert np.median(ink[true_ink > 0.99]) == pytest.approx(full_ink, abs=0.06)
        background = ndimage.maximum_filter(true_ink, 9) == 0
        assert np.quantile(np.abs(ink[background]), 0.95) < 0.15


def test_a_uniform_background_has_exactly_no_ink() -> None:
    true_ink = digit_ink(5)
    ink, is_uniform = correct_illumination(on_paper(true_ink), light_strokes=False)
    assert is_uniform
    assert set(ink[true_ink == 0]) == {0.0}
    ink, is_uniform = correct_illumination(255 - on_paper(true_ink), light_strokes=True)
    assert is_uniform
    assert set(ink[true_ink == 0]) == {0.0}


def test_ink_of_light_strokes_is_the_light_they_add() -> None:
    pixels = np.full((60, 60), 50, np.uint8)
    pixels[20:40, 28:33] = 203
    ink, _ = correct_illumination(pixels, light_strokes=True)
    assert ink[30, 30] == pytest.approx(0.6)
