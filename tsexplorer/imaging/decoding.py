"""From a file's bytes to a picture, with every check that can be made before decoding.

Memory: besides the file itself, at most what the format's own decoder holds of 50 megapixels
(:data:`MAX_MEMORY` bounds it), since pixels are taken over in bands and made smaller as they come. A
phone's JPEG of 12 megapixels is decoded at a quarter of its side to begin with.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from io import BytesIO

import numpy as np
from PIL import ExifTags, Image

from tsexplorer.errors import UserError
from tsexplorer.imaging.resampling import downsample
from tsexplorer.imaging.types import WORKING_SIDE, Picture, UInt8Array

MAX_MEGABYTES = 10
MAX_MEGAPIXELS = 50
MIN_SIDE = 8
MAX_ASPECT_RATIO = 20
MAX_MEMORY = 900_000_000
"""Bytes that decoding one file takes at most, at its peak; measured in the tests."""
TAG_TILE_WIDTH, TAG_TILE_LENGTH = 322, 323


def decode(content: bytes, name: str) -> Picture:
    """Decode a picture file: PNG, JPEG, WebP, BMP, GIF, TIFF, or HEIC where pillow-heif is there.

    What the file is called plays no part in how it is read. Of several frames or pages the first
    is taken; what is transparent becomes paper; the picture is turned upright as its EXIF says.

    Args:
        content: the file.
        name: what it is called, as the browser says it: anything.

    Raises:
        UserError: it cannot be read or is too large; one sentence that names the file.
    """
    shown_name = display_name(name)
    if len(content) > MAX_MEGABYTES * 1_000_000:
        raise UserError(
            f"{shown_name} has {len(content) / 1e6:.1f} MB, and {MAX_MEGABYTES} MB is the most; make it "
            "smaller or save it as JPEG."
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


def _downsampling_factor(side: int) -> int:
    """By how much a picture is made smaller: a power of two as far as JPEG can do it unread."""
    min_factor = max(1, -(-side // WORKING_SIDE))
    return next((power for power in (1, 2, 4, 8) if power >= min_factor), -(-min_factor // 8) * 8)


@contextmanager
def _translate_errors(shown_name: str, file_format: str) -> Iterator[None]:
    """Whatever a decoder makes of a broken file, as one sentence."""
    try:
        yield
    except UserError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UserError(_too_large_message(shown_name)) from None
    except MemoryError:
        raise UserError(
            f"{shown_name} needs more memory than there is; make the picture smaller and try again."
        ) from None
    except Exception as error:  # decoders raise anything: SyntaxError, struct.error, KeyError...
        raise UserError(
            f"{shown_name} cannot be read: it is a damaged {_format_title(file_format)} file, or of a rare kind; "
            "save it again as PNG and send that."
        ) from error


def _open_header(content: bytes, file_format: str, shown_name: str) -> Image.Image:
    """Read the header. No other formats are tried, so that nothing else runs on foreign bytes."""
    if file_format == "HEIF":
        enable_heif(shown_name)
    return Image.open(BytesIO(content), formats=[file_format])


def _check_size(image: Image.Image, shown_name: str) -> None:
    """Hold the size in the header to what can be decoded.

    Raises:
        UserError: it is too large, too small or too long.
    """
    width, height = image.size
    pixels = max(width * height, _tile_pixels(image))
    if pixels > MAX_MEGAPIXELS * 1_000_000:
        raise UserError(_too_large_message(shown_name, pixels))
    if min(width, height) < MIN_SIDE:
        raise UserError(
            f"{shown_name} is {width:,} × {height:,} pixels, and {MIN_SIDE} a side is the least; "
            "send a larger picture."
        )
    if max(width, height) > MAX_ASPECT_RATIO * min(width, height):
        raise UserError(
            f"{shown_name} is {width:,} × {height:,} pixels, more than {MAX_ASPECT_RATIO} times as long as "
            "wide; cut out the part with the digits."
        )


def _tile_pixels(image: Image.Image) -> int:
    """Pixels of one tile of a TIFF, which may be larger than the picture; else 0."""
    tags = getattr(image, "tag_v2", {})
    width, length = tags.get(TAG_TILE_WIDTH, 0), tags.get(TAG_TILE_LENGTH, 0)
    return width * length if isinstance(width, int) and isinstance(length, int) else 0


def _too_large_message(shown_name: str, pixels: int | None = None) -> str:
    size = f"{pixels / 1e6:,.0f}" if pixels else "too many"
    return (
        f"{shown_name} has {size} megapixels, and {MAX_MEGAPIXELS} are the most; make the picture smaller "
        "or cut out a part."
    )


def _format_title(file_format: str) -> str:
    return {"WEBP": "WebP", "HEIF": "HEIC"}.get(file_format, file_format)


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
    b"%PDF": "a PDF; send a picture of the page",
    b"PK\x03\x04": "a ZIP archive; unpack it and send the pictures in it",
}


def detect_format(content: bytes, shown_name: str) -> str:
    """Which of the formats a file has that can be read here.

    Args:
        content: the file.
        shown_name: its name for a sentence.

    Raises:
        UserError: none of them; says what it is, where that can be seen.
    """
    if not content:
        raise UserError(f"{shown_name} is empty (0 bytes); save the picture again and send that.")
    for file_format, signatures in SIGNATURES.items():
        if content.startswith(signatures):
            return file_format
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    if content[4:8] == b"ftyp" and _is_heic(content):
        return "HEIF"
    raise UserError(f"{shown_name} is {_describe_unsupported(content)}.")


def _is_heic(content: bytes) -> bool:
    """Whether the brands in an ISO media file's first box are HEIC's (ISO/IEC 23008-12)."""
    end = min(int.from_bytes(content[:4], "big"), HEADER_BYTES)
    brands = {content[8:12], *(content[offset : offset + 4] for offset in range(16, end, 4))}
    return bool(brands & HEIC_BRANDS) or (bool(brands & HEIF_BRANDS) and b"avif" not in brands)


def _describe_unsupported(content: bytes) -> str:
    head = content[:HEADER_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"<") and b"<svg" in head.lower():
        return "an SVG drawing, which has no pixels; export it as PNG and send that"
    for signature, description in UNSUPPORTED_SIGNATURES.items():
        if head.startswith(signature):
            return description
    return f"not a picture that can be read here; send {SUPPORTED_FORMATS}"


MAX_NAME_LENGTH = 40
NAME_TAIL_LENGTH = 12


def display_name(name: str) -> str:
    r"""The last part of a path, in quotes, without what cannot be printed, cut to 40 characters.

    Its beginning and its end are kept, so that pictures of one series are told apart. Markup is
    left as it is: who shows it escapes it.

    >>> display_name("C:\\scans\\seven\n.png")
    '“seven.png”'
    >>> display_name("a" * 300 + ".png")
    '“aaaaaaaaaaaaaaaaaaaaaaaaaaa…aaaaaaaa.png”'
    >>> display_name("")
    '“unnamed”'
    """
    base_name = re.split(r"[\\/]", name.rstrip("\\/"))[-1]
    printable = " ".join(
        "".join(character for character in base_name if character.isprintable()).split()
    )
    if len(printable) > MAX_NAME_LENGTH:
        printable = (
            f"{printable[: MAX_NAME_LENGTH - NAME_TAIL_LENGTH - 1]}…{printable[-NAME_TAIL_LENGTH:]}"
        )
    return f"“{printable or 'unnamed'}”"


def enable_heif(shown_name: str) -> None:
    """Teach Pillow the format.

    Args:
        shown_name: name of the file that wants it, for the sentence.

    Raises:
        UserError: pillow-heif is not installed.
    """
    try:
        _register_heif()
    except ImportError:
        raise UserError(
            f"{shown_name} is a HEIC photo, which cannot be read here since pillow-heif is not "
            "installed; send it as JPEG."
        ) from None


@cache
def _register_heif() -> None:
    import_module("pillow_heif").register_heif_opener(thumbnails=False)


def exif_orientation(image: Image.Image) -> int:
    """EXIF's orientation 1...8; 1, upright, where there is none that can be read.

    Ask once the picture is loaded: the TIFF reader turns pictures itself as it loads them.
    """
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # whatever a damaged tag does: the pixels are still worth reading
        return 1
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1


def apply_orientation(pixels: UInt8Array, orientation: int) -> UInt8Array:
    """Pixels H×W… whose first row and column lie where ``orientation`` says (EXIF 2.3, tag 274).

    >>> stored = np.array([[1, 2], [3, 4]], np.uint8)
    >>> apply_orientation(stored, 6).tolist()  # its first row is the right-hand side
    [[3, 1], [4, 2]]
    """
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)
