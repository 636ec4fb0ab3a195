"""The whole pipeline: pictures, options, and the digits, notes and steps in the result."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from tests.imaging.image_files import encode_image, encode_pixels, seven
from tests.imaging.synthetic import photo
from tests.imaging.synthetic_scenes import LIGHTS, light_field, ruled_paper, stroke_cover
from tests.imaging.synthetic_strokes import digit_polylines, mnist_digits, scale_to_unit
from tsexplorer.errors import UserError
from tsexplorer.imaging import (
    AUTOMATIC,
    Box,
    ExtractionOptions,
    ExtractionResult,
    Picture,
    decode,
    extract_digits,
)
from tsexplorer.imaging.normalisation import bounding_box
from tsexplorer.imaging.types import BOX_SIDE

IMAGES, LABELS = mnist_digits()


def extract(
    pixels: np.ndarray, options: ExtractionOptions = AUTOMATIC, file_format: str = "PNG"
) -> ExtractionResult:
    return extract_digits(decode(encode_pixels(pixels, file_format), "picture.png"), options)


def written(digits: str, *, gap: float = 0.3, size: int = 110, width: float = 9) -> np.ndarray:
    """Digits in a row, dark on white, uint8 H×W."""
    random = np.random.default_rng(sum(map(int, digits)))
    lines: list[np.ndarray] = []
    right = 60.0
    for digit in digits:
        figure = [line * size for line in scale_to_unit(digit_polylines(int(digit), random))]
        xs = np.concatenate(figure)[:, 0]
        corner = np.array([right - xs.min(), 120])
        lines += [line + corner for line in figure]
        right += float(np.ptp(xs)) + gap * size
    cover = stroke_cover(lines, (240, int(right + 40)), width)
    return (255 - 225 * cover).astype(np.uint8)


# -- net inputs as pictures -----------------------------------------------------------------------


@pytest.mark.parametrize("file_format", ["PNG", "BMP", "GIF", "TIFF"])
def test_a_net_input_is_used_unchanged(file_format: str) -> None:
    for image in IMAGES[:20]:
        result = extract(image, file_format=file_format)
        assert result.already_normalised
        assert result.note == ""
        assert np.array_equal(result.digits[0].pixels, image)
        assert result.digits[0].box == Box(0, 0, 28, 28)


def test_inverted_and_enlarged_net_inputs_are_restored() -> None:
    for image in IMAGES[:20]:
        for pixels in (255 - image, np.kron(image, np.ones((12, 12), np.uint8))):
            assert np.array_equal(extract(pixels).digits[0].pixels, image)


def test_a_smoothly_enlarged_net_input_is_nearly_restored() -> None:
    differences = []
    for image in IMAGES[:20]:
        large = Image.fromarray(image).resize((280, 280), Image.Resampling.BICUBIC)
        (digit,) = extract(255 - np.asarray(large)).digits
        differences.append(np.abs(digit.pixels.astype(int) - image).mean())
    # Different digits differ by about 40.
    assert np.mean(differences) < 10
    assert max(differences) < 15


@pytest.mark.parametrize(
    "options",
    [
        ExtractionOptions(invert="no"),
        ExtractionOptions(threshold=0.5),
        ExtractionOptions(stroke_width=3.0),
    ],
)
def test_options_also_apply_to_net_inputs(options: ExtractionOptions) -> None:
    assert not extract(IMAGES[0], options).already_normalised


def test_mnist_digits_are_typical_and_extreme_widths_are_not() -> None:
    typical = [extract(image).digits[0].is_typical for image in IMAGES[:200]]
    assert np.mean(typical) > 0.98
    for stroke_width in (0.6, 6.0):
        (digit,) = extract(written("8"), ExtractionOptions(stroke_width=stroke_width)).digits
        assert not digit.is_typical


# -- net inputs from photos -----------------------------------------------------------------------


@pytest.mark.parametrize("width", [2, 5, 12, 30])
@pytest.mark.parametrize("digit", "0123456789")
def test_every_pen_gives_a_digit_like_those_of_mnist(digit: str, width: float) -> None:
    (extracted,) = extract(written(digit, width=width, size=160)).digits
    assert bounding_box(extracted.pixels > 0).longer_side == BOX_SIDE
    assert extracted.is_typical
    assert 1.5 <= extracted.stroke_width <= 4.6
    assert extracted.mean_intensity == pytest.approx(extracted.pixels.mean() / 255)


def test_a_thin_pen_in_a_large_photo_is_found() -> None:
    lines = [
        line * 2000 + (2000, 1500)
        for line in scale_to_unit(digit_polylines(3, np.random.default_rng(1)))
    ]
    cover = stroke_cover(lines, (3000, 4000), 4)
    light = light_field((3000, 4000), "lamp", np.random.default_rng(2))
    pixels = ((235 - 190 * cover) * light).astype(np.uint8)
    (digit,) = extract(pixels, file_format="JPEG").digits
    assert digit.is_typical
    assert digit.box.height == pytest.approx(2000, abs=40)


def test_the_box_is_in_original_pixels() -> None:
    pixels = np.full((1500, 2600), 255, np.uint8)
    pixels[400:1000, 1700:1760] = 0
    (digit,) = extract(pixels).digits
    assert np.abs(np.subtract(digit.box, (1700, 400, 1760, 1000))).max() <= 8


def test_the_box_refers_to_the_upright_picture() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = Image.fromarray(np.rot90(np.pad(seven(120, 90), 40, constant_values=255)))
    picture = decode(encode_image(stored, exif=exif), "x")
    (digit,) = extract_digits(picture).digits
    assert (picture.height, picture.width) == (200, 170)
    assert np.abs(np.subtract(digit.box, (40 + 18, 40 + 20, 40 + 72, 40 + 105))).max() <= 2


@pytest.mark.parametrize("shape", [(8, 8), (8, 160), (160, 8), (28, 28), (9, 40)])
def test_the_smallest_pictures_raise_no_exception(shape: tuple[int, int]) -> None:
    random = np.random.default_rng(3)
    for _ in range(20):
        for pixels in (
            random.integers(0, 256, shape, dtype=np.uint8),
            (255 * (random.random(shape) < 0.2)).astype(np.uint8),
            np.full(shape, 200, np.uint8),
        ):
            for digit in extract(pixels).digits:
                assert digit.pixels.shape == (28, 28)
                assert 0 <= digit.box.left < digit.box.right <= shape[1]
                assert 0 <= digit.box.top < digit.box.bottom <= shape[0]


def test_a_digit_of_12_pixels_is_found() -> None:
    small = Image.fromarray(IMAGES[1]).resize((12, 12), Image.Resampling.BOX)
    assert len(extract(255 - np.asarray(small)).digits) == 1


# -- number of digits ------------------------------------------------------------------------------


@pytest.mark.parametrize("digits", ["12", "305", "71", "88", "1111", "20934"])
@pytest.mark.parametrize("gap", [0.15, 0.5])
def test_several_digits_are_found_from_left_to_right(digits: str, gap: float) -> None:
    found = extract(written(digits, gap=gap)).digits
    assert len(found) == len(digits)
    assert all(left.box.right <= right.box.left for left, right in pairwise(found))
    assert all(digit.is_typical for digit in found)


def test_a_net_input_contains_no_ink_of_neighbours() -> None:
    both = written("47", gap=0.2)
    first, second = extract(both).digits
    for digit, other in ((first, second), (second, first)):
        alone = both.copy()
        left, top, right, bottom = other.box
        alone[top - 2 : bottom + 2, left - 2 : right + 2] = 255
        (same,) = extract(alone).digits
        assert np.abs(same.pixels.astype(int) - digit.pixels).mean() < 2


def test_two_lines_are_in_reading_order() -> None:
    above, below = written("12"), written("345")
    width = max(above.shape[1], below.shape[1])
    pixels = np.full((480, width), 255, np.uint8)
    pixels[:240, : above.shape[1]] = above
    pixels[240:, : below.shape[1]] = below
    boxes = [digit.box for digit in extract(pixels).digits]
    assert [box.top > 240 for box in boxes] == [False, False, True, True, True]
    assert boxes[0].left < boxes[1].left
    assert boxes[2].left < boxes[3].left < boxes[4].left


def test_all_strokes_are_one_digit_if_the_option_is_set() -> None:
    (digit,) = extract(written("12"), ExtractionOptions(single_digit=True)).digits
    first, second = extract(written("12")).digits
    assert (digit.box.left, digit.box.right) == (first.box.left, second.box.right)


def test_only_20_digits_are_used_and_a_note_says_so() -> None:
    pixels = np.tile(np.pad(seven(30, 26), 8, constant_values=255), (5, 8))
    result = extract(pixels)
    assert len(result.digits) == 20
    assert result.note == (
        "40 digits were found in “picture.png”, and only the first 20 are used; crop the picture "
        "to fewer digits."
    )


def blank_pages() -> dict[str, np.ndarray]:
    """Pictures without writing."""
    side = (300, 400)
    random = np.random.default_rng(6)
    pages: dict[str, np.ndarray] = {
        "white": np.full(side, 255),
        "black": np.zeros(side),
        "snow": random.integers(0, 256, side),
        "pepper": np.where(random.random(side) < 0.02, 0, 240),
        "one dot": np.where(np.arange(400) == 200, 0, 240) * np.ones((300, 1)),
    }
    pages["one dot"][:] = 240
    pages["one dot"][150:153, 200:203] = 0
    for deviation in (1, 4, 12):
        pages[f"noise of {deviation}"] = 190 + random.normal(0, deviation, side)
    for kind in ("none", "ruled", "squared"):
        for light in LIGHTS:
            lines = ruled_paper(side, kind, random.uniform(-0.2, 0.2), 50, random)
            page = (235 - 80 * lines) * light_field(side, light, random)
            pages[f"{kind}, {light}"] = page + random.normal(0, 3, side)
    desk = np.full(side, 80.0)
    desk[40:260, 60:340] = 220
    pages["a sheet on a desk"] = desk + random.normal(0, 3, side)
    return {name: page.clip(0, 255).astype(np.uint8) for name, page in pages.items()}


@pytest.mark.parametrize("name", blank_pages())
def test_no_digit_is_found_where_none_is_written(name: str) -> None:
    page = blank_pages()[name]
    for file_format in ("PNG", "JPEG"):
        result = extract(page, file_format=file_format)
        assert result.digits == ()
        assert result.note == (
            "No pen stroke was found in “picture.png”; write larger or darker, move the camera "
            "closer, or set the threshold by hand."
        )
        assert result.steps


def test_a_digit_on_a_sheet_on_a_desk_is_found() -> None:
    image = Image.new("L", (400, 300), 70)
    image.paste(225, (60, 40, 340, 260))
    image.paste(Image.fromarray(written("5", size=130)).crop((40, 40, 180, 200)), (120, 70))
    rotated = image.rotate(6, Image.Resampling.BICUBIC, fillcolor=70)
    result = extract(np.asarray(rotated))
    assert [step.name for step in result.steps][2] == "Sheet of paper"
    assert len(result.digits) == 1
    assert result.digits[0].is_typical


# -- options --------------------------------------------------------------------------------------


def test_polarity_can_be_set_by_hand() -> None:
    pixels = written("8")
    (dark,) = extract(pixels, ExtractionOptions(invert="no")).digits
    (light,) = extract(255 - pixels, ExtractionOptions(invert="yes")).digits
    assert np.abs(dark.pixels.astype(int) - light.pixels).max() <= 3
    assert np.array_equal(dark.pixels, extract(pixels).digits[0].pixels)
    wrong = extract(pixels, ExtractionOptions(invert="yes"))
    assert not wrong.digits or not np.array_equal(wrong.digits[0].pixels, dark.pixels)


def test_the_threshold_decides_which_pixels_are_strokes() -> None:
    faint, strong = written("1"), written("7")
    pixels = np.hstack([255 - (255 - faint) // 3, strong])
    assert len(extract(pixels, ExtractionOptions(threshold=0.6)).digits) == 1
    assert len(extract(pixels, ExtractionOptions(threshold=0.15)).digits) == 2


@pytest.mark.parametrize("stroke_width", [1.0, 2.0, 3.5, 5.0])
@pytest.mark.parametrize("width", [3, 14])
def test_the_stroke_width_option_is_met(width: float, stroke_width: float) -> None:
    (digit,) = extract(
        written("7", width=width, size=160), ExtractionOptions(stroke_width=stroke_width)
    ).digits
    assert digit.stroke_width == pytest.approx(stroke_width, abs=0.5)


def test_a_crop_gives_the_digit_inside_it() -> None:
    pixels = written("47")
    second = extract(pixels).digits[1]
    part = Box(second.box.left - 20, 0, pixels.shape[1], pixels.shape[0])
    (digit,) = extract(pixels, ExtractionOptions(crop=part)).digits
    assert digit.box == second.box
    assert np.array_equal(digit.pixels, second.pixels)


def test_a_crop_is_in_original_pixels() -> None:
    pixels = np.full((2000, 3000), 255, np.uint8)
    pixels[400:1000, 700:760] = pixels[400:1000, 2000:2060] = 0
    (digit,) = extract(pixels, ExtractionOptions(crop=Box(1500, 200, 3000, 1800))).digits
    assert np.abs(np.subtract(digit.box, (2000, 400, 2060, 1000))).max() <= 8


@pytest.mark.parametrize(
    "crop", [Box(0, 0, 5, 100), Box(500, 0, 600, 100), Box(50, 50, 20, 90), Box(-50, -50, 0, 0)]
)
def test_a_crop_outside_the_picture_is_refused(crop: Box) -> None:
    with pytest.raises(UserError, match=r"The crop of “picture\.png” is too small or lies"):
        extract(np.full((200, 200), 255, np.uint8), ExtractionOptions(crop=crop))


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"invert": "maybe"}, "Set invert to auto, yes or no"),
        ({"threshold": 0.0}, "between 0 and 1"),
        ({"threshold": 1.0}, "between 0 and 1"),
        ({"threshold": float("nan")}, "between 0 and 1"),
        ({"stroke_width": 0.0}, r"0\.5 to 6 pixels"),
        ({"stroke_width": float("inf")}, r"0\.5 to 6 pixels"),
    ],
)
def test_options_out_of_range_are_refused(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        ExtractionOptions(**values)  # type: ignore[arg-type]


# -- steps ----------------------------------------------------------------------------------------


def test_each_step_has_a_thumbnail_and_a_note() -> None:
    random = np.random.default_rng(0)
    pixels = written("3").astype(float)
    pixels -= 70 * ruled_paper(pixels.shape, "ruled", 0.05, 40, random)
    pixels = (pixels * light_field(pixels.shape, "gradient", random)).clip(0, 255)
    result = extract(pixels.astype(np.uint8))
    names = ["Original", "Greyscale", "Ink", "Ruled lines removed", "Strokes", "Digits"]
    assert [step.name for step in result.steps] == names
    for step in result.steps:
        assert step.pixels.dtype == np.uint8
        assert step.pixels.ndim == 2
        assert max(step.pixels.shape[:2]) <= 240
    notes = {step.name: step.note for step in result.steps}
    assert notes["Original"] == f"{pixels.shape[1]} × {pixels.shape[0]} pixels"
    assert notes["Ink"] == "dark on light, uneven light corrected"
    assert notes["Ruled lines removed"].endswith(" lines")
    assert notes["Digits"] == "1"


def test_the_pipeline_is_pure_and_deterministic() -> None:
    picture = decode(photo(5, 1, (400, 300)), "x")
    before = picture.pixels.copy()
    first, second = extract_digits(picture), extract_digits(picture)
    assert np.array_equal(picture.pixels, before)
    assert np.array_equal(first.digits[0].pixels, second.digits[0].pixels)


def test_read_only_pixels_are_accepted() -> None:
    pixels = written("3")
    pixels.flags.writeable = False
    picture = Picture(pixels, "x", 1, pixels.shape[1], pixels.shape[0])
    assert len(extract_digits(picture).digits) == 1
