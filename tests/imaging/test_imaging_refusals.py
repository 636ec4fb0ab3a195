"""Unusable files are refused with one sentence that names the file and a remedy."""

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

from tests.imaging.image_files import encode_pixels, seven
from tsexplorer.errors import UserError
from tsexplorer.imaging import decode
from tsexplorer.imaging.decoding import (
    MAX_MEMORY,
    MAX_NAME_LENGTH,
    detect_format,
    display_name,
)

SEVEN = seven()
PNG = encode_pixels(SEVEN)
SVG = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>'
HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(40)


def refusal(content: bytes, name: str = "seven.png") -> str:
    """The sentence with which a file is refused."""
    with pytest.raises(UserError) as caught:
        decode(content, name)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert len(sentence) < 250
    # In a single sentence, other full stops are part of a name or a number.
    assert not re.search(r"\. [A-Z]", sentence)
    return sentence


def png_of(width: int, height: int) -> bytes:
    """A PNG with a header of this size and hardly any data."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        crc = zlib.crc32(kind + body)
        return len(body).to_bytes(4, "big") + kind + body + crc.to_bytes(4, "big")

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(100))
    return PNG[:8] + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", r"“seven\.png” is empty \(0 bytes\); save the picture again"),
        (b"hello", r"is not a picture in a supported format; use PNG, JPEG, WebP, BMP"),
        (bytes(500), "is not a picture"),
        (b"\x89PNG", "is not a picture"),
        (SVG, "is an SVG drawing, which has no pixels; export it as PNG"),
        (b"\xef\xbb\xbf\n" + SVG, "is an SVG drawing"),
        (b"<html><body>no</body></html>", "is not a picture"),
        (b"%PDF-1.7 ...", "is a PDF; use a picture of the page"),
        (b"PK\x03\x04....", "is a ZIP archive; unpack it"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is not a picture"),
        (PNG[:60], "is a damaged or unsupported PNG file"),
        (encode_pixels(SEVEN, "JPEG")[:300], "damaged or unsupported JPEG"),
        (encode_pixels(SEVEN, "WEBP")[:50], "damaged or unsupported WebP"),
        (encode_pixels(SEVEN, "GIF")[:40], "damaged or unsupported GIF"),
        (encode_pixels(SEVEN, "BMP")[:200], "damaged or unsupported BMP"),
        (encode_pixels(SEVEN, "TIFF")[:90], "damaged or unsupported TIFF"),
        (PNG[:8] + encode_pixels(SEVEN, "JPEG"), "damaged or unsupported PNG"),
    ],
)
def test_files_that_are_no_intact_picture_are_refused(content: bytes, sentence: str) -> None:
    assert re.search(sentence, refusal(content))


@pytest.mark.parametrize(
    ("width", "height", "sentence"),
    [
        (1, 1, "is 1 × 1 pixels, but each side must have at least 8; use a larger"),
        (7, 100, "is 7 × 100 pixels, but each side"),
        (1, 20_000, "is 1 × 20,000 pixels, but each side"),
        (30, 20_000, "30 × 20,000 pixels, more than 20 times as long as wide; crop it"),
        (20_000, 990, "20,000 × 990 pixels, more than 20 times"),
        (7_100, 7_100, "has 51 megapixels, more than the limit of 50; make the picture smaller"),
        (9_000, 9_000, "has 81 megapixels"),
        (10_000, 10_000, "than the limit of 50; make"),  # Pillow warns
        (60_000, 60_000, "than the limit of 50; make"),  # Pillow raises an error
        (2**31 - 1, 2**31 - 1, "than the limit of 50; make"),
    ],
)
def test_sizes_out_of_range_are_refused(width: int, height: int, sentence: str) -> None:
    assert sentence in refusal(png_of(width, height))


def test_the_smallest_and_longest_pictures_are_decoded() -> None:
    assert decode(encode_pixels(np.zeros((8, 8), np.uint8)), "x").pixels.shape == (8, 8)
    assert decode(encode_pixels(np.zeros((8, 160), np.uint8)), "x").pixels.shape == (8, 160)


def test_the_size_is_checked_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(self: ImageFile.ImageFile) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    assert "megapixels" in refusal(png_of(8_000, 8_000))
    assert "damaged" in refusal(PNG)  # shows that the patched method is called


def test_the_size_of_a_tiff_tile_is_limited() -> None:
    """A tile may be far larger than the picture."""
    side, tile = 64, 30_000
    tags = [(256, side), (257, side), (258, 8), (259, 1), (262, 1), (277, 1)]
    tags += [(322, tile), (323, tile), (324, 8), (325, 0)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    content = b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4)
    assert "has 900 megapixels" in refusal(content)


def test_a_file_of_more_than_ten_megabytes_is_refused() -> None:
    sentence = refusal(PNG + bytes(10_500_000))
    assert "has 10.5 MB, more than the limit of 10 MB" in sentence
    assert decode(PNG + bytes(10_000_000 - len(PNG)), "x").pixels.shape == SEVEN.shape


def test_running_out_of_memory_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(self: ImageFile.ImageFile) -> None:
        raise MemoryError

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    assert "needs more memory than is available; make the picture smaller" in refusal(PNG)


def test_a_long_file_name_is_shortened() -> None:
    sentence = refusal(b"", "a" * 296 + ".png")
    assert "aaaaaaaa.png”" in sentence
    assert "…" in sentence
    assert len(sentence) < 120


@pytest.mark.parametrize(
    ("name", "shown_name"),
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
def test_a_shown_name_has_no_path_or_control_characters(name: str, shown_name: str) -> None:
    assert display_name(name) == shown_name
    assert len(display_name("x" * 1000)) == MAX_NAME_LENGTH + 2


@pytest.fixture
def unregistered_heif(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow as before the first HEIC file, also if another test registered pillow-heif."""
    openers = {name: opener for name, opener in Image.OPEN.items() if name != "HEIF"}
    monkeypatch.setattr(Image, "OPEN", openers)
    monkeypatch.setattr(Image, "ID", [name for name in Image.ID if name != "HEIF"])


@pytest.mark.usefixtures("unregistered_heif")
def test_heic_without_pillow_heif_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    assert refusal(HEIC, "IMG_0001.HEIC") == (
        "“IMG_0001.HEIC” is a HEIC photo, and pillow-heif, which reads this format, is not "
        "installed; convert the photo to JPEG."
    )


@pytest.mark.usefixtures("unregistered_heif")
def test_heic_is_decoded_by_pillow_heif(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stub of the package decodes every HEIC file to the same picture."""

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
    assert np.array_equal(decode(HEIC, "IMG_0001.HEIC").pixels, SEVEN)


@pytest.mark.usefixtures("unregistered_heif")
def test_a_real_heic_photo_is_decoded() -> None:
    content = (Path(__file__).parent / "seven.heic").read_bytes()
    pixels = decode(content, "seven.heic").pixels
    assert float(np.abs(pixels.astype(int) - seven(96, 80)).mean()) < 8


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"mif1"])
def test_heic_is_detected_by_its_brands(brand: bytes) -> None:
    assert detect_format(HEIC.replace(b"ftypheic", b"ftyp" + brand), "x") == "HEIF"


@pytest.mark.parametrize(
    "brands", [b"avif\x00\x00\x00\x00avifmif1", b"isom\x00\x00\x00\x00mp41mp42"]
)
def test_other_iso_media_files_are_not_heic(brands: bytes) -> None:
    with pytest.raises(UserError, match="is not a picture in a supported format"):
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


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize(("file_format", "mode"), [("WEBP", "RGB"), ("PNG", "RGBA")])
def test_peak_memory_is_limited(file_format: str, mode: str, tmp_path: Path) -> None:
    """A small file of 50 megapixels; the decoder of WebP needs the most memory."""
    path = tmp_path / "large"
    webp_options = {"lossless": True, "method": 0}
    options = webp_options if file_format == "WEBP" else {"compress_level": 1}
    Image.new(mode, (7070, 7070)).save(path, file_format, **options)
    peak = subprocess.check_output([sys.executable, "-c", PEAK, str(path)], text=True)
    assert 150e6 < int(peak) < MAX_MEMORY


def test_a_refusal_takes_less_than_half_a_second() -> None:
    start = time.process_time()
    refusal(png_of(2**31 - 1, 2**31 - 1))
    refusal(bytes(9_999_999))
    assert time.process_time() - start < 0.5
