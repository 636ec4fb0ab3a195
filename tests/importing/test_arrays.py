"""Arrays in .npz files: layouts, ranges of pixels, labels, and files that are refused."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.importing.import_examples import (
    images_of,
    labels_of,
    refused_import,
    run_import,
)

RANDOM = np.random.default_rng(5)
GREY = RANDOM.integers(0, 256, (30, 20, 24), dtype=np.uint8)
COLOUR = RANDOM.integers(0, 256, (30, 20, 24, 3), dtype=np.uint8)
LABELS = np.arange(30) % 3
SAME_SIZE: dict[str, Any] = {"height": 20, "width": 24}


def save(tmp_path: Path, **arrays: Any) -> Path:
    np.savez_compressed(tmp_path / "x.npz", **arrays)
    return tmp_path / "x.npz"


def all_images(prepared: Any) -> set[bytes]:
    return {
        image.tobytes()
        for part in ("train", "validation", "test")
        for image in images_of(prepared, part)
    }


@pytest.mark.parametrize(
    ("images", "labels"),
    [("images", "labels"), ("x", "y"), ("X", "Y"), ("data", "targets"), ("image", "label")],
)
def test_usual_names_of_arrays_are_known(
    images: str, labels: str, tmp_path: Path, home: Path
) -> None:
    prepared = run_import(save(tmp_path, **{images: COLOUR, labels: LABELS}), home, **SAME_SIZE)
    assert prepared.report.info.classes == ("0", "1", "2")
    assert prepared.report.notes == ()
    assert all_images(prepared) == {image.tobytes() for image in COLOUR}


@pytest.mark.parametrize("layout", ["medmnist", "keras", "folders"])
def test_splits_in_a_file_are_used(layout: str, tmp_path: Path, home: Path) -> None:
    split = {"train": slice(0, 15), "val": slice(15, 21), "test": slice(21, 30)}
    arrays = {}
    for part, rows in split.items():
        if layout == "medmnist":
            arrays |= {f"{part}_images": GREY[rows], f"{part}_labels": LABELS[rows, None]}
        elif layout == "keras":
            arrays |= {f"x_{part}": GREY[rows], f"y_{part}": LABELS[rows]}
        else:
            name = "validation" if part == "val" else part
            arrays |= {f"{name}_x": GREY[rows], f"{name}_y": LABELS[rows]}
    prepared = run_import(save(tmp_path, **arrays), home, colour=False, **SAME_SIZE)
    for part, rows in zip(("train", "validation", "test"), split.values(), strict=True):
        assert np.array_equal(images_of(prepared, part), GREY[rows])
        assert labels_of(prepared, part) == LABELS[rows].tolist()


def test_keras_files_without_validation_get_one(tmp_path: Path, home: Path) -> None:
    path = save(
        tmp_path, x_train=GREY[:20], y_train=LABELS[:20], x_test=GREY[20:], y_test=LABELS[20:]
    )
    report = run_import(path, home).report
    assert (report.info.train, report.info.validation, report.info.test) == (17, 3, 10)


@pytest.mark.parametrize(
    ("images", "note"),
    [
        (GREY / 255, "Pixels from 0 to 1 were taken as black to white."),
        (GREY.astype(np.float32) / 127.5 - 1, "Pixels from -1 to 1 were taken as black to white."),
        (GREY.astype(np.float64), "Pixels from 0 to 255 were taken as black to white."),
        (GREY.astype(np.int64), "Pixels from 0 to 255 were taken as black to white."),
        (GREY.astype(np.uint16) * 257, "Pixels from 0 to 65,535 were taken as black to white."),
    ],
)
def test_ranges_of_pixels_are_noted(
    images: np.ndarray[Any, Any], note: str, tmp_path: Path, home: Path
) -> None:
    prepared = run_import(
        save(tmp_path, images=images, labels=LABELS), home, colour=False, **SAME_SIZE
    )
    assert prepared.report.notes == (note,)
    assert prepared.report.info.note == note
    assert all_images(prepared) == {image.tobytes() for image in GREY}


def test_all_splits_have_one_range(tmp_path: Path, home: Path) -> None:
    images = GREY / 127.5 - 1
    test = np.abs(images[:6])  # alone it looks like 0 to 1
    path = save(tmp_path, train_x=images, train_y=LABELS, test_x=test, test_y=LABELS[:6])
    prepared = run_import(path, home, colour=False, **SAME_SIZE)
    assert images_of(prepared, "test").min() >= 127


def test_channels_first_are_turned(tmp_path: Path, home: Path) -> None:
    path = save(tmp_path, images=COLOUR.transpose(0, 3, 1, 2), labels=LABELS)
    prepared = run_import(path, home, **SAME_SIZE)
    assert prepared.report.notes == ("The channels stand before height and width in the file.",)
    assert all_images(prepared) == {image.tobytes() for image in COLOUR}


@pytest.mark.parametrize("shape", [(30, 20, 24, 1), (30, 1, 20, 24)])
def test_one_channel_is_grey(shape: tuple[int, ...], tmp_path: Path, home: Path) -> None:
    path = save(tmp_path, images=GREY.reshape(shape), labels=LABELS)
    prepared = run_import(path, home, colour=False, **SAME_SIZE)
    assert all_images(prepared) == {image.tobytes() for image in GREY}


def test_fortran_order_and_versions_are_read(tmp_path: Path, home: Path) -> None:
    path = save(tmp_path, images=np.asfortranarray(COLOUR), labels=LABELS.astype(">i2"))
    assert all_images(run_import(path, home, **SAME_SIZE)) == {i.tobytes() for i in COLOUR}


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["owl", "cat", "dog"])[LABELS],
        np.array([b"owl", b"cat", b"dog"])[LABELS],
    ],
)
def test_labels_can_be_text(labels: Any, tmp_path: Path, home: Path) -> None:
    report = run_import(save(tmp_path, images=GREY, labels=labels), home).report
    assert report.info.classes == ("cat", "dog", "owl")


@pytest.mark.parametrize("labels", [LABELS.astype(np.float32), LABELS[:, None], LABELS > 0])
def test_labels_of_other_types_are_read(labels: Any, tmp_path: Path, home: Path) -> None:
    report = run_import(save(tmp_path, images=GREY, labels=labels), home).report
    assert report.info.classes == (("0", "1") if labels.dtype == bool else ("0", "1", "2"))


@pytest.mark.parametrize("key", ["classes", "class_names"])
@pytest.mark.parametrize("kind", ["U", "S"])
def test_class_names_in_the_file_are_used(key: str, kind: str, tmp_path: Path, home: Path) -> None:
    names = np.array(["cat", "dog", "owl"]).astype(kind)
    path = save(tmp_path, images=GREY, labels=LABELS, **{key: names})
    assert run_import(path, home).report.info.classes == ("cat", "dog", "owl")


def test_other_arrays_are_not_read(tmp_path: Path, home: Path) -> None:
    extra = np.array([{"a": 1}], object)
    path = save(tmp_path, images=GREY, labels=LABELS, meta=extra, classes=LABELS)
    assert run_import(path, home).report.info.classes == ("0", "1", "2")


PICKLED = np.array([{"a": 1}] * 30, object)
NAN = np.where(np.arange(30)[:, None, None] == 3, np.nan, GREY / 255)
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "pickled images": ({"images": PICKLED, "labels": LABELS}, "pickled objects"),
    "pickled labels": ({"images": GREY, "labels": PICKLED}, "pickled objects"),
    "flat": ({"images": GREY.reshape(30, -1), "labels": LABELS}, "shape 30×480"),
    "two channels": ({"images": COLOUR[..., :2], "labels": LABELS}, "shape 30×20×24×2"),
    "volumes": ({"images": GREY.reshape(30, 8, 10, 6), "labels": LABELS}, "shape 30×8×10×6"),
    "scalar": ({"images": np.uint8(3), "labels": LABELS}, "shape of a single number"),
    "text images": ({"images": GREY.astype("U3"), "labels": LABELS}, "use numbers"),
    "complex": ({"images": GREY.astype(complex), "labels": LABELS}, "use numbers"),
    "nan": ({"images": NAN, "labels": LABELS}, "infinite or not numbers"),
    "range": ({"images": GREY * 1e6, "labels": LABELS}, "in no usual range"),
    "negative": ({"images": GREY, "labels": LABELS - 1}, "label -1 is negative"),
    "one-hot": ({"images": GREY, "labels": np.eye(3)[LABELS]}, "labels.argmax(1)"),
    "3-d labels": ({"images": GREY, "labels": LABELS[:, None, None]}, "3 dimensions"),
    "fractions": ({"images": GREY, "labels": LABELS + 0.25}, "labels such as 0.25"),
    "complex labels": ({"images": GREY, "labels": LABELS + 0j}, "complex128"),
    "too few labels": ({"images": GREY, "labels": LABELS[:29]}, "30 images and 29 labels"),
    "no images": ({"images": GREY[:0], "labels": LABELS[:0]}, "has no images"),
    "one class": ({"images": GREY, "labels": LABELS * 0}, "There is one class, “0”"),
    "many classes": (
        {"images": np.repeat(GREY, 10, 0), "labels": np.arange(300)},
        "There are 300 classes",
    ),
    "too few names": (
        {"images": GREY, "labels": LABELS, "classes": np.array(["a", "b"])},
        "2 class names, and the label “2” has none",
    ),
    "text and names": (
        {"images": GREY, "labels": np.array(["x", "y", "z"])[LABELS], "classes": np.array(["a"])},
        "the label “x” has none",
    ),
    "names alike": (
        {"images": GREY, "labels": LABELS, "classes": np.array(["a", "A", "b"])},
        "differ only in capital letters",
    ),
    "no labels": ({"images": GREY}, "no labels for the array images; add labels"),
    "no test labels": (
        {"x_train": GREY, "y_train": LABELS, "x_test": GREY},
        "no labels for the array x_test; add labels_test",
    ),
    "other names": ({"a": GREY, "b": LABELS}, "(found: a, b)"),
    "nothing": ({}, "(found: none)"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_arrays_that_do_not_fit_are_refused(case: str, tmp_path: Path, home: Path) -> None:
    arrays, expected = REFUSED[case]
    assert expected in refused_import(save(tmp_path, **arrays), home)


@pytest.mark.parametrize("content", [b"", b"text", b"\x80\x04K\x01."])
def test_other_files_named_npz_are_refused(content: bytes, tmp_path: Path, home: Path) -> None:
    (tmp_path / "x.npz").write_bytes(content)
    assert "no .npz file" in refused_import(tmp_path / "x.npz", home)


def test_a_damaged_array_is_refused(tmp_path: Path, home: Path) -> None:
    path = save(tmp_path, images=GREY, labels=LABELS)
    content = bytearray(path.read_bytes())
    content[4000:4100] = bytes(100)
    path.write_bytes(content)
    assert "is damaged" in refused_import(path, home)


def member(shape: str, data: bytes) -> bytes:
    """A .npy file whose header has any shape."""
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}}}"
    header = header.ljust(117) + "\n"
    content = io.BytesIO(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
    content.seek(0, io.SEEK_END)
    content.write(data)
    return content.getvalue()


@pytest.mark.parametrize("shape", ["(10**9, 9, 9)", "(1000000000, 64, 64)", "(-3, 4, 4)", "(3"])
def test_a_header_that_lies_is_refused(shape: str, tmp_path: Path, home: Path) -> None:
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", member(shape, bytes(1000)))
        archive.writestr("labels.npy", member("(3,)", bytes(3)))
    assert "is damaged" in refused_import(path, home)


def test_arrays_larger_than_memory_are_refused(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tsexplorer.importing.arrays.MAX_ARRAY_BYTES", 10_000)
    path = save(tmp_path, images=GREY, labels=LABELS)
    assert "GB of arrays" in refused_import(path, home)


def test_a_bomb_named_npz_is_refused(tmp_path: Path, home: Path) -> None:
    path = save(tmp_path, images=np.zeros((900, 64, 64), np.uint8), labels=np.arange(900) % 3)
    assert "would unpack" in refused_import(path, home)
