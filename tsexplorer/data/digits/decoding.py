"""From a file's bytes to a picture, with every check that can be made before decoding.

Memory: besides the file itself, at most what the format's own decoder holds of 50 megapixels
(:data:`MEMORY` bounds it), since pixels are taken over in bands and made smaller as they come. A
phone's JPEG of 12 megapixels is decoded at a quarter of its side to begin with.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

from PIL import Image

from tsexplorer.data.digits.base import SIDE_WORKED_ON, Picture
from tsexplorer.data.digits.heif import enable_heif
from tsexplorer.data.digits.kinds import kind_of
from tsexplorer.data.digits.names import shown
from tsexplorer.data.digits.orientation import orientation, upright
from tsexplorer.data.digits.shrinking import shrunk
from tsexplorer.errors import UserError

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
