"""The chosen channel shows the strokes, and their polarity is detected."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.imaging.synthetic_ink import HEIGHT, WIDTH, digit_ink, on_paper, random_generator
from tests.imaging.synthetic_scenes import LIGHTS, light_field
from tsexplorer.imaging.greyscale import is_light_on_dark, to_greyscale


def test_brightness_is_used_where_it_shows_the_strokes() -> None:
    ink = digit_ink(3)[..., None]
    pixels = (np.array([250, 250, 240]) * (1 - ink) + np.array([20, 20, 90]) * ink).astype("u1")
    channel, name = to_greyscale(pixels)
    assert name == "brightness"
    assert np.array_equal(channel, np.asarray(Image.fromarray(pixels).convert("L")))


@pytest.mark.parametrize(
    ("colour", "name", "index"),
    [((255, 235, 0), "blue", 2), ((0, 255, 255), "red", 0), ((255, 170, 255), "green", 1)],
)
def test_a_pale_colour_is_taken_from_its_best_channel(
    colour: tuple[int, int, int], name: str, index: int
) -> None:
    ink = digit_ink(3)[..., None]
    pixels = (255 * (1 - ink) + np.array(colour) * ink).astype(np.uint8)
    channel, channel_name = to_greyscale(pixels)
    assert channel_name == name
    assert np.array_equal(channel, pixels[..., index])


def test_a_grey_picture_is_returned_unchanged() -> None:
    pixels = on_paper(digit_ink(3))
    assert to_greyscale(pixels)[0] is pixels


@pytest.mark.parametrize("width", [2, 8, 40])
@pytest.mark.parametrize("light", LIGHTS)
@pytest.mark.parametrize("digit", [1, 8])
def test_polarity_is_detected_in_all_lights(digit: int, light: str, width: float) -> None:
    illumination = light_field((HEIGHT, WIDTH), light, random_generator(3))
    noise = random_generator(4).normal(0, 3, (HEIGHT, WIDTH))
    lit = on_paper(digit_ink(digit, width)) * illumination
    dark_strokes = (lit + noise).clip(0, 255).astype(np.uint8)
    assert not is_light_on_dark(dark_strokes)
    assert is_light_on_dark(255 - dark_strokes)


def test_polarity_is_detected_where_ink_outweighs_paper() -> None:
    """In a tightly cropped digit the background is the border."""
    pixels = np.full((60, 30), 20, np.uint8)
    pixels[0] = pixels[-1] = pixels[:, 0] = pixels[:, -1] = 250
    assert not is_light_on_dark(pixels)
    assert is_light_on_dark(255 - pixels)
