"""All steps from a picture to net inputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
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
    Picture,
    Step,
    UInt8Array,
)

STEP_SIDE = 240
"""Longer side of a step's picture, in pixels."""
MIN_CROP_SIDE = 8
MAX_DIGITS = 20


@dataclass(frozen=True, eq=False)
class _Segmentation:
    """What the search came to.

    Attributes:
        region: where it was looked, in the picture's pixels.
        steps: what it looked like on the way.
        ink: 0 for the ground, 1 for a full stroke; of that part.
        labels: of that part.
        components: the digits, in that part's pixels.
        uniform_background: whether the ground was all of one level.
    """

    region: Box
    steps: tuple[Step, ...]
    ink: InkMap
    labels: NDArray[np.int32]
    components: list[Component]
    uniform_background: bool


def extract_digits(picture: Picture, options: ExtractionOptions = AUTOMATIC) -> ExtractionResult:
    """Find the digits in a picture and make a net input of each.

    A picture that is a finished net input already is taken as it is, unless a step is overruled.

    Args:
        picture: what :func:`decode`, :func:`from_canvas` or :func:`from_strokes` gave.
        options: what a person overrules.

    Raises:
        UserError: the part to be cut out lies outside the picture, or is too small.
    """
    region = _crop_region(picture, options.crop)
    pixels = picture.pixels[region.slices]
    channel, channel_name = to_greyscale(pixels)
    steps = (
        Step("As sent", thumbnail(pixels, STEP_SIDE), f"{picture.width} × {picture.height} pixels"),
        Step("Grey", thumbnail(channel, STEP_SIDE), channel_name),
    )
    net_input = match_net_input(channel) if options.keeps_net_input else None
    if net_input is not None:
        return ExtractionResult(
            (_make_digit(net_input, region, picture),), steps, already_normalised=True
        )
    segmentation = _segment(channel, options, drawn=picture.drawn)
    digits = tuple(
        _make_digit(
            make_net_input(
                segmentation.ink,
                segmentation.labels,
                component,
                options.stroke_width,
                keep_grey=segmentation.uniform_background,
            ),
            component.box.translated(
                segmentation.region.left + region.left, segmentation.region.top + region.top
            ),
            picture,
        )
        for component in segmentation.components[:MAX_DIGITS]
    )
    return ExtractionResult(
        digits, (*steps, *segmentation.steps), _note(len(segmentation.components), picture.name)
    )


def result_for_dataset_image(pixels: UInt8Array, name: str) -> ExtractionResult:
    """The reading of an image of a dataset: what the nets were trained on needs no step.

    Args:
        pixels: uint8 28×28, light on dark.
        name: of the image.
    """
    picture = Picture(pixels, name, 1, pixels.shape[1], pixels.shape[0])
    drawn = Box(0, 0, picture.width, picture.height)
    return ExtractionResult((_make_digit(pixels, drawn, picture),), (), already_normalised=True)


def _crop_region(picture: Picture, crop: Box | None) -> Box:
    """The part to look at, in the pixels that are worked on."""
    height, width = picture.pixels.shape[:2]
    if crop is None:
        return Box(0, 0, width, height)
    left, top = (max(0, edge // picture.factor) for edge in crop[:2])
    right, bottom = (-(-edge // picture.factor) for edge in crop[2:])
    region = Box(left, top, min(width, right), min(height, bottom))
    if min(region.width, region.height) < MIN_CROP_SIDE:
        raise UserError(
            f"The part to be cut out of {picture.name} is too small or lies outside it; choose a "
            f"larger one within its {picture.width} × {picture.height} pixels."
        )
    return region


def _segment(channel: UInt8Array, options: ExtractionOptions, *, drawn: bool) -> _Segmentation:
    """Look on the sheet of paper, if one is seen on a desk; if nothing is there, everywhere."""
    paper_sheet = find_sheet(channel) if options.invert != "yes" and not drawn else None
    if paper_sheet is not None:
        segmentation = _segment_region(channel, options, paper_sheet, drawn=False)
        if segmentation.components:
            return segmentation
    return _segment_region(channel, options, None, drawn=drawn)


def _segment_region(
    channel: UInt8Array, options: ExtractionOptions, paper_sheet: PaperSheet | None, *, drawn: bool
) -> _Segmentation:
    region, steps = Box(0, 0, channel.shape[1], channel.shape[0]), []
    if paper_sheet is not None:
        region = bounding_box(paper_sheet.mask)
        channel = paper_sheet.filled[region.slices]
        steps.append(_make_step("Sheet of paper", channel))
    light_strokes = (
        is_light_on_dark(channel) if options.invert == "auto" else options.invert == "yes"
    )
    ink, uniform_background = correct_illumination(channel, light_strokes)
    paper_mask = None if paper_sheet is None else paper_sheet.mask[region.slices]
    if paper_mask is not None:
        ink[~paper_mask] = 0
    levels = estimate_levels(ink, uniform_background=uniform_background)
    note = ("light on dark" if light_strokes else "dark on light") + (
        "" if uniform_background else ", light evened"
    )
    steps.append(_make_step("Ink", _ink_image(ink, levels.full), note))
    ink, line_count = (ink, 0) if drawn else remove_ruled_lines(ink, levels, paper_mask)
    if line_count:
        levels = estimate_levels(ink, uniform_background=uniform_background)
        note = "1 line taken out" if line_count == 1 else f"{line_count} lines taken out"
        steps.append(_make_step("Without lines", _ink_image(ink, levels.full), note))
    ink = denoise(ink, levels)
    stroke_mask = binarise(ink, levels, options.threshold)
    ink /= levels.full or 1
    labels, components = find_digits(
        stroke_mask, ink, single_digit=options.single_digit, drawn=drawn
    )
    steps.append(_make_step("Strokes", np.where(stroke_mask, np.uint8(255), np.uint8(0))))
    if components:
        steps.append(Step("Digits", _draw_boxes(channel, components), str(len(components))))
    return _Segmentation(region, tuple(steps), ink, labels, components, uniform_background)


def _make_step(name: str, pixels: UInt8Array, note: str = "") -> Step:
    return Step(name, thumbnail(pixels, STEP_SIDE), note)


def _ink_image(ink: InkMap, full: float) -> UInt8Array:
    """Ink as levels of grey, white the full stroke."""
    return np.asarray((ink * np.float32(255 / (full or 1))).clip(0, 255), np.uint8)


def _draw_boxes(channel: UInt8Array, components: list[Component]) -> UInt8Array:
    """The picture with a frame around each digit, black and white so that it shows anywhere."""
    preview = Image.fromarray(thumbnail(channel, STEP_SIDE))
    scale = preview.width / channel.shape[1]
    draw = ImageDraw.Draw(preview)
    for component in components[:MAX_DIGITS]:
        left, top, right, bottom = (round(edge * scale) for edge in component.box)
        draw.rectangle((left - 3, top - 3, right + 2, bottom + 2), outline=255)
        draw.rectangle((left - 2, top - 2, right + 1, bottom + 1), outline=0)
    return np.asarray(preview)


def _make_digit(pixels: UInt8Array, box: Box, picture: Picture) -> Digit:
    left, top, right, bottom = box.scaled(picture.factor)
    # The last pixel that is worked on may stand for fewer than the others.
    original_box = Box(left, top, min(right, picture.width), min(bottom, picture.height))
    return Digit(pixels, original_box, float(pixels.mean()) / 255, net_input_stroke_width(pixels))


def _note(count: int, name: str) -> str:
    if count == 0:
        return (
            f"No pen stroke was found in {name}; write larger or darker, come closer, or set the "
            "threshold by hand."
        )
    if count > MAX_DIGITS:
        return (
            f"{count} figures were found in {name} and the first {MAX_DIGITS} are read; cut out the "
            "part with the digits."
        )
    return ""
