"""From a file's bytes to a picture, with every check that can be made before decoding.

Memory: besides the file itself, at most what the format's own decoder holds of 50 megapixels
(:data:`MEMORY` bounds it), since pixels are taken over in bands and made smaller as they come. A
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
from tsexplorer.imaging.resampling import shrunk
from tsexplorer.imaging.types import SIDE_WORKED_ON, Bytes, Picture

MEGABYTES = 10
MEGAPIXELS = 50
SIDE_LEAST = 8
ASPECT_MOST = 20
MEMORY = 900_000_000
"""Bytes that decoding one file takes at most, at its peak; measured in the tests."""
TILE_WIDTH, TILE_LENGTH = 322, 323


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
    called = shown(name)
    if len(content) > MEGABYTES * 1_000_000:
        raise UserError(
            f"{called} has {len(content) / 1e6:.1f} MB, and {MEGABYTES} MB is the most; make it "
            "smaller or save it as JPEG."
        )
    kind = kind_of(content, called)
    with _failures(called, kind), _opened(content, kind, called) as image:
        _check_size(image, called)
        size = image.size
        factor = _factor(max(size))
        if kind == "JPEG":
            image.draft(None, (size[0] // factor, size[1] // factor))
        left = max(1, round(factor * max(image.size) / max(size)))
        image.load()
        turn = orientation(image)
        size = size if kind == "JPEG" else image.size
        pixels = upright(shrunk(image, left), turn)
    return Picture(pixels, called, factor, *(size if turn < 5 else size[::-1]))


def _factor(side: int) -> int:
    """By how much a picture is made smaller: a power of two as far as JPEG can do it unread."""
    least = max(1, -(-side // SIDE_WORKED_ON))
    return next((power for power in (1, 2, 4, 8) if power >= least), -(-least // 8) * 8)


@contextmanager
def _failures(called: str, kind: str) -> Iterator[None]:
    """Whatever a decoder makes of a broken file, as one sentence."""
    try:
        yield
    except UserError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UserError(_too_large(called)) from None
    except MemoryError:
        raise UserError(
            f"{called} needs more memory than there is; make the picture smaller and try again."
        ) from None
    except Exception as error:  # decoders raise anything: SyntaxError, struct.error, KeyError...
        raise UserError(
            f"{called} cannot be read: it is a damaged {_spoken(kind)} file, or of a rare kind; "
            "save it again as PNG and send that."
        ) from error


def _opened(content: bytes, kind: str, called: str) -> Image.Image:
    """Read the header. No other formats are tried, so that nothing else runs on foreign bytes."""
    if kind == "HEIF":
        enable_heif(called)
    return Image.open(BytesIO(content), formats=[kind])


def _check_size(image: Image.Image, called: str) -> None:
    """Hold the size in the header to what can be decoded.

    Raises:
        UserError: it is too large, too small or too long.
    """
    width, height = image.size
    pixels = max(width * height, _tile_pixels(image))
    if pixels > MEGAPIXELS * 1_000_000:
        raise UserError(_too_large(called, pixels))
    if min(width, height) < SIDE_LEAST:
        raise UserError(
            f"{called} is {width:,} × {height:,} pixels, and {SIDE_LEAST} a side is the least; "
            "send a larger picture."
        )
    if max(width, height) > ASPECT_MOST * min(width, height):
        raise UserError(
            f"{called} is {width:,} × {height:,} pixels, more than {ASPECT_MOST} times as long as "
            "wide; cut out the part with the digits."
        )


def _tile_pixels(image: Image.Image) -> int:
    """Pixels of one tile of a TIFF, which may be larger than the picture; else 0."""
    tags = getattr(image, "tag_v2", {})
    width, length = tags.get(TILE_WIDTH, 0), tags.get(TILE_LENGTH, 0)
    return width * length if isinstance(width, int) and isinstance(length, int) else 0


def _too_large(called: str, pixels: int | None = None) -> str:
    has = f"{pixels / 1e6:,.0f}" if pixels else "too many"
    return (
        f"{called} has {has} megapixels, and {MEGAPIXELS} are the most; make the picture smaller "
        "or cut out a part."
    )


def _spoken(kind: str) -> str:
    return {"WEBP": "WebP", "HEIF": "HEIC"}.get(kind, kind)


READABLE = "PNG, JPEG, WebP, BMP, GIF, TIFF or HEIC"
HEAD = 4096
SIGNATURES = {
    "PNG": (b"\x89PNG\r\n\x1a\n",),
    "JPEG": (b"\xff\xd8\xff",),
    "BMP": (b"BM",),
    "GIF": (b"GIF87a", b"GIF89a"),
    "TIFF": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
}
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
HEIF_BRANDS = {b"mif1", b"mif2", b"msf1"}
OTHERS = {
    b"%PDF": "a PDF; send a picture of the page",
    b"PK\x03\x04": "a ZIP archive; unpack it and send the pictures in it",
}


def kind_of(content: bytes, shown: str) -> str:
    """Which of the formats a file has that can be read here.

    Args:
        content: the file.
        shown: its name for a sentence.

    Raises:
        UserError: none of them; says what it is, where that can be seen.
    """
    if not content:
        raise UserError(f"{shown} is empty (0 bytes); save the picture again and send that.")
    for kind, starts in SIGNATURES.items():
        if content.startswith(starts):
            return kind
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    if content[4:8] == b"ftyp" and _is_heic(content):
        return "HEIF"
    raise UserError(f"{shown} is {_other(content)}.")


def _is_heic(content: bytes) -> bool:
    """Whether the brands in an ISO media file's first box are HEIC's (ISO/IEC 23008-12)."""
    end = min(int.from_bytes(content[:4], "big"), HEAD)
    brands = {content[8:12], *(content[at : at + 4] for at in range(16, end, 4))}
    return bool(brands & HEIC_BRANDS) or (bool(brands & HEIF_BRANDS) and b"avif" not in brands)


def _other(content: bytes) -> str:
    head = content[:HEAD].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"<") and b"<svg" in head.lower():
        return "an SVG drawing, which has no pixels; export it as PNG and send that"
    for start, words in OTHERS.items():
        if head.startswith(start):
            return words
    return f"not a picture that can be read here; send {READABLE}"


LENGTH = 40
ENDING = 12


def shown(name: str) -> str:
    r"""The last part of a path, in quotes, without what cannot be printed, cut to 40 characters.

    Its beginning and its end are kept, so that pictures of one series are told apart. Markup is
    left as it is: who shows it escapes it.

    >>> shown("C:\\scans\\seven\n.png")
    '“seven.png”'
    >>> shown("a" * 300 + ".png")
    '“aaaaaaaaaaaaaaaaaaaaaaaaaaa…aaaaaaaa.png”'
    >>> shown("")
    '“unnamed”'
    """
    last = re.split(r"[\\/]", name.rstrip("\\/"))[-1]
    plain = " ".join("".join(one for one in last if one.isprintable()).split())
    if len(plain) > LENGTH:
        plain = f"{plain[: LENGTH - ENDING - 1]}…{plain[-ENDING:]}"
    return f"“{plain or 'unnamed'}”"


def enable_heif(called: str) -> None:
    """Teach Pillow the format.

    Args:
        called: name of the file that wants it, for the sentence.

    Raises:
        UserError: pillow-heif is not installed.
    """
    try:
        _register()
    except ImportError:
        raise UserError(
            f"{called} is a HEIC photo, which cannot be read here since pillow-heif is not "
            "installed; send it as JPEG."
        ) from None


@cache
def _register() -> None:
    import_module("pillow_heif").register_heif_opener(thumbnails=False)


def orientation(image: Image.Image) -> int:
    """EXIF's orientation 1...8; 1, upright, where there is none that can be read.

    Ask once the picture is loaded: the TIFF reader turns pictures itself as it loads them.
    """
    try:
        turn = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # whatever a damaged tag does: the pixels are still worth reading
        return 1
    return turn if isinstance(turn, int) and 1 <= turn <= 8 else 1


def upright(pixels: Bytes, turn: int) -> Bytes:
    """Pixels H×W… whose first row and column lie where ``turn`` says (EXIF 2.3, tag 274).

    >>> stored = np.array([[1, 2], [3, 4]], np.uint8)
    >>> upright(stored, 6).tolist()  # its first row is the right-hand side
    [[3, 1], [4, 2]]
    """
    if turn >= 5:
        pixels = pixels.swapaxes(0, 1)
    if turn in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if turn in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)
