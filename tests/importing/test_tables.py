"""Parquet files: pictures as bytes or structs, shards, class names, damaged files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.importing.import_examples import images_of, png, refused_import, run_import, write_zip

LABELS = [number % 3 for number in range(30)]
PICTURES = [png(number) for number in range(30)]


def write(path: Path, metadata: dict[str, str] | None = None, **columns: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table(columns).replace_schema_metadata(metadata)
    pq.write_table(table, path, row_group_size=7)
    return path


@pytest.mark.parametrize("form", ["bytes", "struct", "large"])
def test_pictures_are_bytes_or_structs(form: str, tmp_path: Path, home: Path) -> None:
    images: Any = pa.array(PICTURES, pa.large_binary() if form == "large" else pa.binary())
    if form == "struct":
        images = [{"bytes": content, "path": "x.png"} for content in PICTURES]
    prepared = run_import(
        write(tmp_path / "x.parquet", number=list(range(30)), image=images, label=LABELS), home
    )
    assert prepared.report.info.classes == ("0", "1", "2")
    assert sum(map(sum, prepared.report.counts.values())) == 30
    images = [image.tobytes() for part in ("train", "validation", "test")
              for image in images_of(prepared, part)]  # fmt: skip
    assert len(set(images)) == 30


def test_a_table_gives_the_images_of_its_files(tmp_path: Path, home: Path) -> None:
    """Each picture has the label of its row, although several are decoded at the same time."""
    files = {f"{LABELS[n]}/{n:02}.png": PICTURES[n] for n in range(30)}
    folder = {name: files[name] for name in sorted(files)}
    table = pa.table({"image": list(folder.values()), "label": [int(name[0]) for name in folder]})
    pq.write_table(table, tmp_path / "x.parquet")
    packed = run_import(write_zip(tmp_path / "x.zip", files), home)
    assert run_import(tmp_path / "x.parquet", home).dataset.name == packed.dataset.name


@pytest.mark.parametrize(
    "names",
    [
        ("train-00000-of-00002.parquet", "train-00001-of-00002.parquet", "test-0.parquet"),
        ("train/0.parquet", "train/1.parquet", "test/0.parquet"),
        ("data/pets_train_0.parquet", "data/pets_train_1.parquet", "data/pets_test.parquet"),
    ],
)
def test_shards_give_the_splits(names: tuple[str, ...], tmp_path: Path, home: Path) -> None:
    for name, rows in zip(names, (slice(0, 12), slice(12, 21), slice(21, 30)), strict=True):
        write(tmp_path / "pets" / name, image=PICTURES[rows], label=LABELS[rows])
    info = run_import(tmp_path / "pets", home).report.info
    assert (info.train, info.validation, info.test) == (18, 3, 9)


def test_the_words_of_a_single_file_do_not_matter(tmp_path: Path, home: Path) -> None:
    path = write(tmp_path / "test.parquet", image=PICTURES, label=LABELS)
    assert run_import(path, home).report.info.train == 18


def test_class_names_of_datasets_are_used(tmp_path: Path, home: Path) -> None:
    features = {"label": {"names": ["cat", "dog", "owl"], "_type": "ClassLabel"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    path = write(tmp_path / "x.parquet", metadata, image=PICTURES, label=LABELS)
    assert run_import(path, home).report.info.classes == ("cat", "dog", "owl")


@pytest.mark.parametrize("form", ["text", "category"])
def test_labels_can_be_text(form: str, tmp_path: Path, home: Path) -> None:
    labels: Any = pa.array([["owl", "cat", "dog"][label] for label in LABELS])
    labels = labels.dictionary_encode() if form == "category" else labels
    path = write(tmp_path / "x.parquet", image=PICTURES, name=labels)
    assert run_import(path, home).report.info.classes == ("cat", "dog", "owl")


def test_rows_without_a_label_are_unlabelled(tmp_path: Path, home: Path) -> None:
    labels = [None if number < 3 else number % 3 for number in range(30)]
    report = run_import(write(tmp_path / "x.parquet", image=PICTURES, label=labels), home).report
    assert report.counts["unlabelled"] == (3,)


def test_unreadable_rows_are_named(tmp_path: Path, home: Path) -> None:
    images = [*PICTURES[:27], b"text", None, bytes(10_000_001)]
    path = write(tmp_path / "x.parquet", image=images, label=LABELS)
    faults = dict(run_import(path, home).report.faults)
    assert list(faults) == ["x.parquet 27", "x.parquet 28", "x.parquet 29"]
    assert "more than 10 MB" in faults["x.parquet 29"]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no images": ({"a": LABELS, "label": LABELS}, "no column of pictures"),
    "paths": ({"image": ["a.png"] * 30, "label": LABELS}, "no column of pictures"),
    "no labels": ({"image": PICTURES, "score": [0.5] * 30}, "no column of labels"),
    "empty labels": (
        {"image": PICTURES, "label": pa.array([None] * 30, pa.int64())},
        "no rows with a label",
    ),
    "no rows": ({"image": pa.array([], pa.binary()), "label": pa.array([], pa.int64())}, "no rows"),
    "negative": ({"image": PICTURES, "label": [n - 1 for n in LABELS]}, "label -1 is negative"),
    "long labels": (
        {"image": PICTURES, "label": ["a" * 1001, "b", "c"] * 10},
        "a label of 1,001 characters",
    ),
    "one class": ({"image": PICTURES, "label": [7] * 30}, "There is one class, “7”"),
    "many": (
        {"image": PICTURES * 10, "label": list(range(300))},
        "more than 200 different values",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_tables_that_do_not_fit_are_refused(case: str, tmp_path: Path, home: Path) -> None:
    columns, expected = REFUSED[case]
    assert expected in refused_import(write(tmp_path / "x.parquet", **columns), home)


@pytest.mark.parametrize("change", ["empty", "text", "cut", "labels"])
def test_damaged_tables_are_refused(change: str, tmp_path: Path, home: Path) -> None:
    path = write(tmp_path / "x.parquet", label=np.arange(30) % 3, image=PICTURES)
    content = bytearray(path.read_bytes())
    if change == "labels":
        content[4:60] = b"\xff" * 56
    else:
        content = bytearray({"empty": b"", "text": b"text", "cut": content[:2000]}[change])
    path.write_bytes(content)
    text = refused_import(path, home)
    assert text == "“x.parquet” is a damaged Parquet file; get it again."


def test_damaged_pictures_in_a_table_are_faults(tmp_path: Path, home: Path) -> None:
    table = pa.table({"image": PICTURES, "label": LABELS})
    path = tmp_path / "x.parquet"
    pq.write_table(table, path, row_group_size=10, compression="none", use_dictionary=False)
    content = bytearray(path.read_bytes())
    start = content.index(PICTURES[25]) - 4  # the length of the picture, in the last row group
    content[start : start + 4] = b"\xff" * 4
    path.write_bytes(content)
    faults = dict(run_import(path, home).report.faults)
    assert "x.parquet 29" in faults
    assert "x.parquet 9" not in faults
    assert set(faults.values()) == {"“x.parquet” is a damaged Parquet file; get it again."}
