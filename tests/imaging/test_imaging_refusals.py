"""What cannot be read is refused with one sentence that names the file and says what to do."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
import time
import types
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from tests.imaging.image_files import packed, seven
from tsexplorer.errors import UserError
from tsexplorer.imaging import decode, decoding
from tsexplorer.imaging.decoding import MAX_NAME_LENGTH, detect_format, display_name

SEVEN = seven()
PNG = packed(SEVEN)
SVG = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>'
HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(40)


def refusal(content: bytes, name: str = "seven.png") -> str:
    """The sentence with which a file is refused."""
    with pytest.raises(UserError) as caught:
        decode(content, name)
    said = str(caught.value)
    assert said.endswith(".")
    assert "\n" not in said
    assert len(said) < 250
    # One sentence: a full stop inside stands in a name or a number alone.
    assert not re.search(r"\. [A-Z]", said)
    return said


def png_of(width: int, height: int) -> bytes:
    """The head of a PNG of that size, with hardly any data behind it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        crc = zlib.crc32(kind + body)
        return len(body).to_bytes(4, "big") + kind + body + crc.to_bytes(4, "big")

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(100))
    return PNG[:8] + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", r"“seven\.png” is empty \(0 bytes\); save the picture again"),
        (b"hello", r"is not a picture that can be read here; send PNG, JPEG, WebP, BMP"),
        (bytes(500), "is not a picture"),
        (b"\x89PNG", "is not a picture"),
        (SVG, "is an SVG drawing, which has no pixels; export it as PNG"),
        (b"\xef\xbb\xbf\n" + SVG, "is an SVG drawing"),
        (b"<html><body>no</body></html>", "is not a picture"),
        (b"%PDF-1.7 ...", "is a PDF; send a picture of the page"),
        (b"PK\x03\x04....", "is a ZIP archive; unpack it"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is not a picture"),
        (PNG[:60], "cannot be read: it is a damaged PNG file"),
        (packed(SEVEN, "JPEG")[:300], "damaged JPEG"),
        (packed(SEVEN, "WEBP")[:50], "damaged WebP"),
        (packed(SEVEN, "GIF")[:40], "damaged GIF"),
        (packed(SEVEN, "BMP")[:200], "damaged BMP"),
        (packed(SEVEN, "TIFF")[:90], "damaged TIFF"),
        (PNG[:8] + packed(SEVEN, "JPEG"), "damaged PNG"),
    ],
)
def test_what_is_no_whole_picture(content: bytes, says: str) -> None:
    assert re.search(says, refusal(content))


@pytest.mark.parametrize(
    ("width", "height", "says"),
    [
        (1, 1, "is 1 × 1 pixels, and 8 a side is the least"),
        (7, 100, "is 7 × 100 pixels, and 8 a side"),
        (1, 20_000, "is 1 × 20,000 pixels, and 8 a side"),
        (30, 20_000, "30 × 20,000 pixels, more than 20 times as long as wide; cut out"),
        (20_000, 990, "20,000 × 990 pixels, more than 20 times"),
        (7_100, 7_100, "has 50 megapixels, and 50 are the most; make the picture smaller"),
        (9_000, 9_000, "has 81 megapixels"),
        (10_000, 10_000, "megapixels, and 50 are the most"),  # where Pillow warns
        (60_000, 60_000, "megapixels, and 50 are the most"),  # where Pillow refuses
        (2**31 - 1, 2**31 - 1, "megapixels, and 50 are the most"),
    ],
)
def test_sizes(width: int, height: int, says: str) -> None:
    assert says in refusal(png_of(width, height))


def test_the_smallest_and_the_longest_are_read() -> None:
    assert decode(packed(np.zeros((8, 8), np.uint8)), "x").pixels.shape == (8, 8)
    assert decode(packed(np.zeros((8, 160), np.uint8)), "x").pixels.shape == (8, 160)


def test_a_size_is_refused_before_anything_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(self: ImageFile.ImageFile) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    assert "megapixels" in refusal(png_of(8_000, 8_000))
    assert "damaged" in refusal(PNG)  # the same hook on a picture that may be decoded


def test_the_tile_of_a_tiff_is_a_size_too() -> None:
    """One tile may be far larger than the picture that is cut out of it."""
    side, tile = 64, 30_000
    tags = [(256, side), (257, side), (258, 8), (259, 1), (262, 1), (277, 1)]
    tags += [(322, tile), (323, tile), (324, 8), (325, 0)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    content = b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4)
    assert "has 900 megapixels" in refusal(content)


def test_a_file_of_more_than_ten_megabytes() -> None:
    said = refusal(PNG + bytes(10_500_000))
    assert "has 10.5 MB, and 10 MB is the most" in said
    assert decode(PNG + bytes(10_000_000 - len(PNG)), "x").pixels.shape == SEVEN.shape


def test_running_out_of_memory_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(self: ImageFile.ImageFile) -> None:
        raise MemoryError

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    assert "needs more memory than there is; make the picture smaller" in refusal(PNG)


def test_a_name_of_three_hundred_characters_is_shortened() -> None:
    said = refusal(b"", "a" * 296 + ".png")
    assert "aaaaaaaa.png”" in said
    assert "…" in said
    assert len(said) < 120


@pytest.mark.parametrize(
    ("name", "is_shown"),
    [
        ("../../etc/passwd", "“passwd”"),
        ("C:\\photos\\seven.jpg", "“seven.jpg”"),
        ("a\r\nb\x00\x1b[31m.png", "“ab[31m.png”"),
        ("\u202egnp.exe", "“gnp.exe”"),
        ("<script>alert(1)</script>", "“script>”"),
        ("<img src=x>.png", "“<img src=x>.png”"),
        ("   ", "“unnamed”"),
        ("/", "“unnamed”"),
        ("sieben 7️.png", "“sieben 7️.png”"),
    ],
)
def test_names_as_they_are_shown(name: str, is_shown: str) -> None:
    assert display_name(name) == is_shown
    assert len(display_name("x" * 1000)) == MAX_NAME_LENGTH + 2


def test_heic_without_its_package_asks_for_jpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    decoding._register_heif.cache_clear()
    said = refusal(HEIC, "IMG_0001.HEIC")
    assert said == (
        "“IMG_0001.HEIC” is a HEIC photo, which cannot be read here since pillow-heif is not "
        "installed; send it as JPEG."
    )


def test_heic_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a package in its place that takes every such file for a certain picture."""

    class Photo(ImageFile.ImageFile):
        format = "HEIF"

        def _open(self) -> None:
            self._mode, self._size = "L", SEVEN.shape[::-1]

        def load(self) -> None:
            self.im = Image.fromarray(SEVEN).im

    def register_heif_opener(**options: object) -> None:
        Image.register_open("HEIF", Photo)

    package = types.SimpleNamespace(register_heif_opener=register_heif_opener)
    monkeypatch.setitem(sys.modules, "pillow_heif", package)
    monkeypatch.setattr(Image, "OPEN", dict(Image.OPEN))
    monkeypatch.setattr(Image, "ID", list(Image.ID))
    decoding._register_heif.cache_clear()
    assert np.array_equal(decode(HEIC, "IMG_0001.HEIC").pixels, SEVEN)
    decoding._register_heif.cache_clear()


def test_a_real_heic_is_read() -> None:
    decoding._register_heif.cache_clear()
    content = (Path(__file__).parent / "seven.heic").read_bytes()
    pixels = decode(content, "seven.heic").pixels
    assert float(np.abs(pixels.astype(int) - seven(96, 80)).mean()) < 8


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"mif1"])
def test_kinds_of_heic(brand: bytes) -> None:
    assert detect_format(HEIC.replace(b"ftypheic", b"ftyp" + brand), "x") == "HEIF"


@pytest.mark.parametrize(
    "brands", [b"avif\x00\x00\x00\x00avifmif1", b"isom\x00\x00\x00\x00mp41mp42"]
)
def test_other_media_of_the_same_family_are_none(brands: bytes) -> None:
    with pytest.raises(UserError, match="is not a picture that can be read here"):
        detect_format(b"\x00\x00\x00\x18ftyp" + brands + bytes(40), "x")


PEAK = r"""
import re, sys
from pathlib import Path
from tsexplorer.imaging import decode

def kilobytes(name):
    return int(re.search(name + r":\s+(\d+)", Path("/proc/self/status").read_text())[1])

content = open(sys.argv[1], "rb").read()
before = kilobytes("VmRSS")
decode(content, "x")
print((kilobytes("VmHWM") - before) * 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="no /proc to look into")
@pytest.mark.parametrize(("kind", "mode"), [("WEBP", "RGB"), ("PNG", "RGBA")])
def test_memory_stays_within_its_bound(kind: str, mode: str, tmp_path: Path) -> None:
    """Fifty megapixels from a file of next to nothing; WebP's decoder holds the most of all."""
    path = tmp_path / "large"
    options = {"lossless": True, "method": 0} if kind == "WEBP" else {"compress_level": 1}
    Image.new(mode, (7070, 7070)).save(path, kind, **options)
    said = subprocess.check_output([sys.executable, "-c", PEAK, str(path)], text=True)
    assert 150e6 < int(said) < decoding.MAX_MEMORY


def test_a_refusal_takes_no_time() -> None:
    start = time.process_time()
    refusal(png_of(2**31 - 1, 2**31 - 1))
    refusal(bytes(9_999_999))
    assert time.process_time() - start < 0.5
