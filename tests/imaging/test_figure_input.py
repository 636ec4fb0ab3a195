"""``figure_input.prepare`` makes the net input that the app makes, without this project."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from tests.imaging.image_files import encode_image
from tests.imaging.synthetic_strokes import mnist_digits
from tsexplorer.imaging import decode, extract_digits, figure_input
from tsexplorer.imaging.figure_input import prepare
from tsexplorer.imaging.normalisation import match_net_input
from tsexplorer.imaging.stroke_width import edge_offset, mean_stroke_width, offset_edge

IMAGES, _ = mnist_digits()
SHAPE = (28, 28)
INKS: dict[str, tuple[tuple[int, int, int], tuple[int, int, int]]] = {
    "black on white": ((255, 255, 255), (0, 0, 0)),
    "white on black": ((0, 0, 0), (255, 255, 255)),
    "grey on cream": ((250, 243, 220), (100, 100, 105)),
}
"""Colours of paper and pen."""


def picture(index: int, ink: str, side: int, corner: tuple[int, int] = (9, 5)) -> Image.Image:
    """An MNIST digit, enlarged and off-centre, on a sheet of about twice its height."""
    digit = Image.fromarray(IMAGES[index]).resize((side, side), Image.Resampling.BICUBIC)
    mask = Image.new("L", (2 * side, side + 40))
    mask.paste(digit, corner)
    paper, pen = INKS[ink]
    return Image.composite(
        Image.new("RGB", mask.size, pen), Image.new("RGB", mask.size, paper), mask
    )


def answers(content: bytes) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Pixels of a file as ``prepare`` and as the app make them."""
    (digit,) = extract_digits(decode(content, "picture.png")).digits
    return prepare(Image.open(BytesIO(content)), SHAPE), digit.pixels


def mean_difference(content: bytes) -> float:
    """Mean difference of the two, in grey levels."""
    ours, apps = answers(content)
    assert (ours.shape, ours.dtype) == (SHAPE, np.uint8)
    return float(np.abs(ours.astype(int) - apps).mean())


@pytest.mark.parametrize("ink", INKS)
@pytest.mark.parametrize("side", [45, 160, 420])
def test_pixels_equal_those_of_the_app(ink: str, side: int) -> None:
    for index in range(4):
        for options in ({"file_format": "PNG"}, {"file_format": "JPEG", "quality": 85}):
            content = encode_image(picture(index, ink, side), **options)
            assert mean_difference(content) < 0.5


def test_a_large_photo_is_reduced_as_in_the_app() -> None:
    content = encode_image(picture(2, "grey on cream", 1100), "JPEG")
    assert mean_difference(content) < 1


@pytest.mark.parametrize("width", [2, 45])
def test_stroke_width_is_adapted_as_in_the_app(width: int) -> None:
    """A thin pen and a thick one."""
    image = Image.new("L", (300, 300), "white")
    ImageDraw.Draw(image).ellipse((80, 60, 200, 250), outline="black", width=width)
    ImageDraw.Draw(image).line((140, 60, 240, 40), "black", width)
    ours, apps = answers(encode_image(image))
    assert np.abs(ours.astype(int) - apps).mean() < 0.5
    assert ours[4:24, 4:24].mean() > 40


def test_parts_of_a_figure_stay_together() -> None:
    """The bar of a 5 and the dot of an i; a speck of dust is left out."""
    image = Image.new("L", (200, 260), "white")
    canvas = ImageDraw.Draw(image)
    canvas.line((100, 110, 100, 230), "black", 14)
    canvas.ellipse((90, 70, 110, 90), "black")
    canvas.point((20, 20), "black")
    ours, apps = answers(encode_image(image))
    assert np.abs(ours.astype(int) - apps).mean() < 0.5
    rows = np.flatnonzero(ours.max(1) > 128)
    assert len(rows) < np.ptp(rows) + 1  # the gap below the dot


@pytest.mark.parametrize("factor", [1, 5])
@pytest.mark.parametrize("inverted", [False, True])
def test_a_net_input_is_used_as_it_is(factor: int, inverted: bool) -> None:
    for image in IMAGES[:10]:
        pixels = np.kron(255 - image if inverted else image, np.ones((factor, factor), np.uint8))
        assert match_net_input(pixels) is not None
        assert (prepare(Image.fromarray(pixels), SHAPE) == image).all()


def converted(mode: str) -> Image.Image:
    """A black digit on white in another mode."""
    image = picture(3, "black on white", 120).convert("L")
    if mode.startswith("I;16"):
        return Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
    if mode == "12 bits":
        return Image.fromarray(np.asarray(image).astype(np.uint16) * 16)
    if mode in ("black alpha", "white alpha"):
        layer = Image.new("RGBA", image.size, mode.split()[0])
        layer.putalpha(Image.fromarray(255 - np.asarray(image)))
        return layer
    return image.convert(mode)


@pytest.mark.parametrize(
    "mode", ["1", "P", "RGBA", "I;16", "12 bits", "black alpha", "white alpha"]
)
def test_any_mode_is_read_as_in_the_app(mode: str) -> None:
    assert mean_difference(encode_image(converted(mode))) < 0.5


def test_exif_orientation_is_applied() -> None:
    upright = picture(0, "black on white", 120)
    exif = Image.Exif()
    exif[274] = 6  # rotate by 90° to the right for display
    turned = encode_image(upright.transpose(Image.Transpose.ROTATE_90), exif=exif)
    pixels = prepare(Image.open(BytesIO(turned)), SHAPE)
    assert np.abs(pixels.astype(int) - prepare(upright, SHAPE)).max() <= 1


def test_uneven_light_is_corrected() -> None:
    light = np.linspace(1, 0.55, 300)[None, :, None]
    pixels = np.asarray(picture(4, "grey on cream", 150)) * light
    noise = np.random.default_rng(0).normal(0, 3, pixels.shape)
    image = Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8))
    assert mean_difference(encode_image(image)) < 6


def test_a_dark_desk_at_the_edge_is_left_out() -> None:
    clear, with_desk = (picture(5, "grey on cream", 150) for _ in range(2))
    ImageDraw.Draw(with_desk).rectangle((290, 0, 300, 190), (60, 50, 40))
    ours = [prepare(image, SHAPE).astype(int) for image in (clear, with_desk)]
    assert np.abs(ours[0] - ours[1]).mean() < 4


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_picture_without_strokes_gives_black(level: int) -> None:
    assert not prepare(Image.new("L", (90, 60), level), SHAPE).any()


def test_other_shapes_have_the_same_proportions() -> None:
    pixels = prepare(picture(1, "black on white", 200), (56, 56))
    rows, columns = (np.flatnonzero(pixels.max(axis) >= 64) for axis in (1, 0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == pytest.approx(40, abs=1)
    assert ndimage.center_of_mass(pixels) == pytest.approx((28, 28), abs=0.6)


def random_mask(seed: int) -> NDArray[np.bool_]:
    noise = np.random.default_rng(seed).normal(size=(50, 40))
    return np.pad(ndimage.gaussian_filter(noise, 2.5) > 0.05, 6)


@pytest.mark.parametrize("seed", range(3))
def test_components_equal_those_of_scipy(seed: int) -> None:
    mask = random_mask(seed)
    for reach, structure in ((1, np.ones((3, 3))), (0, None)):
        labels, (expected, count) = figure_input._label(mask, reach), ndimage.label(mask, structure)
        pairs = {*zip(labels.ravel().tolist(), expected.ravel().tolist(), strict=True)}
        assert len(pairs) == labels.max() + 1 == count + 1


@pytest.mark.parametrize("seed", range(3))
def test_distances_and_edges_equal_those_of_scipy(seed: int) -> None:
    mask: Any = random_mask(seed)
    expected = ndimage.distance_transform_edt(mask)
    assert figure_input._distances(mask) == pytest.approx(expected, abs=1e-4)
    longer = max(figure_input._size(mask))
    offset = edge_offset(mean_stroke_width(mask), longer, None)
    assert figure_input._edge_offset(mask) == pytest.approx(offset, abs=1e-4)
    for distance in (-1.5, 0.0, 2.5):
        moved = figure_input._move_edge(mask, distance)
        assert moved == pytest.approx(offset_edge(mask, distance), abs=1e-4)
