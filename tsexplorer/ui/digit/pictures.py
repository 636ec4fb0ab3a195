"""Pictures and their net inputs, and the way from any picture to the shape of a net's input.

Pictures of handwriting are read by :func:`tsexplorer.imaging.extract_digits`. Other pictures are
cropped, padded or stretched, see :func:`tsexplorer.imaging.net_input.prepare`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tsexplorer.data.base import DatasetInfo, Fit, array_shape
from tsexplorer.imaging import (
    Digit,
    ExtractionOptions,
    ExtractionResult,
    Picture,
    Step,
    extract_digits,
    result_for_dataset_image,
)
from tsexplorer.imaging.decoding import decode, decode_net_input

if TYPE_CHECKING:
    from tsexplorer.imaging.types import UInt8Image

STEP_SIDE = 300
"""Longest side of the pictures of the steps, in pixels; they are shown at half this size."""
FIT_STEPS: dict[Fit, tuple[str, str]] = {
    "crop": ("Cropped", "the largest part in the middle"),
    "pad": ("Padded", "with the mean colour of the edge"),
    "stretch": ("Stretched", "other proportions"),
}
"""Title and note of the second step."""


@dataclass(frozen=True, eq=False)
class FittedImage:
    """A picture in the shape of a net's input, which needs no extraction.

    Attributes:
        pixels: uint8 H×W or H×W×3.
        steps: pictures on the way, for display.
        already_normalised: whether the picture had this shape and was used unchanged.
    """

    pixels: UInt8Image
    steps: tuple[Step, ...] = ()
    already_normalised: bool = False


@dataclass(frozen=True, eq=False)
class InputPicture:
    """A picture and its net inputs.

    Attributes:
        name: of the file or the sample; must be escaped in markdown.
        extraction: the digits of the picture, or the picture as one net input; with its steps.
        size: width and height of the original, in pixels.
        label: class of a sample; None if it is unknown.
        is_sample: whether it is a dataset's image, which has no steps to override.
    """

    name: str
    extraction: ExtractionResult | FittedImage
    size: tuple[int, int]
    label: int | None = None
    is_sample: bool = False

    @property
    def net_inputs(self) -> tuple[Digit | FittedImage, ...]:
        """The net inputs, in reading order; empty if there is no stroke in the picture."""
        if isinstance(self.extraction, FittedImage):
            return (self.extraction,)
        return self.extraction.digits

    @property
    def note(self) -> str:
        """One sentence if no digit was found or some were left out; else empty."""
        return "" if isinstance(self.extraction, FittedImage) else self.extraction.note


def extracted_picture(picture: Picture, options: ExtractionOptions) -> InputPicture:
    """Find the digits in a picture of handwriting."""
    size = (picture.width, picture.height)
    return InputPicture(picture.name, extract_digits(picture, options), size)


def fitted_picture(content: bytes, name: str, info: DatasetInfo, fit: Fit) -> InputPicture:
    """Decode a picture and bring it to the shape of a dataset's images.

    Args:
        content: bytes of the file.
        name: file name as sent by the browser.
        info: the dataset.
        fit: what happens where the proportions differ.

    Raises:
        UserError: the file cannot be used; one sentence that names the file.
    """
    picture = decode(content, name)
    shape = array_shape(info.image_shape)
    pixels = decode_net_input(content, name, shape, fit)
    size = (picture.width, picture.height)
    if size == (shape[1], shape[0]) and picture.pixels.ndim == pixels.ndim:
        return InputPicture(picture.name, FittedImage(pixels, already_normalised=True), size)
    return InputPicture(picture.name, FittedImage(pixels, _steps(picture, shape, fit)), size)


def _steps(picture: Picture, shape: tuple[int, ...], fit: Fit) -> tuple[Step, ...]:
    """Return the original and the fitted picture, both at a legible size and in colour."""
    from PIL import Image

    from tsexplorer.imaging.net_input import prepare
    from tsexplorer.imaging.resampling import thumbnail

    size = f"{picture.width:,} × {picture.height:,} pixels"
    original = Step("Original", thumbnail(picture.pixels, STEP_SIDE), size)
    height, width = shape[:2]
    if picture.width * height == picture.height * width:
        return (original,)  # the proportions are the same, so all ways to fit are, too
    scale = STEP_SIDE / max(height, width)
    larger = (round(scale * height), round(scale * width), *picture.pixels.shape[2:])
    fitted = prepare(Image.fromarray(picture.pixels), larger, fit)
    title, note = FIT_STEPS[fit]
    return (original, Step(title, fitted, note))


def sample_picture(
    pixels: UInt8Image, name: str, label: int | None, info: DatasetInfo
) -> InputPicture:
    """Wrap an image of a dataset, which is a net input already."""
    _, height, width = info.image_shape
    extraction = result_for_dataset_image(pixels, name) if info.handwriting else FittedImage(pixels)
    return InputPicture(name, extraction, (width, height), label, is_sample=True)
