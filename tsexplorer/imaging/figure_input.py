"""From a picture of one digit or letter to the pixels of a net input, with Pillow and NumPy alone.

An exported archive of a net for handwriting carries this file as ``prepare.py``. It must not import
anything of this project. It does what the app does for one clear figure, in brightness alone; ruled
lines, shadows and the desk around a sheet of paper are not removed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

Mask = NDArray[np.bool_]
Ink = NDArray[np.float32]

WORKING_SIDE = 1280  # larger pictures are reduced
REDRAW_SIDE = 160  # longer side of a figure, in pixels, at which its strokes are redrawn
MARGIN = 3  # pixels around a figure that hold the soft edges of its strokes
BOX = 20 / 28  # longer side of a figure as a share of the net input's side, as in MNIST


def prepare(image: Image.Image, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Make the net input of a picture of one clear figure.

    A picture that already is a net input of this shape, perhaps enlarged, is used as it is.

    Args:
        image: as ``Image.open`` returns it; any size and mode, dark strokes on light paper or light
            strokes on a dark ground.
        shape: (height, width), usually (28, 28).

    Returns:
        uint8 array of that shape, light strokes on black; all black if there is no stroke.
    """
    grey = _greyscale(image)
    net_input = _match_net_input(grey, shape)
    if net_input is not None:
        return net_input
    ink, mask, uniform = _find_figure(grey)
    if not mask.any():
        return np.zeros(shape, np.uint8)
    resized = _resize_mask(mask, ink)
    offset = _edge_offset(resized)
    if offset or not uniform or max(_size(mask)) > REDRAW_SIDE:
        ink = _move_edge(np.pad(resized, int(max(0, offset)) + 2), offset)
    return _normalise(ink, shape)


def _greyscale(image: Image.Image) -> NDArray[np.uint8]:
    """8-bit brightness, upright and at most 1280 pixels long; transparent pixels are white."""
    factor = -(-max(image.size) // WORKING_SIDE)
    image.draft(None, (image.width // factor, image.height // factor))  # of JPEG: much faster
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I", "F")):  # more than 8 bits
        values = np.nan_to_num(np.asarray(image, np.float32), posinf=0, neginf=0)
        low = 0 if image.mode.startswith("I;16") else values.min()
        # A 16-bit file with the 10 or 12 bits of a scanner is stretched to its maximum.
        full_range = image.mode.startswith("I;16") and values.max() >= 65535 / 8
        high = 65535 if full_range else values.max()
        image = Image.fromarray(
            (255 * (values - low) / max(high - low, 1e-9) + 0.5).astype("uint8")
        )
    if image.has_transparency_data:
        image = image.convert("RGBA")
        on_white, on_black = (
            Image.alpha_composite(Image.new("RGBA", image.size, paper), image).convert("L")
            for paper in ("white", "black")
        )
        image = on_white if np.ptp(np.asarray(on_white)) >= 8 else on_black
    elif image.mode not in ("1", "L"):
        image = image.convert("RGB")
    factor = -(-max(image.size) // WORKING_SIDE)
    return np.asarray(image.convert("L").reduce(factor))


def _match_net_input(grey: NDArray[np.uint8], shape: tuple[int, int]) -> NDArray[np.uint8] | None:
    """The net input that a picture already is: centred, perhaps enlarged; None if it is not."""
    factor = grey.shape[0] // shape[0]
    if factor == 0 or grey.shape != (factor * shape[0], factor * shape[1]):
        return None
    blocks = grey.reshape(shape[0], factor, shape[1], factor)
    means = blocks.mean((1, 3), dtype=np.float32)
    # In an enlarged net input nearly all pixels of a block are equal.
    if (np.abs(blocks - means[:, None, :, None]) > 32).mean() > 0.01:
        return None
    small: NDArray[np.uint8] = (means + 0.5).astype(np.uint8)
    side = min(shape)
    for pixels in (small, 255 - small):
        mask = pixels >= 32
        if 0 < mask.mean() <= 0.5:
            distance = max(abs(shape[axis] / 2 - _centre(pixels, axis)) for axis in (0, 1))
            if 16 <= 28 / side * max(_size(mask)) <= 26 and 28 / side * distance <= 2.5:
                return pixels
    return None


def _find_figure(grey: NDArray[np.uint8]) -> tuple[Ink, Mask, bool]:
    """Find the strokes of the figure.

    Returns:
        the ink around the figure (0 on the background, 1 in a full stroke), the pixels of the
        figure, and whether the background is uniform.
    """
    ink, uniform = _ink(grey)
    noise = 0.0 if uniform else 1.4826 * float(np.median(np.abs(ink - np.median(ink))))
    foreground = max(0.07, 5 * noise)
    inked = ink[ink > foreground]
    full = float(np.quantile(inked, 0.9)) if inked.size else 0.0
    high = max(0.5 * full, foreground)
    # Hysteresis: paler pixels are strokes if they are connected to dark ones.
    labels = _label(ink >= 0.6 * high)
    is_stroke = np.isin(labels, labels[ink >= high])
    mask = _choose_figure(np.where(is_stroke, labels, 0))
    if full < 0.1 or not mask.any():
        return ink, np.zeros(grey.shape, np.bool_), uniform
    window = tuple(
        slice(max(0, part.start - MARGIN), part.stop + MARGIN) for part in _bounding_box(mask)
    )
    ink, mask, is_stroke = ink[window], mask[window], is_stroke[window]
    image = Image.fromarray(mask.astype(np.uint8)).filter(ImageFilter.MaxFilter(2 * MARGIN + 1))
    near = (np.asarray(image) > 0) & (mask | ~is_stroke)
    return np.where(near, np.clip(ink / full, 0, 1), 0).astype(np.float32), mask, uniform


def _ink(grey: NDArray[np.uint8]) -> tuple[Ink, bool]:
    """Difference of each pixel from its background, and whether the background is uniform."""
    border = np.concatenate([grey[0], grey[-1], grey[1:-1, 0], grey[1:-1, -1]]).astype(np.float32)
    level = int(np.median(border))
    counts = np.bincount(grey.ravel(), minlength=256) * (np.abs(np.arange(256) - level) <= 2)
    framed = (np.abs(border - level) <= 4).mean() >= 0.9
    uniform = bool(framed and counts.sum() >= 0.1 * grey.size)
    light_strokes = _is_light_on_dark(grey, level if framed else None)
    dark = 255 - grey if light_strokes else grey
    if uniform:
        level = int(counts.argmax())
        background = np.full(grey.shape, 255 - level if light_strokes else level, np.float32)
    else:
        background = _background(dark)
    # Dark strokes absorb a share of the background's light, light strokes add light.
    ink = (background - dark) / (255 if light_strokes else np.maximum(background, 24))
    return (ink if uniform else ink - np.median(ink)).astype(np.float32), uniform


def _is_light_on_dark(grey: NDArray[np.uint8], level: int | None) -> bool:
    """Whether strokes are lighter than the background, whose level is None if it varies.

    Strokes are narrow, so the differences from the background are skewed towards the strokes.
    """
    image = Image.fromarray(grey)
    image.thumbnail((160, 160), Image.Resampling.BOX)
    small = np.asarray(image, np.float32)
    if level is not None:
        return bool(((small - level) ** 3).mean() > 0)
    skew = 0.0
    for radius in (4, 10, 20):
        detail = small - np.asarray(image.filter(ImageFilter.GaussianBlur(radius)))
        skew += float(((detail - np.median(detail)) ** 3).mean())
    return skew > 0


def _background(dark: NDArray[np.uint8]) -> NDArray[np.float32]:
    """An uneven background: a grey closing removes dark strokes."""
    image = Image.fromarray(dark)
    image.thumbnail((96, 96), Image.Resampling.BOX)
    window = max(image.size) // 8 * 2 + 1
    image = image.filter(ImageFilter.MaxFilter(window)).filter(ImageFilter.MinFilter(window))
    image = image.filter(ImageFilter.GaussianBlur(window / 4)).convert("F")
    return np.asarray(image.resize(dark.shape[::-1], Image.Resampling.BICUBIC))


def _label(mask: Mask, reach: int = 1) -> NDArray[np.int64]:
    """Number the connected components from 1; diagonal neighbours are connected if reach is 1."""
    steps = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    (rows, starts), ends = np.nonzero(steps == 1), np.nonzero(steps == -1)[1]
    runs = list(zip(rows.tolist(), starts.tolist(), ends.tolist(), strict=True))
    parents = list(range(len(runs)))

    def root(run: int) -> int:
        while parents[run] != run:
            parents[run] = run = parents[parents[run]]
        return run

    first = 0  # the first run of the row above that can touch the current run
    for run, (row, start, end) in enumerate(runs):
        while (runs[first][0], runs[first][2] + reach) < (row - 1, start + 1):
            first += 1
        above = first
        while runs[above][0] == row - 1 and runs[above][1] < end + reach:
            parents[root(above)] = root(run)
            above += 1
    roots = np.array([root(run) for run in range(len(runs))], np.int64)
    labels = np.zeros(mask.shape, np.int64)
    labels[mask] = np.repeat(np.unique(roots, return_inverse=True)[1] + 1, ends - starts)
    return labels


def _choose_figure(labels: NDArray[np.int64]) -> Mask:
    """The largest component, with those beside, above or below it that can be parts of it."""
    counts = np.bincount(labels.ravel())
    counts[0] = 0
    parts = [labels == label for label in np.argsort(-counts)[:100] if counts[label]]

    def at_edge(part: Mask) -> bool:
        """Whether a component touches the edge of the picture, as a shadow or a finger does."""
        return bool(part[[0, -1]].any() or part[:, [0, -1]].any())

    def rank(part: Mask) -> tuple[bool, int]:
        small = max(_size(part)) < 0.15 * min(part.shape)
        return small or at_edge(part), -max(_size(part))

    parts.sort(key=rank)
    if not parts or max(_size(parts[0])) < max(6, min(labels.shape) / 40):
        return np.zeros(labels.shape, np.bool_)
    figure: Mask = parts[0]
    longer = max(_size(figure))
    for part in parts[1:]:
        gap_y, gap_x = (
            max(one.start, other.start) - min(one.stop, other.stop)
            for one, other in zip(_bounding_box(figure), _bounding_box(part), strict=True)
        )
        overlaps = 2 * -gap_x >= _size(part)[1]
        stacked = overlaps and gap_y <= 0.4 * longer and not at_edge(part)
        close = np.hypot(max(gap_x, 0), max(gap_y, 0)) <= 0.12 * longer
        if max(_size(part)) >= 0.08 * longer and (stacked or close):
            figure = figure | part
    return figure


def _resize_mask(mask: Mask, ink: Ink) -> Mask:
    """The figure at about 160 pixels, with as many connected components as before."""
    longer = max(_size(mask))
    if longer > REDRAW_SIDE:
        image = Image.fromarray(mask.astype(np.uint8) * 255)
        return np.asarray(image.reduce(-(-longer // REDRAW_SIDE))) > 0
    height, width = (max(1, round(side * REDRAW_SIDE / longer)) for side in mask.shape)
    enlarged = np.asarray(Image.fromarray(ink).resize((width, height), Image.Resampling.BICUBIC))
    count = _label(mask).max()
    for threshold in (0.5, 0.4, 0.3):
        if _label(enlarged >= threshold).max() == count:
            return enlarged >= threshold
    return np.asarray(Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST))


def _edge_offset(mask: Mask) -> float:
    """Distance to move the edge so that the strokes are as wide as in MNIST; 0: they are."""
    longer = max(_size(mask))
    # Across a stroke the distance to the edge rises and falls, so its mean is width / 4.
    width = 4 * float((_distances(np.pad(mask, 1))[1:-1, 1:-1][mask] - 0.5).mean())
    in_box = 20 * width / longer
    if 1.6 <= in_box <= 4.2:
        return 0.0
    ratio = (2.3 if in_box < 1.6 else 4.0) / 20
    return (ratio * longer - width) / (2 * (1 - ratio))


def _distances(mask: Mask) -> Ink:
    """Distance of each set pixel to the nearest pixel that is not set; 0 elsewhere."""
    height, width = mask.shape
    distances = np.where(mask, np.float32(height + width), np.float32(0))
    for rows in (distances, distances[::-1]):  # down, then up
        for row in range(1, height):
            rows[row] = np.minimum(rows[row], rows[row - 1] + 1)
    between = (np.arange(width)[:, None] - np.arange(width)).astype(np.float32) ** 2
    squares: Ink = np.stack([(row**2 + between).min(1) for row in distances])
    return np.sqrt(squares)


def _move_edge(mask: Mask, offset: float) -> Ink:
    """Move the edge of a figure outward, or inward if the offset is negative.

    Holes, as in 6 and 8, stay open, and the middle of a stroke stays set.
    """
    inside, outside = _distances(mask), _distances(~mask)
    signed = np.where(mask, inside - 0.5, 0.5 - outside)
    offsets = np.full(mask.shape, offset, np.float32)
    if offset < 0:
        largest = Image.fromarray(inside).filter(ImageFilter.MaxFilter(3))
        ridge = mask & (np.asarray(largest) == inside)
        signed[ridge] = np.maximum(signed[ridge], 0.5 - offset)
    elif offset > 0:
        labels = _label(~mask, reach=0)
        for hole in range(1, labels.max() + 1):
            if hole != labels[0, 0]:
                radius = float(outside[labels == hole].max())
                limit = max(0.0, radius - 0.7 * max(mask.shape) / 28)
                offsets[labels == hole] = min(offset, limit)
    return np.asarray(np.clip(signed + offsets + 0.5, 0, 1), np.float32)


def _normalise(ink: Ink, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Scale a figure to 20/28 of the side and place its centre of mass in the centre."""
    rows, columns = _bounding_box(ink >= 0.25)
    scale = BOX * min(shape) / max(_size(ink >= 0.25))
    size = tuple(max(1, round(scale * (part.stop - part.start))) for part in (columns, rows))
    box = (columns.start, rows.start, columns.stop, rows.stop)
    scaled = Image.fromarray(ink).resize(size, Image.Resampling.BOX, box=box)
    pixels = (np.asarray(scaled).clip(0, 1) * 255 + 0.5).astype(np.uint8)
    field = np.zeros(shape, np.uint8)
    top, left = (
        int(np.clip(round(shape[axis] / 2 - _centre(pixels, axis)), 0, shape[axis] - side))
        for axis, side in enumerate(pixels.shape)
    )
    field[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return field


def _centre(pixels: NDArray[np.uint8], axis: int) -> float:
    """Row (axis 0) or column (axis 1) of the centre of mass."""
    profile = pixels.sum(1 - axis, dtype=np.float64)
    return float(profile @ np.arange(len(profile)) / max(1.0, profile.sum()))


def _bounding_box(mask: Mask) -> tuple[slice, slice]:
    """Rows and columns of the smallest box that contains all set pixels."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _size(mask: Mask) -> tuple[int, int]:
    """Height and width of the box that contains all set pixels."""
    rows, columns = _bounding_box(mask)
    return rows.stop - rows.start, columns.stop - columns.start
