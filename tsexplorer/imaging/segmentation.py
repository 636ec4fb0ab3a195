"""Segmentation: binarise the ink map, label connected components, and group them into digits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from tsexplorer.imaging.stroke_width import mean_stroke_width
from tsexplorer.imaging.types import Box, InkMap, LabelMap, Mask

EIGHT_CONNECTED = np.ones((3, 3))
"""Structuring element: a pixel is connected to its eight neighbours."""

# Binarisation.
MIN_INK = 0.07
"""Minimum ink that differs from stains and paper texture, as a share of the background."""
MIN_FULL_INK = 0.1
"""Minimum full ink level of a pen; pencil has 0.3 and more."""
NOISE_SIGMAS = 5.0
"""Foreground has more ink than this many standard deviations of the noise."""
FULL_INK_QUANTILE = 0.9
"""Quantile of the foreground's ink that is the full ink level."""
HIGH_THRESHOLD, LOW_THRESHOLD_RATIO = 0.5, 0.6
"""High threshold as a share of full ink, low threshold as a share of the high one."""
MAX_NOISE_RATIO = 0.08
"""Ink with more noise, as a share of full ink, is smoothed."""
MAX_SAMPLES = 50_000
"""Approximate number of pixels from which noise is estimated."""
MAD_TO_SIGMA = 1.4826
"""Standard deviation per median absolute deviation of a normal distribution."""

# Specks, and components that enter the picture from outside.
MAX_COMPONENTS = 300
MIN_SIDE, MIN_SIDE_SHARE = 6, 1 / 40
"""Minimum longer side of a digit, in pixels and as a share of the picture's shorter side."""
MIN_SPECK_RATIO = 0.08
"""Smaller components, as a share of the largest one, are dust."""
MIN_DIGIT_RATIO = 0.35
"""Smaller groups, as a share of the largest digit, are dots or commas."""
MAX_BORDER_EXTENT = 0.6
"""Longest side of a digit at the border, as a share of the picture's side."""
MIN_BORDER_RATIO, MIN_BORDER_SHARE = 0.7, 0.15
"""Minimum longer side of a digit at the border, as shares of the largest inner component's longer
side and of the picture's shorter side."""

# Parts of one digit; sizes and gaps as shares of the larger part's longer side.
MAX_PART_RATIO, MAX_PART_GAP = 0.6, 0.12
"""A component up to this size and this close belongs to the digit."""
MIN_OVERLAP, MAX_STACKED_GAP = 0.5, 0.4
"""It may be further away if this share of its width overlaps the digit above or below it."""
MIN_CROSSING_OVERLAP = 0.8
"""Minimum overlap of two equally large parts, as a share of the narrower one."""
MAX_BAR_FLATNESS, MAX_BAR_GAP, MIN_BAR_OVERLAP = 0.6, 0.3, 0.35
"""Height, gap and overlap of a flat stroke above a digit, which may be as large as the digit."""

# Blots and shadows.
BLOT_RATIO = 0.5
"""A component is a blot if its stroke width is above this share of its longer side."""
SHADOW_SAMPLES = 10
"""The edge of a thick component is measured at a scale where it is this many pixels thick."""
MIN_SHADOW_SHARE = 0.03
"""Minimum thickness of a shadow, as a share of the picture's shorter side."""
MIN_EDGE_RISE = 0.6
"""Minimum rise of ink at the edge of a stroke, within the edge's width."""
MAX_EDGE_SHARE = 0.1
"""Maximum edge width as a share of the picture's longer side; it is also limited by the stroke
width."""


class InkLevels(NamedTuple):
    """Noise and ink levels of an ink map.

    Attributes:
        noise: standard deviation of the background.
        foreground: ink above which a pixel differs from noise.
        full: ink in the middle of a stroke; 0 if there is no foreground.
    """

    noise: float
    foreground: float
    full: float


@dataclass(frozen=True)
class Component:
    """A connected component, or several that were merged.

    Attributes:
        labels: labels of its connected components.
        box: bounding box.
        area: number of pixels.
    """

    labels: tuple[int, ...]
    box: Box
    area: int

    @property
    def longer_side(self) -> int:
        """Longer side of the bounding box."""
        return self.box.longer_side

    def merged_with(self, other: Component) -> Component:
        """Both components as one."""
        box = enclosing_box((self.box, other.box))
        return Component(self.labels + other.labels, box, self.area + other.area)


def estimate_levels(ink: InkMap, *, uniform_background: bool = False) -> InkLevels:
    """Estimate the levels of noise and ink.

    Args:
        ink: the ink map.
        uniform_background: whether the background is free of noise.
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
    """Smooth the ink map with a Gaussian filter if the noise is high; else return it unchanged."""
    if levels.noise <= MAX_NOISE_RATIO * levels.full:
        return ink
    return np.asarray(ndimage.gaussian_filter(ink, 1.0))


def binarise(ink: InkMap, levels: InkLevels, threshold: float | None = None) -> Mask:
    """Stroke pixels by hysteresis thresholding.

    Pixels from half of full ink on are strokes, and so are pixels above a lower threshold that
    are connected to them.

    Args:
        ink: the ink map.
        levels: its noise and ink levels.
        threshold: share of full ink that is used as the only threshold; None for hysteresis.
    """
    if threshold is not None and levels.full > 0:
        return np.asarray(ink >= threshold * levels.full)
    if levels.full < MIN_FULL_INK:
        return np.zeros(ink.shape, bool)
    high = max(HIGH_THRESHOLD * levels.full, levels.foreground)
    labels, count = ndimage.label(ink >= LOW_THRESHOLD_RATIO * high, EIGHT_CONNECTED)
    kept = np.zeros(count + 1, bool)
    kept[np.unique(labels[ink >= high])] = True
    kept[0] = False
    return np.asarray(kept[labels])


def find_digits(
    mask: Mask, ink: InkMap, *, single_digit: bool = False, drawn: bool = False
) -> tuple[LabelMap, list[Component]]:
    """Find the components that are digits.

    Args:
        mask: stroke pixels.
        ink: the ink map, 1 in a full stroke.
        single_digit: whether all components are one digit.
        drawn: whether the picture is a drawing, which has no shadows and no objects that enter
            from outside.

    Returns:
        the label of each pixel's connected component, and the digits in reading order.
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
        digit
        for digit in _merge_parts(components)
        if not is_blot(np.isin(labels, digit.labels), digit.box)
    ]
    min_side = MIN_DIGIT_RATIO * max((digit.longer_side for digit in digits), default=0)
    return labels, sort_in_reading_order(
        [digit for digit in digits if digit.longer_side >= min_side]
    )


def enclosing_box(boxes: tuple[Box, ...]) -> Box:
    """Smallest box that contains all boxes."""
    left, top, right, bottom = zip(*boxes, strict=True)
    return Box(min(left), min(top), max(right), max(bottom))


def sort_in_reading_order(digits: list[Component]) -> list[Component]:
    """Sort line by line from the top, and each line from left to right."""
    lines: list[list[Component]] = []
    for digit in sorted(digits, key=lambda digit: digit.box.top + digit.box.bottom):
        middle = (digit.box.top + digit.box.bottom) / 2
        if lines and middle < max(previous.box.bottom for previous in lines[-1]):
            lines[-1].append(digit)
        else:
            lines.append([digit])
    return [digit for line in lines for digit in sorted(line, key=lambda digit: digit.box.left)]


def is_blot(mask: Mask, box: Box) -> bool:
    """Whether a component is about as thick as it is long.

    Args:
        mask: pixels of the component, in the whole picture.
        box: its bounding box.
    """
    cropped = mask[box.slices]
    # A component that fills less of its box cannot be a blot, and needs no measurement.
    if cropped.mean() <= BLOT_RATIO:
        return False
    return bool(mean_stroke_width(cropped) > BLOT_RATIO * max(cropped.shape))


def is_shadow(ink: InkMap, mask: Mask, box: Box) -> bool:
    """Whether a component is thick and its edges are softer than those of a stroke.

    Args:
        ink: the ink map, 1 in a full stroke.
        mask: pixels of the component, in the whole picture.
        box: its bounding box.
    """
    stroke_width = mean_stroke_width(mask[box.slices])
    if stroke_width < max(SHADOW_SAMPLES, MIN_SHADOW_SHARE * min(mask.shape)):
        return False
    step = int(stroke_width / SHADOW_SAMPLES)
    window = tuple(
        slice(max(0, side.start - 2 * step), side.stop + 2 * step, step) for side in box.slices
    )
    small_ink, small_mask = ink[window], mask[window]
    gradient = ndimage.gaussian_gradient_magnitude(small_ink, 1.0)
    edge = small_mask & ~ndimage.binary_erosion(small_mask, EIGHT_CONNECTED, border_value=1)
    edge_width = min(stroke_width, MAX_EDGE_SHARE * max(mask.shape)) / step
    return not edge.any() or float(np.median(gradient[edge])) * edge_width < MIN_EDGE_RISE


def _connected_components(mask: Mask) -> tuple[LabelMap, list[Component]]:
    """Label connected components; only the largest are returned if there are very many."""
    labels, count = ndimage.label(mask, EIGHT_CONNECTED)
    areas = np.bincount(labels.ravel(), minlength=count + 1)
    boxes = ndimage.find_objects(labels)
    largest = 1 + np.argsort(-areas[1:], kind="stable")[:MAX_COMPONENTS]
    return labels, [
        Component((int(label),), Box(x.start, y.start, x.stop, y.stop), int(areas[label]))
        for label in largest
        for y, x in [boxes[label - 1]]
    ]


def _remove_specks(components: list[Component], shape: tuple[int, int]) -> list[Component]:
    """Remove dust: tiny components, and those that are tiny compared with the largest."""
    largest = max((component.longer_side for component in components), default=0)
    if largest < max(MIN_SIDE, MIN_SIDE_SHARE * min(shape)):
        return []
    min_side = MIN_SPECK_RATIO * largest
    return [component for component in components if component.longer_side >= min_side]


def _remove_border_components(
    components: list[Component], shape: tuple[int, int]
) -> list[Component]:
    """Remove objects that enter from outside: a desk beside the paper, a finger, a line's end."""
    height, width = shape
    min_side = MIN_DIGIT_RATIO * max((part.longer_side for part in components), default=0)
    inner_sides = [
        component.longer_side
        for component in components
        if not _touches_border(component.box, shape) and component.longer_side >= min_side
    ]
    min_border_side = max(
        MIN_BORDER_RATIO * max(inner_sides, default=0), MIN_BORDER_SHARE * min(shape)
    )

    def is_kept(component: Component) -> bool:
        box = component.box
        if not _touches_border(box, shape):
            return True
        is_long = box.width > MAX_BORDER_EXTENT * width or box.height > MAX_BORDER_EXTENT * height
        return component.longer_side >= min_border_side and not (inner_sides and is_long)

    return [component for component in components if is_kept(component)]


def _touches_border(box: Box, shape: tuple[int, int]) -> bool:
    return box.left <= 0 or box.top <= 0 or box.right >= shape[1] or box.bottom >= shape[0]


def _merge_parts(components: list[Component]) -> list[Component]:
    """Merge parts of one digit, the largest first, until no two belong together."""
    digits: list[Component] = []
    while len(digits) != len(components):
        components = sorted(
            digits or components, key=lambda component: component.longer_side, reverse=True
        )
        digits = []
        for component in components:
            target = next(
                (index for index, digit in enumerate(digits) if _is_part_of(component, digit)), None
            )
            if target is None:
                digits.append(component)
            else:
                digits[target] = digits[target].merged_with(component)
    return digits


def _is_part_of(component: Component, digit: Component) -> bool:
    """Whether a component belongs to a digit that is at least as large."""
    small, large = component.box, digit.box
    # A negative gap is an overlap.
    gap_x = max(small.left, large.left) - min(small.right, large.right)
    gap_y = max(small.top, large.top) - min(small.bottom, large.bottom)
    if _is_bar(small, large, gap_x, gap_y) or _is_bar(large, small, gap_x, gap_y):
        return True
    if component.longer_side > MAX_PART_RATIO * digit.longer_side:
        # Two parts of similar size are one digit if they cross, as in an open 4, or if one
        # continues below the other.
        narrower = min(small.width, large.width)
        crosses = -gap_x >= MIN_CROSSING_OVERLAP * narrower and -gap_y >= MIN_OVERLAP * small.height
        continues = (
            -gap_x >= MIN_OVERLAP * narrower and 0 <= gap_y <= MAX_PART_GAP * digit.longer_side
        )
        return crosses or continues
    distance = float(np.hypot(max(gap_x, 0), max(gap_y, 0)))
    is_stacked = (
        -gap_x >= MIN_OVERLAP * small.width and gap_y <= MAX_STACKED_GAP * digit.longer_side
    )
    return distance <= MAX_PART_GAP * digit.longer_side or is_stacked


def _is_bar(bar: Box, body: Box, gap_x: int, gap_y: int) -> bool:
    """Whether a box is a flat stroke at another box, as the detached bar of a 5."""
    return (
        bar.height <= MAX_BAR_FLATNESS * min(bar.width, body.height)
        and gap_y <= MAX_BAR_GAP * body.height
        and -gap_x >= MIN_BAR_OVERLAP * min(bar.width, body.width)
    )
