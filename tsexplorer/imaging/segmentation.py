"""Which pixels are stroke."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from tsexplorer.imaging.stroke_width import mean_stroke_width
from tsexplorer.imaging.types import Box, InkMap, Mask

MIN_INK = 0.07
"""Ink below this share of the ground's light is not told from stains and paper."""
MIN_FULL_INK = 0.1
"""A pen whose full stroke is paler is none; pencil has 0.3 and more."""
NOISE_SIGMAS = 5.0
"""Ink stands out when it is so many standard deviations of the noise above the ground."""
FULL_INK_QUANTILE = 0.9
"""The level of full ink is this quantile of what stands out."""
HIGH_THRESHOLD = 0.5
LOW_THRESHOLD_RATIO = 0.6
"""Pixels that hang on a stroke count from this share of the threshold on."""
MAX_NOISE_RATIO = 0.08
MAX_SAMPLES = 50_000
MAD_TO_SIGMA = 1.4826
"""Standard deviations in the median absolute deviation of a normal distribution."""


class InkLevels(NamedTuple):
    """What is noise and what is ink.

    Attributes:
        noise: standard deviation of the ground.
        foreground: ink from which on something stands out of the noise.
        full: level of a stroke's middle; 0 if nothing stands out.
    """

    noise: float
    foreground: float
    full: float


def estimate_levels(ink: InkMap, *, uniform_background: bool = False) -> InkLevels:
    """Find the levels of noise and ink.

    Args:
        ink: of each pixel.
        uniform_background: whether the ground is all of one level, and has no noise.
    """
    noise = 0.0
    if not uniform_background:
        step = max(1, int((ink.size / MAX_SAMPLES) ** 0.5))
        sample = ink[::step, ::step]
        noise = float(np.median(np.abs(sample - np.median(sample)))) * MAD_TO_SIGMA
    foreground = max(MIN_INK, NOISE_SIGMAS * noise)
    inked = ink[ink > foreground]
    full = float(np.quantile(inked, FULL_INK_QUANTILE)) if inked.size else 0.0
    return InkLevels(noise, foreground, full)


def denoise(ink: InkMap, levels: InkLevels) -> InkMap:
    """The ink, softened where noise comes near to it."""
    if levels.noise <= MAX_NOISE_RATIO * levels.full:
        return ink
    return np.asarray(ndimage.gaussian_filter(ink, 1.0))


def binarise(ink: InkMap, levels: InkLevels, threshold: float | None = None) -> Mask:
    """Pixels that are at least half inked, and weaker ones that hang on them.

    Args:
        ink: of each pixel.
        levels: its levels.
        threshold: share of full ink that alone decides; None for what is said above.
    """
    if threshold is not None and levels.full > 0:
        return np.asarray(ink >= threshold * levels.full)
    if levels.full < MIN_FULL_INK:
        return np.zeros(ink.shape, bool)
    high = max(HIGH_THRESHOLD * levels.full, levels.foreground)
    labels, count = ndimage.label(ink >= LOW_THRESHOLD_RATIO * high, np.ones((3, 3)))
    kept = np.zeros(count + 1, bool)
    kept[np.unique(labels[ink >= high])] = True
    kept[0] = False
    return np.asarray(kept[labels])


MIN_SIDE = 6
"""A digit's longer side, in the pixels worked on."""
MIN_SIDE_SHARE = 1 / 40
"""The same, as a share of the picture's shorter side."""
MIN_SPECK_RATIO = 0.08
"""What is smaller than this share of the largest piece is dust."""
MIN_DIGIT_RATIO = 0.35
"""What is smaller than this share of the largest digit is none: a dot, a comma."""
MAX_COMPONENTS = 300

# Pieces of one digit, as shares of the larger one's size.
MAX_PART_RATIO, MAX_PART_GAP = 0.6, 0.12
"""A piece of at most this size, and so near, is a part."""
MIN_OVERLAP, MAX_STACKED_GAP = 0.5, 0.4
"""It may be further off, if so much of it lies right above or below."""
MIN_CROSSING_OVERLAP = 0.8
"""How much of the narrower of two halves lies over the other."""
MAX_BAR_FLATNESS, MAX_BAR_GAP, MIN_BAR_OVERLAP = 0.6, 0.3, 0.35
"""A flat stroke may be as large as its digit, so far off, and reach so little over it."""

# What comes in from outside the picture touches its edge.
MAX_BORDER_EXTENT = 0.6
"""It is as long as this share of a side,"""
MIN_BORDER_RATIO, MIN_BORDER_SHARE = 0.7, 0.15
"""or smaller than this share of what does not touch, or of the picture."""


@dataclass(frozen=True)
class Component:
    """Connected strokes: their labels, the box around them, and how many pixels they are."""

    labels: tuple[int, ...]
    box: Box
    area: int

    @property
    def longer_side(self) -> int:
        """The longer side of its box."""
        return max(self.box.width, self.box.height)

    def merged_with(self, other: Component) -> Component:
        """Both as one."""
        return Component(
            self.labels + other.labels, enclosing_box((self.box, other.box)), self.area + other.area
        )


def enclosing_box(boxes: tuple[Box, ...]) -> Box:
    """The smallest box that holds them all."""
    left, top, right, bottom = zip(*boxes, strict=True)
    return Box(min(left), min(top), max(right), max(bottom))


def find_digits(
    mask: Mask, ink: InkMap, *, single_digit: bool = False, drawn: bool = False
) -> tuple[NDArray[np.int32], list[Component]]:
    """Find digits.

    Args:
        mask: stroke pixels.
        ink: of each pixel, 1 for a full stroke.
        single_digit: whether all of it is one digit.
        drawn: whether nothing comes in from outside, as in a drawing.

    Returns:
        the label of each pixel's connected stroke, and the digits in reading order.
    """
    labels, components = _connected_components(mask)
    components = _remove_specks(components, mask.shape)
    if not drawn:
        components = [
            component
            for component in components
            if not is_shadow(ink, labels == component.labels[0], component.box)
        ]
        components = _remove_border_components(components, mask.shape)
    components = _remove_specks(components, mask.shape)
    if single_digit:
        return labels, [reduce(Component.merged_with, components)] if components else []
    digits = [
        component
        for component in _merge_parts(components)
        if not is_blot(np.isin(labels, component.labels), component.box)
    ]
    tallest = max((component.longer_side for component in digits), default=0)
    return labels, sort_in_reading_order(
        [component for component in digits if component.longer_side >= MIN_DIGIT_RATIO * tallest]
    )


def _connected_components(mask: Mask) -> tuple[NDArray[np.int32], list[Component]]:
    """Connected strokes, the largest of them if there are very many."""
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    areas = np.bincount(labels.ravel(), minlength=count + 1)
    boxes = ndimage.find_objects(labels)
    largest_labels = 1 + np.argsort(-areas[1:], kind="stable")[:MAX_COMPONENTS]
    return labels, [
        Component((int(label),), Box(x.start, y.start, x.stop, y.stop), int(areas[label]))
        for label in largest_labels
        for y, x in [boxes[label - 1]]
    ]


def _remove_border_components(
    components: list[Component], shape: tuple[int, int]
) -> list[Component]:
    """Leave out what comes in from outside: the desk beside the paper, a finger, a line's end."""
    min_size = MIN_DIGIT_RATIO * max((component.longer_side for component in components), default=0)
    inner = [
        component
        for component in components
        if not _touches_border(component.box, shape) and component.longer_side >= min_size
    ]
    largest = max((component.longer_side for component in inner), default=0)
    height, width = shape
    return [
        component
        for component in components
        if not _touches_border(component.box, shape)
        or (
            component.longer_side >= max(MIN_BORDER_RATIO * largest, MIN_BORDER_SHARE * min(shape))
            and not (
                inner
                and (
                    component.box.width > MAX_BORDER_EXTENT * width
                    or component.box.height > MAX_BORDER_EXTENT * height
                )
            )
        )
    ]


def _touches_border(box: Box, shape: tuple[int, int]) -> bool:
    return box.left <= 0 or box.top <= 0 or box.right >= shape[1] or box.bottom >= shape[0]


def _remove_specks(components: list[Component], shape: tuple[int, int]) -> list[Component]:
    """Leave out dust: what is tiny, and what is tiny beside the largest."""
    largest = max((component.longer_side for component in components), default=0)
    min_size = max(MIN_SIDE, MIN_SIDE_SHARE * min(shape))
    return (
        [
            component
            for component in components
            if component.longer_side >= MIN_SPECK_RATIO * largest
        ]
        if largest >= min_size
        else []
    )


def _merge_parts(components: list[Component]) -> list[Component]:
    """Join pieces of one digit, the largest first, until nothing belongs together any more."""
    digits: list[Component] = []
    while len(digits) != len(components):
        queue, digits = (
            sorted(digits or components, key=lambda digit: digit.longer_side, reverse=True),
            [],
        )
        components = queue
        for component in queue:
            target = next(
                (index for index, digit in enumerate(digits) if _is_part_of(component, digit)), None
            )
            if target is None:
                digits.append(component)
            else:
                digits[target] = digits[target].merged_with(component)
    return digits


def _is_part_of(component: Component, digit: Component) -> bool:
    """Whether the smaller of two pieces is a part of the larger."""
    small, large = component.box, digit.box
    gap_x = max(small.left, large.left) - min(small.right, large.right)
    gap_y = max(small.top, large.top) - min(small.bottom, large.bottom)
    if _is_bar(small, large, gap_x, gap_y) or _is_bar(large, small, gap_x, gap_y):
        return True
    if component.longer_side > MAX_PART_RATIO * digit.longer_side:
        # Two of one size: one digit only if they lie across each other, as in an open 4, or if
        # one goes on where the other stops.
        narrower = min(small.width, large.width)
        across = -gap_x >= MIN_CROSSING_OVERLAP * narrower and -gap_y >= MIN_OVERLAP * small.height
        torn = -gap_x >= MIN_OVERLAP * narrower and 0 <= gap_y <= MAX_PART_GAP * digit.longer_side
        return across or torn
    near = float(np.hypot(max(gap_x, 0), max(gap_y, 0)))
    stacked = -gap_x >= MIN_OVERLAP * small.width and gap_y <= MAX_STACKED_GAP * digit.longer_side
    return near <= MAX_PART_GAP * digit.longer_side or stacked


def _is_bar(bar: Box, body: Box, gap_x: int, gap_y: int) -> bool:
    """Whether one is a flat stroke over the other, as in a 5 whose bar stands off."""
    return (
        bar.height <= MAX_BAR_FLATNESS * min(bar.width, body.height)
        and gap_y <= MAX_BAR_GAP * body.height
        and -gap_x >= MIN_BAR_OVERLAP * min(bar.width, body.width)
    )


def sort_in_reading_order(digits: list[Component]) -> list[Component]:
    """Line by line from the top, each from left to right."""
    lines: list[list[Component]] = []
    for digit in sorted(digits, key=lambda digit: digit.box.top + digit.box.bottom):
        middle = (digit.box.top + digit.box.bottom) / 2
        if lines and middle < max(digit.box.bottom for digit in lines[-1]):
            lines[-1].append(digit)
        else:
            lines.append([digit])
    return [digit for line in lines for digit in sorted(line, key=lambda digit: digit.box.left)]


BLOT_RATIO = 0.5
"""What is thicker than this share of its size is a blot."""
SHADOW_SAMPLES = 10
"""A figure is looked at as if it were so many pixels thick."""
MIN_SHADOW_SHARE = 0.03
"""Shadows are thicker than this share of the picture's shorter side."""
MIN_EDGE_RISE = 0.6
"""At a stroke's edge, however blurred, ink rises by more than this within its thickness,"""
MAX_EDGE_SHARE = 0.1
"""or within this share of the picture's longer side, if it is thicker."""


def is_blot(mask: Mask, box: Box) -> bool:
    """Whether a figure is as thick as it is long.

    Args:
        mask: its pixels, in the whole picture.
        box: around them.
    """
    cropped = mask[box.slices]
    # No stroke covers so much of its box; only what does needs to be measured.
    return bool(cropped.mean() > BLOT_RATIO) and mean_stroke_width(cropped) > BLOT_RATIO * max(
        cropped.shape
    )


def is_shadow(ink: InkMap, mask: Mask, box: Box) -> bool:
    """Whether a figure is thick, and has no edge anywhere near as sharp as a stroke's.

    Args:
        ink: of each pixel, 1 for a full stroke.
        mask: the figure's pixels.
        box: around them.
    """
    mask_window = mask[box.slices]
    stroke_width = mean_stroke_width(mask_window)
    if stroke_width < max(SHADOW_SAMPLES, MIN_SHADOW_SHARE * min(mask.shape)):
        return False
    step = int(stroke_width / SHADOW_SAMPLES)
    window = tuple(
        slice(max(0, part.start - 2 * step), part.stop + 2 * step, step) for part in box.slices
    )
    ink_window, mask_window = ink[window], mask[window]
    gradient = ndimage.gaussian_gradient_magnitude(ink_window, 1.0)
    edge = mask_window & ~ndimage.binary_erosion(mask_window, np.ones((3, 3)), border_value=1)
    edge_width = min(stroke_width, MAX_EDGE_SHARE * max(mask.shape)) / step
    return not edge.any() or float(np.median(gradient[edge])) * edge_width < MIN_EDGE_RISE
