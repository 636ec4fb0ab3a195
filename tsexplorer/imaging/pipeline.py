"""The pipeline from a picture to net inputs: all steps in order, with a thumbnail of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from tsexplorer.errors import UserError
from tsexplorer.imaging.greyscale import is_light_on_dark, to_greyscale
from tsexplorer.imaging.illumination import correct_illumination
from tsexplorer.imaging.normalisation import bounding_box, make_net_input, match_net_input
from tsexplorer.imaging.paper import PaperSheet, find_sheet
from tsexplorer.imaging.resampling import thumbnail
from tsexplorer.imaging.ruled_lines import remove_ruled_lines
from tsexplorer.imaging.segmentation import (
    Component,
    binarise,
    denoise,
    estimate_levels,
    find_digits,
)
from tsexplorer.imaging.stroke_width import net_input_stroke_width
from tsexplorer.imaging.types import (
    AUTOMATIC,
    Box,
    Digit,
    ExtractionOptions,
    ExtractionResult,
    InkMap,
    LabelMap,
    Picture,
    Step,
    UInt8Image,
)

STEP_SIDE = 240
"""Longest side of a step's thumbnail, in pixels."""
MIN_CROP_SIDE = 8
MAX_DIGITS = 20


@dataclass(frozen=True, eq=False)
class _Segmentation:
    """The digits in a region, before normalisation.

    Attributes:
        region: the region that was searched, in pixels of the channel.
        steps: thumbnails of the steps.
        ink: ink map of the region, 1 in a full stroke.
        labels: connected component of each pixel of the region.
        digits: the digits, in pixels of the region.
        uniform_background: whether the background is uniform.
    """

    region: Box
    steps: tuple[Step, ...]
    ink: InkMap
    labels: LabelMap
    digits: list[Component]
    uniform_background: bool


def extract_digits(picture: Picture, options: ExtractionOptions = AUTOMATIC) -> ExtractionResult:
    """See :func:`tsexplorer.imaging.extract_digits`."""
    region = _crop_region(picture, options.crop)
    pixels = picture.pixels[region.slices]
    channel, channel_name = to_greyscale(pixels)
    steps = (
        _make_step("Original", pixels, f"{picture.width} × {picture.height} pixels"),
        _make_step("Greyscale", channel, channel_name),
    )
    net_input = match_net_input(channel) if options.keeps_net_input else None
    if net_input is not None:
        digit = _make_digit(net_input, region, picture)
        return ExtractionResult((digit,), steps, already_normalised=True)
    found = _segment(channel, options, drawn=picture.drawn)
    digits = []
    for component in found.digits[:MAX_DIGITS]:
        box = component.box.translated(found.region.left, found.region.top)
        net_input = make_net_input(
            found.ink,
            found.labels,
            component,
            options.stroke_width,
            keep_grey=found.uniform_background,
        )
        digits.append(_make_digit(net_input, box.translated(region.left, region.top), picture))
    note = _note(len(found.digits), picture.name)
    return ExtractionResult(tuple(digits), (*steps, *found.steps), note)


def result_for_dataset_image(pixels: UInt8Image, name: str) -> ExtractionResult:
    """See :func:`tsexplorer.imaging.result_for_dataset_image`."""
    height, width = pixels.shape
    picture = Picture(pixels, name, 1, width, height)
    digit = _make_digit(pixels, Box(0, 0, width, height), picture)
    return ExtractionResult((digit,), (), already_normalised=True)


def _crop_region(picture: Picture, crop: Box | None) -> Box:
    """The region to search, in pixels of the decoded picture.

    Raises:
        UserError: the crop is too small or lies outside the picture.
    """
    height, width = picture.pixels.shape[:2]
    if crop is None:
        return Box(0, 0, width, height)
    left, top = (max(0, edge // picture.factor) for edge in crop[:2])
    right, bottom = (-(-edge // picture.factor) for edge in crop[2:])
    region = Box(left, top, min(width, right), min(height, bottom))
    if min(region.width, region.height) < MIN_CROP_SIDE:
        raise UserError(
            f"The crop of {picture.name} is too small or lies outside the picture; choose a "
            f"larger part of its {picture.width} × {picture.height} pixels."
        )
    return region


def _segment(channel: UInt8Image, options: ExtractionOptions, *, drawn: bool) -> _Segmentation:
    """Find digits on a sheet of paper, or in the whole channel if there is no sheet or digit."""
    sheet = find_sheet(channel) if options.invert != "yes" and not drawn else None
    if sheet is not None:
        on_sheet = _segment_region(channel, options, sheet, drawn=False)
        if on_sheet.digits:
            return on_sheet
    return _segment_region(channel, options, None, drawn=drawn)


def _segment_region(
    channel: UInt8Image, options: ExtractionOptions, sheet: PaperSheet | None, *, drawn: bool
) -> _Segmentation:
    """Find digits on a sheet of paper, or in the whole channel if ``sheet`` is None."""
    region, steps = Box(0, 0, channel.shape[1], channel.shape[0]), []
    paper_mask = None
    if sheet is not None:
        region = bounding_box(sheet.mask)
        channel, paper_mask = sheet.filled[region.slices], sheet.mask[region.slices]
        steps.append(_make_step("Sheet of paper", channel))
    invert = is_light_on_dark(channel) if options.invert == "auto" else options.invert == "yes"
    ink, uniform_background = correct_illumination(channel, invert)
    if paper_mask is not None:
        ink[~paper_mask] = 0
    levels = estimate_levels(ink, uniform_background=uniform_background)
    polarity = "light on dark" if invert else "dark on light"
    note = polarity if uniform_background else f"{polarity}, uneven light corrected"
    steps.append(_make_step("Ink", _ink_image(ink, levels.full), note))
    ink, line_count = (ink, 0) if drawn else remove_ruled_lines(ink, levels, paper_mask)
    if line_count:
        levels = estimate_levels(ink, uniform_background=uniform_background)
        note = "1 line" if line_count == 1 else f"{line_count} lines"
        steps.append(_make_step("Ruled lines removed", _ink_image(ink, levels.full), note))
    ink = denoise(ink, levels)
    mask = binarise(ink, levels, options.threshold)
    ink /= levels.full or 1
    labels, digits = find_digits(mask, ink, single_digit=options.single_digit, drawn=drawn)
    steps.append(_make_step("Strokes", np.where(mask, np.uint8(255), np.uint8(0))))
    if digits:
        steps.append(Step("Digits", _draw_boxes(channel, digits), str(len(digits))))
    return _Segmentation(region, tuple(steps), ink, labels, digits, uniform_background)


def _make_step(name: str, pixels: UInt8Image, note: str = "") -> Step:
    return Step(name, thumbnail(pixels, STEP_SIDE), note)


def _ink_image(ink: InkMap, full: float) -> UInt8Image:
    """The ink map as grey levels; full ink is white."""
    return np.asarray((ink * np.float32(255 / (full or 1))).clip(0, 255), np.uint8)


def _draw_boxes(channel: UInt8Image, digits: list[Component]) -> UInt8Image:
    """Thumbnail with a box around each digit, black and white to be visible on any background."""
    preview = Image.fromarray(thumbnail(channel, STEP_SIDE))
    scale = preview.width / channel.shape[1]
    canvas = ImageDraw.Draw(preview)
    for digit in digits[:MAX_DIGITS]:
        left, top, right, bottom = (round(edge * scale) for edge in digit.box)
        canvas.rectangle((left - 3, top - 3, right + 2, bottom + 2), outline=255)
        canvas.rectangle((left - 2, top - 2, right + 1, bottom + 1), outline=0)
    return np.asarray(preview)


def _make_digit(pixels: UInt8Image, box: Box, picture: Picture) -> Digit:
    """A digit with its box in original pixels.

    Args:
        pixels: the net input, uint8 28×28.
        box: bounding box in pixels of the decoded picture.
        picture: the decoded picture.
    """
    left, top, right, bottom = box.scaled(picture.factor)
    # The last block of pixels may be cut off by the edge of the original.
    original_box = Box(left, top, min(right, picture.width), min(bottom, picture.height))
    return Digit(pixels, original_box, float(pixels.mean()) / 255, net_input_stroke_width(pixels))


def _note(digit_count: int, name: str) -> str:
    if digit_count == 0:
        return (
            f"No pen stroke was found in {name}; write larger or darker, move the camera closer, "
            "or set the threshold by hand."
        )
    if digit_count > MAX_DIGITS:
        return (
            f"{digit_count} digits were found in {name}, and only the first {MAX_DIGITS} are used; "
            "crop the picture to fewer digits."
        )
    return ""
