"""All supported formats decode to the same pixels."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageFilter

from tests.imaging.image_files import encode_image, encode_pixels, seven
from tsexplorer.imaging import decode
from tsexplorer.imaging.resampling import BAND_PIXELS
from tsexplorer.imaging.types import WORKING_SIDE

SEVEN = seven(60, 44)
GREY = Image.fromarray(SEVEN)
COLOUR = Image.merge("RGB", [GREY, GREY.point(lambda level: 255 - level), GREY])


def close(pixels: np.ndarray, expected: np.ndarray, tolerance: float) -> bool:
    """Whether height and width are equal and the mean difference is within a tolerance.

    Some formats store grey pictures in colour, so the pixels may have three channels.
    """
    if pixels.ndim > expected.ndim:
        expected = expected[..., None]
    same_size = pixels.shape[:2] == expected.shape[:2]
    return same_size and float(np.abs(pixels.astype(int) - expected).mean()) <= tolerance


@pytest.mark.parametrize(
    ("file_format", "options", "tolerance"),
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
def test_each_format_is_decoded(
    file_format: str, options: dict[str, object], tolerance: float, image: Image.Image
) -> None:
    content = encode_image(image, file_format, **options)
    if file_format == "GIF" and image is COLOUR:
        image = image.convert("P", palette=Image.Palette.ADAPTIVE).convert("RGB")
    pixels = decode(content, f"seven.{file_format}").pixels
    assert close(pixels, np.asarray(image), tolerance)
    assert pixels.dtype == np.uint8


@pytest.mark.parametrize("name", ["seven.jpg", "seven.txt", "seven", "", "seven.svg"])
def test_the_format_is_detected_from_the_content(name: str) -> None:
    assert np.array_equal(decode(encode_pixels(SEVEN), name).pixels, SEVEN)


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
def test_grey_pictures_of_all_png_modes_are_grey(image: Image.Image) -> None:
    assert np.array_equal(decode(encode_image(image), "x").pixels, np.asarray(image.convert("L")))


def test_only_pictures_with_colour_have_three_channels() -> None:
    assert decode(encode_image(COLOUR), "x").pixels.shape == (60, 44, 3)
    assert decode(encode_image(GREY.convert("RGB")), "x").pixels.shape == (60, 44)


def test_colour_in_the_last_row_only_is_kept() -> None:
    pixels = np.stack([SEVEN] * 3, -1)
    pixels[-1, 3] = 255, 0, 0
    assert np.array_equal(decode(encode_pixels(pixels), "x").pixels, pixels)


@pytest.mark.parametrize("file_format", ["JPEG", "TIFF"])
def test_cmyk_is_decoded(file_format: str) -> None:
    content = encode_image(GREY.convert("RGB").convert("CMYK"), file_format)
    pixels = decode(content, "x").pixels
    grey = pixels if pixels.ndim == 2 else pixels.mean(2)
    assert close(grey, SEVEN, 4)


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_sixteen_bits_become_eight(file_format: str) -> None:
    content = encode_pixels(SEVEN.astype(np.uint16) * 257, file_format)
    assert close(decode(content, "x").pixels, SEVEN, 0)


def test_ten_bits_in_a_16_bit_file_are_stretched() -> None:
    pixels = decode(encode_pixels(SEVEN.astype(np.uint16) * 4), "x").pixels
    assert close(pixels, SEVEN, 1)


@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e6])
def test_floating_point_pixels_are_stretched(scale: float) -> None:
    values = SEVEN.astype(np.float32) * scale
    values[0, 0] = np.nan
    pixels = decode(encode_pixels(values, "TIFF"), "x").pixels
    assert pixels.min() == 0
    assert pixels.max() == 255
    assert close(pixels[SEVEN == 20], np.full((SEVEN == 20).sum(), 20), 2)


def test_transparent_pixels_become_paper() -> None:
    clear = Image.new("RGBA", GREY.size, (0, 0, 0, 0))
    clear.paste((20, 20, 20, 255), mask=GREY.point(lambda level: 255 * (level < 128)))
    assert np.array_equal(decode(encode_image(clear), "x").pixels, SEVEN)
    assert np.array_equal(decode(encode_image(clear, "WEBP", lossless=True), "x").pixels, SEVEN)


def test_half_transparent_black_becomes_grey() -> None:
    half = Image.new("RGBA", (20, 20), (0, 0, 0, 127))
    assert set(decode(encode_image(half), "x").pixels.flat) == {128}


def test_a_transparent_palette_colour_becomes_paper() -> None:
    indexed = Image.new("P", GREY.size, 0)
    indexed.putpalette([255, 0, 0, 20, 20, 20])
    indexed.paste(1, mask=GREY.point(lambda level: 255 * (level < 128)))
    assert np.array_equal(decode(encode_image(indexed, transparency=0), "x").pixels, SEVEN)


def test_white_strokes_on_transparency_stay_visible() -> None:
    clear = Image.new("RGBA", GREY.size, (0, 0, 0, 0))
    clear.paste((255, 255, 255, 255), mask=GREY.point(lambda level: 255 * (level < 128)))
    assert np.array_equal(decode(encode_image(clear), "x").pixels, 255 * (SEVEN < 128))


ORIENTATIONS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda stored: stored,
    2: np.fliplr,
    3: lambda stored: np.rot90(stored, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.rot90(stored.T, 2),
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_the_exif_orientation_is_applied(file_format: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    all_options = {"PNG": {}, "TIFF": {}, "JPEG": {"quality": 95}, "WEBP": {"lossless": True}}
    content = encode_image(GREY, file_format, exif=exif, **all_options[file_format])
    picture = decode(content, "x")
    assert close(picture.pixels, ORIENTATIONS[orientation](SEVEN), 3)
    assert (picture.height, picture.width) == picture.pixels.shape


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_an_invalid_orientation_is_ignored(orientation: object) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    assert np.array_equal(decode(encode_image(GREY, exif=exif), "x").pixels, SEVEN)


@pytest.mark.parametrize("file_format", ["PNG", "GIF", "WEBP", "TIFF"])
def test_the_first_of_several_frames_is_decoded(file_format: str) -> None:
    others = [GREY.point(lambda level: 255 - level), GREY.filter(ImageFilter.BLUR)]
    options = {"lossless": True} if file_format == "WEBP" else {}
    content = encode_image(GREY, file_format, save_all=True, append_images=others, **options)
    assert close(decode(content, "x").pixels, SEVEN, 0)


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize(
    ("long", "factor"), [(1280, 1), (1281, 2), (2561, 4), (4032, 4), (9000, 8), (12_000, 16)]
)
def test_large_pictures_are_downsampled(file_format: str, long: int, factor: int) -> None:
    short = long // 20 + 13
    ramp = np.tile(np.linspace(0, 255, long).astype(np.uint8), (short, 1))
    picture = decode(encode_pixels(ramp, file_format), "x")
    assert picture.factor == factor
    assert (picture.width, picture.height) == (long, short)
    assert picture.pixels.shape[:2] == (-(-short // factor), -(-long // factor))
    assert max(picture.pixels.shape[:2]) <= WORKING_SIDE
    expected = (np.arange(picture.pixels.shape[1]) + 0.5) * 255 / picture.pixels.shape[1]
    assert close(picture.pixels, np.broadcast_to(expected, picture.pixels.shape[:2]), 2)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "I;16"])
def test_bands_are_joined_without_a_seam(mode: str) -> None:
    """The picture has several bands, and an odd side that no block size divides."""
    side = int((2.5 * BAND_PIXELS) ** 0.5) | 1
    ramp = np.linspace(0, 255, side)[:, None].repeat(side, 1).astype(np.uint8)
    image = Image.fromarray(ramp)
    if mode == "I;16":
        image = Image.fromarray(ramp.astype(np.uint16) * 257)
    picture = decode(encode_image(image.convert(mode), compress_level=1), "x")
    steps = np.diff(picture.pixels.astype(int), axis=0)
    assert picture.factor == 2
    assert steps.min() >= 0
    assert steps.max() <= 1


def test_a_thin_line_in_a_12_megapixel_photo_is_kept() -> None:
    pixels = np.full((3000, 4000), 230, np.uint8)
    pixels[1500:1504, 500:3500] = 30
    picture = decode(encode_pixels(pixels, "JPEG", quality=85), "x")
    assert picture.pixels[:, 500].min() < 80


def test_importing_the_package_does_not_import_scipy() -> None:
    program = (
        "import sys, tsexplorer.imaging as imaging; "
        "print('scipy' in sys.modules, bool(imaging.extract_digits))"
    )
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "False True\n"
