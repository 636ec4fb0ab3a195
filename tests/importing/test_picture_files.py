"""Picture formats, modes and proportions, and what becomes of unreadable files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.importing.import_examples import (
    class_folders,
    encoded,
    images_of,
    picture,
    png,
    run_import,
    write_folder,
    write_zip,
)
from tsexplorer.importing.preparation import ImportOptions


def class_of(content: bytes, suffix: str, tmp_path: Path, home: Path, **options: Any) -> Any:
    """The pixels that a file becomes."""
    files = {
        f"{part}/a/{part}.png": png(seed) for seed, part in enumerate(("train", "val", "test"))
    }
    files |= {f"{part}/b/{part}.png": png(9 + ord(part[0])) for part in ("val", "test")}
    files[f"train/b/x.{suffix}"] = content
    prepared = run_import(write_folder(tmp_path / f"pets-{suffix}", files), home, **options)
    assert prepared.report.faults == ()
    return images_of(prepared)[1]


FORMATS = {
    "png": "PNG",
    "jpg": "JPEG",
    "JPEG": "JPEG",
    "webp": "WEBP",
    "bmp": "BMP",
    "tif": "TIFF",
    "tiff": "TIFF",
    "gif": "GIF",
    "heic": "HEIF",
}


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("colour", [True, False])
def test_every_format_is_read(suffix: str, colour: bool, tmp_path: Path, home: Path) -> None:
    if suffix == "heic":
        pytest.importorskip("pillow_heif").register_heif_opener(thumbnails=False)
    image = Image.new("RGB", (64, 64), (220, 40, 40))
    content = encoded(image, FORMATS[suffix])
    pixels = class_of(content, suffix, tmp_path, home, colour=colour)
    expected = np.array(image if colour else image.convert("L")).reshape(64 * 64, -1)[0]
    assert pixels.shape == ((32, 32, 3) if colour else (32, 32))
    assert np.abs(pixels.reshape(1024, -1).astype(int) - expected).max() <= 6


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
@pytest.mark.parametrize("colour", [True, False])
def test_every_mode_is_read(mode: str, colour: bool, tmp_path: Path, home: Path) -> None:
    if mode == "I;16":
        image = Image.fromarray(np.full((40, 40), 153 * 257, np.uint16))
    else:
        image = Image.new("RGBA", (40, 40), (153, 153, 153, 255)).convert("RGB").convert(mode)
    content = encoded(image, "TIFF" if mode == "CMYK" else "PNG")
    suffix = "tif" if mode == "CMYK" else "png"
    pixels = class_of(content, suffix, tmp_path, home, colour=colour)
    if mode == "1":  # dithered to black and white
        assert abs(pixels.mean() - 153) < 20
    else:
        assert np.abs(pixels.astype(int) - 153).max() <= 3


def test_transparent_pixels_become_white(tmp_path: Path, home: Path) -> None:
    content = encoded(Image.new("RGBA", (40, 40), (10, 20, 30, 0)))
    assert class_of(content, "png", tmp_path, home).min() == 255


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (1, 200), (200, 1), (900, 20), (20, 900)])
@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_tiny_and_elongated_pictures_are_read(
    size: tuple[int, int], fit: str, tmp_path: Path, home: Path
) -> None:
    content = encoded(Image.new("RGB", size, (9, 99, 199)))
    pixels = class_of(content, "png", tmp_path, home, fit=fit)
    assert np.array_equal(np.unique(pixels.reshape(-1, 3), axis=0), [[9, 99, 199]])


def test_fit_says_what_becomes_of_the_sides(tmp_path: Path, home: Path) -> None:
    image = Image.new("RGB", (60, 20), (0, 255, 0))
    image.paste((255, 0, 0), (20, 0, 40, 20))  # the middle third is red
    content = encoded(image)
    crop = class_of(content, "png", tmp_path / "1", home, fit="crop")
    assert (crop[:, 2:-2] == [255, 0, 0]).all()
    stretch = class_of(content, "png", tmp_path / "2", home, fit="stretch")
    assert stretch[5, 0].tolist() == [0, 255, 0]
    assert stretch[5, 16].tolist() == [255, 0, 0]
    pad = class_of(content, "png", tmp_path / "3", home, fit="pad")
    assert pad[16, 0].tolist() == [0, 255, 0]
    assert pad[0, 0].tolist() == pad[31, 31].tolist() != [0, 255, 0]


@pytest.mark.parametrize(("height", "width"), [(16, 16), (128, 128), (16, 128), (33, 47)])
@pytest.mark.parametrize("colour", [True, False])
def test_images_have_the_chosen_size(
    height: int, width: int, colour: bool, tmp_path: Path, home: Path
) -> None:
    folder = write_folder(tmp_path / "pets", class_folders("a", "b", count=3))
    prepared = run_import(folder, home, height=height, width=width, colour=colour)
    assert images_of(prepared).shape == (2, height, width, *((3,) if colour else ()))
    assert prepared.dataset.info.image_shape == (3 if colour else 1, height, width)


@pytest.mark.parametrize("side", [15, 129])
def test_sides_have_limits(side: int) -> None:
    with pytest.raises(ValueError, match="height"):
        ImportOptions(height=side)


def test_pictures_of_the_right_size_are_not_changed(tmp_path: Path, home: Path) -> None:
    files = {f"{name}/{n}.png": encoded(picture(n + s, (32, 32)))
             for s, name in ((0, "a"), (50, "b")) for n in range(3)}  # fmt: skip
    prepared = run_import(write_folder(tmp_path / "pets", files), home)
    given = {np.array(picture(s + n, (32, 32))).tobytes() for s in (0, 50) for n in range(3)}
    parts = [images_of(prepared, part) for part in ("train", "validation", "test")]
    assert {image.tobytes() for part in parts for image in part} == given


def test_unreadable_files_are_named_and_left_out(tmp_path: Path, home: Path) -> None:
    files = {
        **class_folders("cat", "dog"),
        "cat/text.jpg": b"no picture",
        "cat/empty.png": b"",
        "dog/cut.png": png(5)[:200],
        "dog/page.png": b"%PDF-1.7",
    }
    report = run_import(write_zip(tmp_path / "pets.zip", files), home).report
    assert report.fault_count == 4
    faults = dict(report.faults)
    assert set(faults) == {"cat/text.jpg", "cat/empty.png", "dog/cut.png", "dog/page.png"}
    assert "not a picture" in faults["cat/text.jpg"]
    assert "empty" in faults["cat/empty.png"]
    assert "damaged" in faults["dog/cut.png"]
    assert "PDF" in faults["dog/page.png"]
    assert sum(map(sum, report.counts.values())) == 12


def test_a_damaged_member_of_a_zip_is_left_out(tmp_path: Path, home: Path) -> None:
    files = class_folders("cat", "dog")
    path = write_zip(tmp_path / "pets.zip", files)
    content = bytearray(path.read_bytes())
    content[100:140] = bytes(40)  # in the pixels of the first file
    path.write_bytes(content)
    report = run_import(path, home).report
    assert [name for name, _ in report.faults] == ["cat/0.png"]
    assert report.faults[0][1] == "“0.png” is damaged in the archive; pack it again."


def test_a_picture_of_more_than_10_mb_is_left_out(tmp_path: Path, home: Path) -> None:
    files = {**class_folders("cat", "dog"), "cat/large.png": bytes(10_000_001)}
    report = run_import(write_folder(tmp_path / "pets", files), home).report
    assert report.faults == (
        ("cat/large.png", "“large.png” has more than 10 MB; make it smaller."),
    )
