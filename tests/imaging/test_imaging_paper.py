"""A sheet of paper on a desk is found, and nothing else is taken for one."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.imaging.synthetic_ink import HEIGHT, WIDTH, digit_ink, on_paper, random_generator
from tests.imaging.synthetic_scenes import light_field
from tests.imaging.synthetic_strokes import mnist_digits
from tsexplorer.imaging.paper import find_sheet
from tsexplorer.imaging.types import UInt8Image


def photo_of_sheet(rotation: float, desk_level: float = 90) -> UInt8Image:
    image = Image.new("F", (WIDTH, HEIGHT), desk_level)
    image.paste(220, (60, 40, 340, 260))
    ink = digit_ink(5, 6, 100)
    image.paste(30, mask=Image.fromarray((255 * ink).astype(np.uint8)))
    pixels = np.asarray(image.rotate(rotation, Image.Resampling.BICUBIC, fillcolor=desk_level))
    noise = random_generator().normal(0, 3, pixels.shape)
    return (pixels + noise).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("rotation", [0, 5, -12])
def test_a_sheet_on_a_desk_is_found(rotation: float) -> None:
    sheet = find_sheet(photo_of_sheet(rotation))
    assert sheet is not None
    paper = np.zeros((HEIGHT, WIDTH), np.uint8)
    paper[40:260, 60:340] = 1
    paper = np.asarray(Image.fromarray(paper).rotate(rotation))
    assert sheet.mask[paper == 0].mean() < 0.001
    assert sheet.mask[paper == 1].mean() > 0.85
    # The strokes are kept, the desk is replaced, and no step is left at the edge of the sheet.
    assert sheet.filled.min() < 60
    assert np.abs(sheet.filled[paper == 0].astype(int) - 220).max() < 25


def test_pictures_without_a_sheet_give_none() -> None:
    assert find_sheet(on_paper(digit_ink(5))) is None
    assert find_sheet(np.full((HEIGHT, WIDTH), 128, np.uint8)) is None
    assert find_sheet(photo_of_sheet(0, desk_level=215)) is None
    for seed in range(6):
        shadow = light_field((HEIGHT, WIDTH), "shadow", random_generator(seed))
        assert find_sheet((on_paper(digit_ink(5, 6)) * shadow).astype(np.uint8)) is None
    for image in mnist_digits()[0][:100]:
        large = Image.fromarray(image).resize((280, 280), Image.Resampling.BICUBIC)
        assert find_sheet(np.asarray(large)) is None
