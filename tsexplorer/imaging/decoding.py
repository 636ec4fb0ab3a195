"""Decode picture files; everything that can be checked before decoding is checked before it.

Memory: besides the file, the decoder of its format holds up to 50 megapixels (:data:`MAX_MEMORY`
is the limit). The result is copied and downsampled in bands. JPEG is decoded at a reduced size:
a phone's photo of 12 megapixels at a quarter of its side.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from io import BytesIO

import numpy as np
from PIL import ExifTags, Image

from tsexplorer.data.base import Fit
from tsexplorer.errors import UserError
from tsexplorer.imaging.net_input import prepare
from tsexplorer.imaging.resampling import downsample
from tsexplorer.imaging.types import WORKING_SIDE, Picture, UInt8Image

MAX_MEGABYTES = 10
MAX_MEGAPIXELS = 50
MIN_SIDE = 8
MAX_ASPECT_RATIO = 20
MAX_MEMORY = 900_000_000
"""Peak memory of decoding one file, in bytes; a test measures it."""
TAG_TILE_WIDTH, TAG_TILE_LENGTH = 322, 323
MAX_NAME_LENGTH, NAME_TAIL_LENGTH = 40, 12

SUPPORTED_FORMATS = "PNG, JPEG, WebP, BMP, GIF, TIFF or HEIC"
HEADER_BYTES = 4096
SIGNATURES = {
    "PNG": (b"\x89PNG\r\n\x1a\n",),
    "JPEG": (b"\xff\xd8\xff",),
    "BMP": (b"BM",),
    "GIF": (b"GIF87a", b"GIF89a"),
    "TIFF": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
}
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
HEIF_BRANDS = {b"mif1", b"mif2", b"msf1"}
UNSUPPORTED_SIGNATURES = {
    b"%PDF": "a PDF; use a picture of the page",
    b"PK\x03\x04": "a ZIP archive; unpack it and use the pictures inside",
}


def decode(content: bytes, name: str) -> Picture:
    """Decode a PNG, JPEG, WebP, BMP, GIF, TIFF or, with pillow-heif installed, HEIC file.

    The format is detected from the content; the file name has no influence. Of several frames or
    pages the first is used. Transparent pixels become paper. The EXIF orientation is applied.

    Args:
        content: bytes of the file.
        name: file name as sent by the browser; any string.

    Raises:
        UserError: the file is unsupported, damaged, too large or too small; one sentence that
            names the file.
    """
    shown_name = display_name(name)
    if len(content) > MAX_MEGABYTES * 1_000_000:
        raise UserError(
            f"{shown_name} has {len(content) / 1e6:.1f} MB, more than the limit of "
            f"{MAX_MEGABYTES} MB; make it smaller or save it as JPEG."
        )
    file_format = detect_format(content, shown_name)
    with (
        _translate_errors(shown_name, file_format),
        _open_header(content, file_format, shown_name) as image,
    ):
        _check_size(image, shown_name)
        size = image.size
        factor = _downsampling_factor(max(size))
        if file_format == "JPEG":
            image.draft(None, (size[0] // factor, size[1] // factor))
        remaining_factor = max(1, round(factor * max(image.size) / max(size)))
        image.load()
        orientation = exif_orientation(image)
        size = size if file_format == "JPEG" else image.size
        pixels = apply_orientation(downsample(image, remaining_factor), orientation)
    return Picture(pixels, shown_name, factor, *(size if orientation < 5 else size[::-1]))


def decode_net_input(
    content: bytes, name: str, shape: tuple[int, ...], fit: Fit = "crop"
) -> UInt8Image:
    """Decode a picture of any size and bring it to the shape of a net's input.

    Args:
        content: bytes of the file.
        name: file name, for error sentences.
        shape: H×W for grey, H×W×3 for colour.
        fit: what happens where the proportions differ; see :func:`prepare`.

    Raises:
        UserError: the file is unsupported, damaged or too large; one sentence that names the file.
    """
    shown_name = display_name(name)
    file_format = detect_format(content, shown_name)
    with (
        _translate_errors(shown_name, file_format),
        _open_header(content, file_format, shown_name) as image,
    ):
        _check_pixel_count(image, shown_name)
        pixels: UInt8Image = prepare(image, shape, fit)
        return pixels


def detect_format(content: bytes, shown_name: str) -> str:
    """Pillow's name of a file's format, from the first bytes of the file.

    Args:
        content: bytes of the file.
        shown_name: display name for the error sentence.

    Raises:
        UserError: the format is not supported; names the format if it is known.
    """
    if not content:
        raise UserError(
            f"{shown_name} is empty (0 bytes); save the picture again and use the new file."
        )
    for file_format, signatures in SIGNATURES.items():
        if content.startswith(signatures):
            return file_format
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    if content[4:8] == b"ftyp" and _is_heic(content):
        return "HEIF"
    raise UserError(f"{shown_name} is {_describe_unsupported(content)}.")


def display_name(name: str) -> str:
    r"""A file name for use in a sentence: quoted, without folders and non-printable characters.

    A long name keeps its beginning and its end, which tell pictures of a series apart. Markup is
    not escaped; the caller has to do that.

    >>> display_name("C:\\scans\\seven\n.png")
    '“seven.png”'
    >>> display_name("a" * 300 + ".png")
    '“aaaaaaaaaaaaaaaaaaaaaaaaaaa…aaaaaaaa.png”'
    >>> display_name("")
    '“unnamed”'
    """
    base_name = re.split(r"[\\/]", name.rstrip("\\/"))[-1]
    printable = "".join(character for character in base_name if character.isprintable())
    shortened = " ".join(printable.split())
    if len(shortened) > MAX_NAME_LENGTH:
        head_length = MAX_NAME_LENGTH - NAME_TAIL_LENGTH - 1
        shortened = f"{shortened[:head_length]}…{shortened[-NAME_TAIL_LENGTH:]}"
    return f"“{shortened or 'unnamed'}”"


def exif_orientation(image: Image.Image) -> int:
    """EXIF orientation from 1 to 8; 1 (upright) if it is missing or invalid.

    Call it after ``image.load()``: Pillow's TIFF reader applies the orientation while loading.
    """
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # a damaged tag can raise anything, and the pixels are still usable
        return 1
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1


def apply_orientation(pixels: UInt8Image, orientation: int) -> UInt8Image:
    """Rotate and mirror pixels H×W or H×W×C so that they are upright (EXIF 2.3, tag 274).

    >>> stored = np.array([[1, 2], [3, 4]], np.uint8)
    >>> apply_orientation(stored, 6).tolist()  # the first row becomes the right column
    [[3, 1], [4, 2]]
    """
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def enable_heif(shown_name: str) -> None:
    """Register pillow-heif with Pillow, unless that is done already.

    Args:
        shown_name: display name of the file, for the error sentence.

    Raises:
        UserError: pillow-heif is not installed.
    """
    if "HEIF" in Image.OPEN:
        return
    try:
        import_module("pillow_heif").register_heif_opener(thumbnails=False)
    except ImportError:
        raise UserError(
            f"{shown_name} is a HEIC photo, and pillow-heif, which reads this format, is not "
            "installed; convert the photo to JPEG."
        ) from None


def _downsampling_factor(side: int) -> int:
    """Factor that reduces a side to the working size: up to 8 a power of two, as JPEG needs."""
    min_factor = max(1, -(-side // WORKING_SIDE))
    return next((power for power in (1, 2, 4, 8) if power >= min_factor), -(-min_factor // 8) * 8)


@contextmanager
def _translate_errors(shown_name: str, file_format: str) -> Iterator[None]:
    """Turn every exception of a decoder into a ``UserError`` of one sentence."""
    try:
        yield
    except UserError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UserError(_too_large_message(shown_name)) from None
    except MemoryError:
        raise UserError(
            f"{shown_name} needs more memory than is available; make the picture smaller and try "
            "again."
        ) from None
    except Exception as error:  # decoders raise anything: SyntaxError, struct.error, KeyError...
        raise UserError(
            f"{shown_name} is a damaged or unsupported {_format_title(file_format)} file; save it "
            "again as PNG."
        ) from error


def _open_header(content: bytes, file_format: str, shown_name: str) -> Image.Image:
    """Read the header. Only the detected decoder is tried, so that no other one can be attacked."""
    if file_format == "HEIF":
        enable_heif(shown_name)
    return Image.open(BytesIO(content), formats=[file_format])


def _check_size(image: Image.Image, shown_name: str) -> None:
    """Check the size given in the header.

    Raises:
        UserError: the picture is too large, too small or too elongated.
    """
    _check_pixel_count(image, shown_name)
    width, height = image.size
    if min(width, height) < MIN_SIDE:
        raise UserError(
            f"{shown_name} is {width:,} × {height:,} pixels, but each side must have at least "
            f"{MIN_SIDE}; use a larger picture."
        )
    if max(width, height) > MAX_ASPECT_RATIO * min(width, height):
        raise UserError(
            f"{shown_name} is {width:,} × {height:,} pixels, more than {MAX_ASPECT_RATIO} times "
            "as long as wide; crop it to the digits."
        )


def _check_pixel_count(image: Image.Image, shown_name: str) -> None:
    pixel_count = max(image.width * image.height, _tile_pixels(image))
    if pixel_count > MAX_MEGAPIXELS * 1_000_000:
        raise UserError(_too_large_message(shown_name, pixel_count))


def _tile_pixels(image: Image.Image) -> int:
    """Number of pixels in a TIFF tile, which may be larger than the picture; 0 without tiles."""
    tags = getattr(image, "tag_v2", {})
    width, length = tags.get(TAG_TILE_WIDTH, 0), tags.get(TAG_TILE_LENGTH, 0)
    return width * length if isinstance(width, int) and isinstance(length, int) else 0


def _too_large_message(shown_name: str, pixel_count: int | None = None) -> str:
    """The sentence for a picture over the limit; without a count if the size is unknown."""
    limit = f"the limit of {MAX_MEGAPIXELS}"
    excess = (
        f"{math.ceil(pixel_count / 1e6):,} megapixels, more than {limit}"
        if pixel_count
        else f"more megapixels than {limit}"
    )
    return f"{shown_name} has {excess}; make the picture smaller or crop it."


def _format_title(file_format: str) -> str:
    return {"WEBP": "WebP", "HEIF": "HEIC"}.get(file_format, file_format)


def _is_heic(content: bytes) -> bool:
    """Whether the brands in the first box of an ISO media file are HEIC's (ISO/IEC 23008-12)."""
    end = min(int.from_bytes(content[:4], "big"), HEADER_BYTES)
    brands = {content[8:12], *(content[offset : offset + 4] for offset in range(16, end, 4))}
    return bool(brands & HEIC_BRANDS) or (bool(brands & HEIF_BRANDS) and b"avif" not in brands)


def _describe_unsupported(content: bytes) -> str:
    header = content[:HEADER_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n")
    if header.startswith(b"<") and b"<svg" in header.lower():
        return "an SVG drawing, which has no pixels; export it as PNG"
    for signature, description in UNSUPPORTED_SIGNATURES.items():
        if header.startswith(signature):
            return description
    return f"not a picture in a supported format; use {SUPPORTED_FORMATS}"
