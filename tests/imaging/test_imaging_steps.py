"""Each step from a picture to a net input, on pictures made for it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from tests.imaging.synthetic_scenes import LIGHTS, light_field, paper_lines, stroke_cover
from tests.imaging.synthetic_strokes import drawn, fitted, mnist_digits
from tsexplorer.imaging.greyscale import is_light_on_dark, to_greyscale
from tsexplorer.imaging.illumination import correct_illumination
from tsexplorer.imaging.normalisation import (
    CENTRE,
    bounding_box,
    centre_by_mass,
    match_net_input,
    normalise,
)
from tsexplorer.imaging.paper import find_sheet
from tsexplorer.imaging.ruled_lines import remove_ruled_lines
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
from tsexplorer.imaging.stroke_width import edge_offset, mean_stroke_width, offset_edge
from tsexplorer.imaging.types import BOX_SIDE, Box, InkMap

HEIGHT, WIDTH = 300, 400


def stroke(*points: tuple[float, float], width: float = 8) -> InkMap:
    """How much of each pixel a stroke covers, H×W."""
    return stroke_cover([np.array(points)], (HEIGHT, WIDTH), width)


def figure(digit: int, width: float = 8, size: float = 150) -> InkMap:
    lines = [line * size + (WIDTH / 2, HEIGHT / 2) for line in fitted(drawn(digit, random(digit)))]
    return stroke_cover(lines, (HEIGHT, WIDTH), width)


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def on_paper(cover: InkMap, paper: float = 230, ink: float = 40) -> np.ndarray:
    return (paper + (ink - paper) * cover).astype(np.uint8)


# -- grey ---------------------------------------------------------------------------------------


def test_brightness_is_taken_where_it_shows_the_strokes() -> None:
    cover = figure(3)[..., None]
    pixels = (np.array([250, 250, 240]) * (1 - cover) + np.array([20, 20, 90]) * cover).astype("u1")
    channel, name = to_greyscale(pixels)
    assert name == "brightness"
    assert np.array_equal(channel, np.asarray(Image.fromarray(pixels).convert("L")))


@pytest.mark.parametrize(
    ("ink", "name", "place"),
    [((255, 235, 0), "blue", 2), ((0, 255, 255), "red", 0), ((255, 170, 255), "green", 1)],
)
def test_a_pale_colour_is_read_from_the_channel_that_shows_it(
    ink: tuple[int, int, int], name: str, place: int
) -> None:
    cover = figure(3)[..., None]
    pixels = (255 * (1 - cover) + np.array(ink) * cover).astype(np.uint8)
    channel, found = to_greyscale(pixels)
    assert found == name
    assert np.array_equal(channel, pixels[..., place])


def test_grey_stays_as_it_is() -> None:
    pixels = on_paper(figure(3))
    assert to_greyscale(pixels)[0] is pixels


# -- polarity -----------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [2, 8, 40])
@pytest.mark.parametrize("light", LIGHTS)
@pytest.mark.parametrize("digit", [1, 8])
def test_polarity(digit: int, light: str, width: float) -> None:
    field = light_field((HEIGHT, WIDTH), light, random(3))
    noise = random(4).normal(0, 3, (HEIGHT, WIDTH))
    dark = (on_paper(figure(digit, width)) * field + noise).clip(0, 255).astype(np.uint8)
    assert not is_light_on_dark(dark)
    assert is_light_on_dark(255 - dark)


def test_polarity_of_a_figure_that_is_cut_out_closely() -> None:
    """Where there is more ink than ground, the ground still is what lies around."""
    pixels = np.full((60, 30), 20, np.uint8)
    pixels[0] = pixels[-1] = pixels[:, 0] = pixels[:, -1] = 250
    assert not is_light_on_dark(pixels)
    assert is_light_on_dark(255 - pixels)


# -- light --------------------------------------------------------------------------------------


@pytest.mark.parametrize("light", ["gradient", "shadow", "lamp"])
@pytest.mark.parametrize("width", [3, 10, 30])
def test_uneven_light_goes_and_strokes_stay(light: str, width: float) -> None:
    cover = figure(5, width)
    for seed in range(4):
        field = light_field((HEIGHT, WIDTH), light, random(seed))
        ink, uniform = correct_illumination(
            (on_paper(cover) * field).astype(np.uint8), light_strokes=False
        )
        assert not uniform
        full = 1 - 40 / 230
        assert np.median(ink[cover > 0.99]) == pytest.approx(full, abs=0.06)
        assert np.quantile(np.abs(ink[ndimage.maximum_filter(cover, 9) == 0]), 0.95) < 0.15


def test_an_even_ground_is_left_exactly_alone() -> None:
    cover = figure(5)
    ink, uniform = correct_illumination(on_paper(cover), light_strokes=False)
    assert uniform
    assert set(ink[cover == 0]) == {0.0}
    ink, uniform = correct_illumination(255 - on_paper(cover), light_strokes=True)
    assert uniform
    assert set(ink[cover == 0]) == {0.0}


def test_ink_of_light_strokes_is_the_light_that_they_add() -> None:
    pixels = np.full((60, 60), 50, np.uint8)
    pixels[20:40, 28:33] = 203
    ink, _ = correct_illumination(pixels, light_strokes=True)
    assert ink[30, 30] == pytest.approx(0.6)


# -- sheet --------------------------------------------------------------------------------------


def photo_of_sheet(turn: float, desk: float = 90, paper: float = 220) -> tuple[np.ndarray, InkMap]:
    image = Image.new("F", (WIDTH, HEIGHT), desk)
    image.paste(paper, (60, 40, 340, 260))
    cover = figure(5, 6, 100)
    image.paste(30, mask=Image.fromarray((255 * cover).astype(np.uint8)))
    pixels = np.asarray(image.rotate(turn, Image.Resampling.BICUBIC, fillcolor=desk))
    return (pixels + random().normal(0, 3, pixels.shape)).clip(0, 255).astype(np.uint8), cover


@pytest.mark.parametrize("turn", [0, 5, -12])
def test_a_sheet_on_a_desk_is_found(turn: float) -> None:
    pixels, _ = photo_of_sheet(turn)
    found = find_sheet(pixels)
    assert found is not None
    paper = np.zeros((HEIGHT, WIDTH), np.uint8)
    paper[40:260, 60:340] = 1
    paper = np.asarray(Image.fromarray(paper).rotate(turn))
    assert found.mask[paper == 0].mean() < 0.001
    assert found.mask[paper == 1].mean() > 0.85
    # The desk is gone, and where the sheet ends no step is left.
    assert found.filled.min() < 60
    assert np.abs(found.filled[paper == 0].astype(int) - 220).max() < 25


def test_no_sheet_is_made_up() -> None:
    assert find_sheet(on_paper(figure(5))) is None
    assert find_sheet(np.full((HEIGHT, WIDTH), 128, np.uint8)) is None
    assert find_sheet(photo_of_sheet(0, desk=215)[0]) is None
    for seed in range(6):
        shadow = light_field((HEIGHT, WIDTH), "shadow", random(seed))
        assert find_sheet((on_paper(figure(5, 6)) * shadow).astype(np.uint8)) is None
    for image in mnist_digits()[0][:100]:
        large = Image.fromarray(image).resize((280, 280), Image.Resampling.BICUBIC)
        assert find_sheet(np.asarray(large)) is None


# -- threshold ----------------------------------------------------------------------------------


def test_levels_of_noise_and_ink() -> None:
    cover = figure(5)
    ink = (0.6 * cover + random().normal(0, 0.02, cover.shape)).astype(np.float32)
    levels = estimate_levels(ink)
    assert levels.noise == pytest.approx(0.02, rel=0.1)
    assert levels.foreground == pytest.approx(0.1, rel=0.1)
    assert levels.full == pytest.approx(0.62, abs=0.03)
    assert estimate_levels(np.zeros((50, 50), np.float32)).full == 0


def test_a_stroke_is_what_is_half_inked_and_what_hangs_on_it() -> None:
    ink = np.zeros((40, 60), np.float32)
    ink[10, 5:30] = 1
    ink[10, 30:40] = 0.35  # fades out
    ink[30, 5:30] = 0.35  # never was more
    mask = binarise(ink, estimate_levels(ink, uniform_background=True))
    assert mask[10, 5:40].all()
    assert mask.sum() == 35
    by_hand = binarise(ink, estimate_levels(ink, uniform_background=True), 0.3)
    assert by_hand[30, 5:30].all()
    assert binarise(ink, estimate_levels(ink, uniform_background=True), 0.9).sum() == 25


def test_a_pale_shade_is_no_stroke_unless_by_hand() -> None:
    ink = 0.09 * figure(5)
    assert not binarise(ink, estimate_levels(ink, uniform_background=True)).any()
    assert binarise(ink, estimate_levels(ink, uniform_background=True), 0.5).any()


def test_only_noisy_ink_is_softened() -> None:
    ink = figure(5)
    assert denoise(ink, estimate_levels(ink)) is ink
    noisy = (0.5 * ink + random().normal(0, 0.06, ink.shape)).astype(np.float32)
    assert denoise(noisy, estimate_levels(noisy)).std() < noisy.std()


# -- lines --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["ruled", "squared"])
@pytest.mark.parametrize("degrees", [0, 3, -8, 14])
@pytest.mark.parametrize("digit", [2, 4, 7, 8])
def test_printed_lines_go_and_strokes_stay(digit: int, degrees: float, kind: str) -> None:
    cover = figure(digit, 7)
    printed = paper_lines((HEIGHT, WIDTH), kind, np.deg2rad(degrees), 45, random(digit))
    ink = np.maximum(0.7 * cover, 0.35 * printed)
    left, lines = remove_ruled_lines(ink, estimate_levels(ink))
    away = ndimage.maximum_filter(cover, 7) == 0
    assert lines >= 5
    assert (left[away] > 0.1).mean() < 0.005
    assert (left[cover == 1] > 0.5).mean() > 0.9
    # Where a line ran through it, a stroke is not torn.
    assert ndimage.label(left > 0.35, np.ones((3, 3)))[1] <= 3


def test_a_line_as_dark_as_the_pen_goes_too() -> None:
    cover = stroke((200, 60), (200, 240), width=7)
    printed = paper_lines((HEIGHT, WIDTH), "ruled", 0.05, 60, random())
    left, _ = remove_ruled_lines(np.maximum(cover, printed), estimate_levels(cover))
    assert (left[ndimage.maximum_filter(cover, 7) == 0] > 0.1).mean() < 0.002
    kept = ndimage.label(left > 0.5)[0]
    assert np.bincount(kept.ravel())[1:].max() > 0.97 * (cover > 0.5).sum()


@pytest.mark.parametrize(
    "points",
    [
        [(40, 150), (360, 150)],  # a long dash
        [(200, 20), (200, 280)],  # a tall one
        [(60, 40), (340, 40), (200, 270)],  # a large seven
    ],
)
def test_a_long_stroke_is_no_printed_line(points: list[tuple[float, float]]) -> None:
    ink = stroke(*points, width=4)
    left, lines = remove_ruled_lines(ink, estimate_levels(ink))
    assert lines == 0
    assert np.array_equal(left, ink)


# -- groups -------------------------------------------------------------------------------------


def found(*covers: InkMap, **options: bool) -> list[Box]:
    ink = np.max(covers, axis=0)
    return [piece.box for piece in find_digits(ink >= 0.5, ink, **options)[1]]


def test_two_digits_side_by_side_are_two() -> None:
    one, two = stroke((100, 80), (100, 220)), stroke((150, 80), (210, 120), (150, 220), (210, 220))
    boxes = found(two, one)
    assert len(boxes) == 2
    assert boxes[0].right < boxes[1].left
    assert len(found(two, one, single_digit=True)) == 1


def test_two_strokes_close_together_are_two_ones() -> None:
    assert len(found(stroke((100, 80), (100, 220)), stroke((118, 82), (118, 218)))) == 2


def test_a_five_with_a_bar_that_stands_off_is_one() -> None:
    body = stroke((120, 100), (118, 150), (170, 160), (160, 220), (110, 225))
    for bar in ([(135, 85), (190, 80)], [(120, 70), (210, 66)], [(150, 88), (200, 60)]):
        assert len(found(body, stroke(*bar))) == 1


def test_an_open_four_of_two_strokes_is_one() -> None:
    left = stroke((120, 80), (105, 160), (200, 158))
    assert len(found(left, stroke((175, 90), (170, 230)))) == 1


def test_a_torn_stroke_is_one() -> None:
    assert len(found(stroke((100, 80), (100, 150)), stroke((101, 162), (103, 220)))) == 1


def test_dots_and_dust_are_left_out() -> None:
    dot = stroke((200, 215), (203, 216))
    assert len(found(figure(3), dot)) == 1
    assert found(dot, stroke((20, 20), (21, 21), width=3)) == []


def test_what_comes_in_from_outside_is_left_out() -> None:
    desk = np.zeros((HEIGHT, WIDTH), np.float32)
    desk[:, 380:] = 1
    assert len(found(figure(3), desk)) == 1
    assert len(found(figure(3), stroke((0, 280), (60, 290)))) == 1
    # In a drawing nothing comes in from outside.
    assert len(found(stroke((100, 80), (100, 220)), stroke((300, 0), (300, 300)), drawn=True)) == 2


def test_a_digit_that_is_cut_off_is_still_one_if_it_is_alone() -> None:
    assert len(found(stroke((0, 100), (60, 100), (30, 200)))) == 1


def test_reading_order() -> None:
    places = [(50, 10), (10, 12), (90, 8), (60, 70), (20, 66)]
    pieces = [Component((), Box(x, y, x + 20, y + 30), 1) for x, y in places]
    assert [(piece.box.left, piece.box.top) for piece in sort_in_reading_order(pieces)] == [
        *((10, 12), (50, 10), (90, 8)),
        *((20, 66), (60, 70)),
    ]


def test_very_many_specks_take_no_time() -> None:
    noise = (random().random((1000, 1000)) < 0.2).astype(np.float32)
    assert len(find_digits(noise > 0.5, noise)[1]) < 400


# -- blots and shadows ----------------------------------------------------------------------------


def test_a_disc_is_a_blot_and_a_stroke_is_none() -> None:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    disc = (y - 150) ** 2 + (x - 200) ** 2 < 60**2
    assert is_blot(disc, bounding_box(disc))
    for cover in (figure(0, 30), figure(8, 25), stroke((200, 50), (200, 250), width=60)):
        assert not is_blot(cover > 0.5, bounding_box(cover > 0.5))


def test_a_soft_edge_is_a_shadow_and_a_blurred_stroke_is_none() -> None:
    ramp = np.linspace(-1, 2, WIDTH, dtype=np.float32).clip(0, 1)[None].repeat(HEIGHT, 0)
    own = ramp > 0.5
    assert is_shadow(ramp, own, bounding_box(own))
    for width, blur in ((4, 3), (20, 8), (60, 15)):
        ink = ndimage.gaussian_filter(figure(5, width), blur)
        own = ink > ink.max() / 2
        assert not is_shadow(ink / ink.max(), own, bounding_box(own))


# -- thickness ----------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [2, 3, 5, 8, 13, 30])
def test_the_thickness_of_a_stroke(width: int) -> None:
    mask = np.zeros((100, 300), bool)
    mask[20 : 20 + width, 20:280] = True
    assert mean_stroke_width(mask) == pytest.approx(width, abs=0.4 + 0.03 * width)
    assert mean_stroke_width(np.zeros((5, 5), bool)) == 0


@pytest.mark.parametrize(("thickness", "target"), [(2, None), (4, 3.0), (30, 4.0), (60, None)])
def test_the_edge_moves_so_far_that_the_stroke_is_right(
    thickness: float, target: float | None
) -> None:
    size = 160.0
    move = edge_offset(thickness, size, target)
    now = BOX_SIDE * (thickness + 2 * move) / (size + 2 * move)
    assert now == pytest.approx(target or (2.3 if thickness < 20 else 4.0))


@pytest.mark.parametrize("share", [1.7, 2.5, 4.0])
def test_a_usual_stroke_is_left_alone(share: float) -> None:
    assert edge_offset(share * 160 / BOX_SIDE, 160, None) == 0


@pytest.mark.parametrize("move", [-3.0, -1.5, 0.0, 2.0, 5.5])
def test_a_redrawn_stroke_is_as_thick_as_was_asked(move: float) -> None:
    mask = np.zeros((60, 200), bool)
    mask[26:36, 20:180] = True
    again = offset_edge(mask, move)
    assert again[:, 100].sum() == pytest.approx(10 + 2 * move, abs=0.6)
    assert again.min() >= 0
    assert again.max() <= 1


def test_holes_stay_open_however_thick_the_stroke() -> None:
    angles = np.linspace(0, 2 * np.pi, 40)
    loops = [
        np.stack([200 + radius * np.cos(angles), middle + radius * np.sin(angles)], 1)
        for radius, middle in ((30, 110), (38, 178))
    ]
    mask = stroke_cover(loops, (HEIGHT, WIDTH), 4)[40:260, 120:280] > 0.5
    assert ndimage.label(~mask)[1] == 3
    again = offset_edge(mask, 25.0)
    assert ndimage.label(again < 0.5)[1] == 3
    assert again.sum() > 3 * mask.sum()


def test_a_thin_stroke_does_not_vanish_when_it_is_made_thinner() -> None:
    mask = figure(8, 6) > 0.5
    again = offset_edge(mask, -5.0) >= 0.5
    assert 0 < again.sum() < 0.5 * mask.sum()
    assert ndimage.binary_dilation(again, np.ones((3, 3)), 4)[mask].mean() > 0.98


# -- framing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("digit", range(10))
def test_a_framed_figure_lies_as_mnist_digits_do(digit: int) -> None:
    pixels = normalise(figure(digit, 16))
    box = bounding_box(pixels > 0)
    assert max(box.width, box.height) == BOX_SIDE
    middle = ndimage.center_of_mass(pixels)
    assert all(abs(place - CENTRE) <= 0.5 for place in middle)
    assert pixels.max() == 255


def test_the_shape_is_kept() -> None:
    box = bounding_box(normalise(stroke((100, 150), (300, 150), width=50)) > 0)
    assert (box.width, box.height) == (20, 4)


def test_framing_a_framed_digit_changes_nothing() -> None:
    for image in mnist_digits()[0][:50]:
        box = bounding_box(image > 0)
        assert np.array_equal(centre_by_mass(image[box.slices]), image)


def test_nothing_is_pushed_out_of_the_field() -> None:
    lopsided = np.zeros((20, 20), np.uint8)
    lopsided[0], lopsided[19, 0] = 255, 1
    field = centre_by_mass(lopsided)
    assert field.sum() == lopsided.sum()


# -- finished inputs ----------------------------------------------------------------------------


def test_all_shipped_digits_are_finished() -> None:
    images, _ = mnist_digits()
    for image in images:
        assert np.array_equal(match_net_input(image), image)
        assert np.array_equal(match_net_input(255 - image), image)


@pytest.mark.parametrize("factor", [2, 7, 10, 45])
def test_enlarged_digits_are_finished(factor: int) -> None:
    image = mnist_digits()[0][0]
    large = np.kron(image, np.ones((factor, factor), np.uint8))
    assert np.array_equal(match_net_input(large), image)
    assert np.array_equal(match_net_input(255 - large), image)


def test_other_pictures_of_that_size_are_not() -> None:
    image = mnist_digits()[0][0]
    assert match_net_input(np.zeros((28, 28), np.uint8)) is None
    assert match_net_input(random().integers(0, 256, (28, 28), dtype=np.uint8)) is None
    assert match_net_input(np.roll(image, 6, 1)) is None  # not in the middle
    assert match_net_input(np.pad(image[::3, ::3], 9)) is None  # too small
    assert match_net_input(np.pad(image, ((0, 0), (0, 1)))) is None
    assert match_net_input(on_paper(figure(3))[:280, :280]) is None
