"""IDX files, as MNIST's, plain and gzipped."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.importing.import_examples import images_of, labels_of, refused_import, run_import

RANDOM = np.random.default_rng(8)
IMAGES = RANDOM.integers(0, 256, (30, 28, 28), dtype=np.uint8)
LABELS = (np.arange(30) % 3).astype(np.uint8)
SIZE: dict[str, Any] = {"height": 28, "width": 28, "colour": False}


def idx(array: np.ndarray[Any, Any], kind: int = 8) -> bytes:
    sizes = b"".join(struct.pack(">I", size) for size in array.shape)
    return bytes([0, 0, kind, array.ndim]) + sizes + array.tobytes()


def write(folder: Path, packed: bool = False, names: str = "idx") -> Path:
    folder.mkdir(exist_ok=True)
    middle = {"idx": "-images-idx3-ubyte", "dot": "-images.idx3-ubyte"}[names]
    for word, rows in (("train", slice(0, 20)), ("t10k", slice(20, 30))):
        stem = f"{word}{middle}"
        labels = stem.replace("images", "labels").replace("idx3", "idx1")
        for name, array in ((stem, IMAGES[rows]), (labels, LABELS[rows])):
            content = idx(array)
            name, content = (f"{name}.gz", gzip.compress(content)) if packed else (name, content)
            (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("names", ["idx", "dot"])
def test_files_of_mnist_are_read(packed: bool, names: str, tmp_path: Path, home: Path) -> None:
    prepared = run_import(write(tmp_path / "raw", packed, names), home, **SIZE)
    info = prepared.report.info
    assert (info.train, info.validation, info.test) == (17, 3, 10)
    assert np.array_equal(images_of(prepared, "test"), IMAGES[20:])
    assert labels_of(prepared, "test") == LABELS[20:].tolist()
    assert info.classes == ("0", "1", "2")


def test_packed_files_beside_the_unpacked_do_not_count(tmp_path: Path, home: Path) -> None:
    write(tmp_path / "raw")
    assert run_import(write(tmp_path / "raw", packed=True), home).report.info.test == 10


def test_words_anywhere_in_the_name_give_the_split(tmp_path: Path, home: Path) -> None:
    folder = write(tmp_path / "raw")
    for path in list(folder.iterdir()):
        path.rename(folder / f"emnist-letters-{path.name.replace('t10k', 'test')}")
    assert run_import(folder, home).report.info.test == 10


def test_files_without_a_split_are_divided(tmp_path: Path, home: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/images-idx3-ubyte").write_bytes(idx(IMAGES))
    (tmp_path / "raw/labels-idx1-ubyte").write_bytes(idx(LABELS.astype(">i4"), 12))
    info = run_import(tmp_path / "raw", home).report.info
    assert (info.train, info.validation, info.test) == (18, 6, 6)


def test_two_files_for_one_split_are_refused(tmp_path: Path, home: Path) -> None:
    folder = write(tmp_path / "raw")
    for kind, digits in (("images", 3), ("labels", 1)):
        content = (folder / f"train-{kind}-idx{digits}-ubyte").read_bytes()
        (folder / f"more-train-{kind}-idx{digits}-ubyte").write_bytes(content)
    assert "is a second file of images for train" in refused_import(folder, home)


def test_missing_labels_are_named(tmp_path: Path, home: Path) -> None:
    folder = write(tmp_path / "raw")
    (folder / "train-labels-idx1-ubyte").unlink()
    text = refused_import(folder, home)
    assert "put train-labels-idx1-ubyte beside it" in text


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("length", [0, 3, 10, 1000])
def test_truncated_files_are_refused(packed: bool, length: int, tmp_path: Path, home: Path) -> None:
    folder = write(tmp_path / "raw", packed)
    path = folder / ("train-images-idx3-ubyte" + (".gz" if packed else ""))
    path.write_bytes(path.read_bytes()[:length])
    assert "is a damaged IDX file; get it again" in refused_import(folder, home)


@pytest.mark.parametrize("change", ["magic", "type", "dimensions", "more", "text"])
def test_damaged_files_are_refused(change: str, tmp_path: Path, home: Path) -> None:
    folder = write(tmp_path / "raw")
    path = folder / "train-images-idx3-ubyte"
    content = bytearray(path.read_bytes())
    if change == "more":
        content += b"x"
    elif change == "text":
        content = bytearray(b"hello, this is a text")
    else:
        content[{"magic": 0, "type": 2, "dimensions": 3}[change]] = 99
    path.write_bytes(content)
    assert "is a damaged IDX file" in refused_import(folder, home)


def test_sizes_in_a_header_are_checked_before_reading(tmp_path: Path, home: Path) -> None:
    folder = write(tmp_path / "raw", packed=True)
    header = bytes([0, 0, 8, 3]) + struct.pack(">III", 2**31, 2**31, 28)
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(header + bytes(1000)))
    assert "GB of arrays" in refused_import(folder, home)


def test_a_bomb_is_unpacked_only_as_far_as_needed(tmp_path: Path, home: Path) -> None:
    folder = write(tmp_path / "raw", packed=True)
    path = folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(idx(IMAGES[:20]) + bytes(50_000_000)))
    assert "is a damaged IDX file" in refused_import(folder, home)


def test_numbers_of_images_and_labels_must_agree(tmp_path: Path, home: Path) -> None:
    folder = write(tmp_path / "raw")
    (folder / "t10k-labels-idx1-ubyte").write_bytes(idx(LABELS[:9]))
    assert "10 images and 9 labels" in refused_import(folder, home)
