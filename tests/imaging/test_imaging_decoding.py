"""Every kind of picture file comes out as the same pixels."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageFilter

from tests.imaging.image_files import packed, saved, seven
from tsexplorer.imaging import decode
from tsexplorer.imaging.resampling import BAND_PIXELS
from tsexplorer.imaging.types import WORKING_SIDE

SEVEN = seven(60, 44)
GREY = Image.fromarray(SEVEN)
COLOUR = Image.merge("RGB", [GREY, GREY.point(lambda level: 255 - level), GREY])


def close(pixels: np.ndarray, to: np.ndarray, by: float) -> bool:
    """Whether the mean difference is at most so many levels; height and width are alike.

    A grey picture may have been stored as one in colour, and have got a hue.
    """
    if pixels.ndim > to.ndim:
        to = to[..., None]
    alike = pixels.shape[:2] == to.shape[:2]
    return alike and float(np.abs(pixels.astype(int) - to).mean()) <= by


@pytest.mark.parametrize(
    ("kind", "options", "by"),
    [
        ("PNG", {}, 0),
        ("BMP", {}, 0),
        ("GIF", {}, 0),
        ("TIFF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("TIFF", {"compression": "tiff_adobe_deflate"}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("WEBP", {"quality": 90}, 16),
        ("JPEG", {"quality": 95, "subsampling": 0}, 3),
        ("JPEG", {"quality": 95, "subsampling": 0, "progressive": True}, 3),
    ],
)
@pytest.mark.parametrize("image", [GREY, COLOUR], ids=["grey", "colour"])
def test_formats(kind: str, options: dict[str, object], by: float, image: Image.Image) -> None:
    content = saved(image, kind, **options)
    if kind == "GIF" and image is COLOUR:
        image = image.convert("P", palette=Image.Palette.ADAPTIVE).convert("RGB")
    pixels = decode(content, f"seven.{kind}").pixels
    expected = np.asarray(image)
    assert close(pixels, expected, by)
    assert pixels.dtype == np.uint8


@pytest.mark.parametrize("name", ["seven.jpg", "seven.txt", "seven", "", "seven.svg"])
def test_the_content_decides_and_not_the_name(name: str) -> None:
    assert np.array_equal(decode(packed(SEVEN), name).pixels, SEVEN)


@pytest.mark.parametrize(
    "image",
    [
        GREY.convert("1"),
        GREY.convert("RGB"),
        GREY.convert("LA"),
        GREY.convert("RGBA"),
        GREY.convert("P"),
        COLOUR.convert("L").point(lambda level: level).convert("RGB"),
    ],
    ids=lambda image: image.mode,
)
def test_modes_of_png(image: Image.Image) -> None:
    assert np.array_equal(decode(saved(image), "x").pixels, np.asarray(image.convert("L")))


def test_a_picture_in_colour_stays_in_colour_and_a_grey_one_does_not() -> None:
    assert decode(saved(COLOUR), "x").pixels.shape == (60, 44, 3)
    assert decode(saved(GREY.convert("RGB")), "x").pixels.shape == (60, 44)


def test_colour_in_the_last_row_alone_is_colour() -> None:
    pixels = np.stack([SEVEN] * 3, -1)
    pixels[-1, 3] = 255, 0, 0
    assert np.array_equal(decode(packed(pixels), "x").pixels, pixels)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk(kind: str) -> None:
    content = saved(GREY.convert("RGB").convert("CMYK"), kind)
    pixels = decode(content, "x").pixels
    grey = pixels if pixels.ndim == 2 else pixels.mean(2)
    assert close(grey, SEVEN, 4)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits(kind: str) -> None:
    assert close(decode(packed(SEVEN.astype(np.uint16) * 257, kind), "x").pixels, SEVEN, 0)


def test_a_scan_of_ten_bits_in_sixteen_is_not_black() -> None:
    pixels = decode(packed(SEVEN.astype(np.uint16) * 4), "x").pixels
    assert close(pixels, SEVEN, 1)


@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e6])
def test_floating_point_is_stretched(scale: float) -> None:
    values = SEVEN.astype(np.float32) * scale
    values[0, 0] = np.nan
    pixels = decode(packed(values, "TIFF"), "x").pixels
    assert pixels.min() == 0
    assert pixels.max() == 255
    assert close(pixels[SEVEN == 20], np.full((SEVEN == 20).sum(), 20), 2)


def test_what_is_transparent_is_paper() -> None:
    clear = Image.new("RGBA", GREY.size, (0, 0, 0, 0))
    clear.paste((20, 20, 20, 255), mask=GREY.point(lambda level: 255 * (level < 128)))
    assert np.array_equal(decode(saved(clear), "x").pixels, SEVEN)
    assert np.array_equal(decode(saved(clear, "WEBP", lossless=True), "x").pixels, SEVEN)


def test_half_transparent_ink_is_grey() -> None:
    half = Image.new("RGBA", (20, 20), (0, 0, 0, 127))
    assert set(decode(saved(half), "x").pixels.flat) == {128}


def test_a_palette_with_a_transparent_colour() -> None:
    indexed = Image.new("P", GREY.size, 0)
    indexed.putpalette([255, 0, 0, 20, 20, 20])
    indexed.paste(1, mask=GREY.point(lambda level: 255 * (level < 128)))
    assert np.array_equal(decode(saved(indexed, transparency=0), "x").pixels, SEVEN)


def test_white_strokes_on_nothing_do_not_vanish() -> None:
    clear = Image.new("RGBA", GREY.size, (0, 0, 0, 0))
    clear.paste((255, 255, 255, 255), mask=GREY.point(lambda level: 255 * (level < 128)))
    assert np.array_equal(decode(saved(clear), "x").pixels, 255 * (SEVEN < 128))


TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda stored: stored,
    2: np.fliplr,
    3: lambda stored: np.rot90(stored, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.rot90(stored.T, 2),
    8: np.rot90,
}


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_pictures_are_turned_upright(kind: str, turn: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = turn
    options = {"PNG": {}, "TIFF": {}, "JPEG": {"quality": 95}, "WEBP": {"lossless": True}}[kind]
    picture = decode(saved(GREY, kind, exif=exif, **options), "x")
    assert close(picture.pixels, TURNS[turn](SEVEN), 3)
    assert (picture.height, picture.width) == picture.pixels.shape


@pytest.mark.parametrize("turn", [0, 9, 77])
def test_an_orientation_that_is_none_is_left_alone(turn: object) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = turn
    assert np.array_equal(decode(saved(GREY, exif=exif), "x").pixels, SEVEN)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "TIFF"])
def test_of_many_frames_the_first_is_taken(kind: str) -> None:
    others = [GREY.point(lambda level: 255 - level), GREY.filter(ImageFilter.BLUR)]
    options = {"lossless": True} if kind == "WEBP" else {}
    content = saved(GREY, kind, save_all=True, append_images=others, **options)
    assert close(decode(content, "x").pixels, SEVEN, 0)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize(
    ("long", "factor"), [(1280, 1), (1281, 2), (2561, 4), (4032, 4), (9000, 8), (12_000, 16)]
)
def test_large_pictures_are_made_smaller(kind: str, long: int, factor: int) -> None:
    short = long // 20 + 13
    ramp = np.tile(np.linspace(0, 255, long).astype(np.uint8), (short, 1))
    picture = decode(packed(ramp, kind), "x")
    assert picture.factor == factor
    assert (picture.width, picture.height) == (long, short)
    assert picture.pixels.shape[:2] == (-(-short // factor), -(-long // factor))
    assert max(picture.pixels.shape[:2]) <= WORKING_SIDE
    within = (np.arange(picture.pixels.shape[1]) + 0.5) * 255 / picture.pixels.shape[1]
    assert close(picture.pixels, np.broadcast_to(within, picture.pixels.shape[:2]), 2)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "I;16"])
def test_no_seam_shows_where_bands_meet(mode: str) -> None:
    """A picture of several bands, none of whose sides is a multiple of anything."""
    side = int((2.5 * BAND_PIXELS) ** 0.5) | 1
    ramp = np.linspace(0, 255, side)[:, None].repeat(side, 1).astype(np.uint8)
    image = Image.fromarray(ramp)
    if mode == "I;16":
        image = Image.fromarray(ramp.astype(np.uint16) * 257)
    picture = decode(saved(image.convert(mode), compress_level=1), "x")
    steps = np.diff(picture.pixels.astype(int), axis=0)
    assert picture.factor == 2
    assert steps.min() >= 0
    assert steps.max() <= 1


def test_a_thin_line_survives_a_photo_of_twelve_megapixels() -> None:
    pixels = np.full((3000, 4000), 230, np.uint8)
    pixels[1500:1504, 500:3500] = 30
    picture = decode(packed(pixels, "JPEG", quality=85), "x")
    assert picture.pixels[:, 500].min() < 80


def test_importing_the_door_brings_no_scipy() -> None:
    program = "import sys, tsexplorer.imaging as d; print('scipy' in sys.modules, bool(d.decode))"
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "False True\n"
