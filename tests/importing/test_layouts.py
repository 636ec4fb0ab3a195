"""Folders and zip files: class folders, splits, wrapping folders, unlabelled images, order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.importing.import_examples import (
    Files,
    below,
    class_folders,
    images_of,
    labels_of,
    png,
    run_import,
    write_folder,
    write_zip,
)
from tsexplorer.importing.entries import natural_key, part_in_name
from tsexplorer.importing.preparation import Preparation


def prepare(form: str, files: Files, tmp_path: Path, home: Path) -> Preparation:
    source = (
        write_zip(tmp_path / "pets.zip", files)
        if form == "zip"
        else write_folder(tmp_path / "pets", files)
    )
    return run_import(source, home)


@pytest.mark.parametrize("form", ["folder", "zip"])
@pytest.mark.parametrize("around", ["", "pets", "download/pets"])
def test_folders_around_the_classes_do_not_matter(
    form: str, around: str, tmp_path: Path, home: Path
) -> None:
    files = class_folders("cat", "dog")
    prepared = prepare(form, below(around, files) if around else files, tmp_path, home)
    info = prepared.report.info
    assert info.classes == ("cat", "dog")
    assert info.train + info.validation + info.test == 12
    assert prepared.report.counts["train"] == (4, 4)


@pytest.mark.parametrize("form", ["folder", "zip"])
@pytest.mark.parametrize("validation", ["val", "validation", "Valid"])
@pytest.mark.parametrize("around", ["", "pets"])
def test_folders_for_the_splits_are_used(
    form: str, validation: str, around: str, tmp_path: Path, home: Path
) -> None:
    files = {
        **below("train", class_folders("cat", "dog", count=5)),
        **below(validation, class_folders("cat", "dog", count=2, seed=100)),
        **below("test", class_folders("cat", "dog", count=3, seed=200)),
    }
    prepared = prepare(form, below(around, files) if around else files, tmp_path, home)
    counts = prepared.report.counts
    assert (counts["train"], counts["validation"], counts["test"]) == ((5, 5), (2, 2), (3, 3))
    assert labels_of(prepared, "test") == [0, 0, 0, 1, 1, 1]


def test_missing_splits_come_out_of_train(tmp_path: Path, home: Path) -> None:
    files = {
        **below("train", class_folders("cat", "dog", count=20)),
        **below("test", class_folders("cat", "dog", count=3, seed=200)),
    }
    counts = prepare("zip", files, tmp_path, home).report.counts
    assert (counts["train"], counts["validation"], counts["test"]) == ((17, 17), (3, 3), (3, 3))


def test_train_alone_is_split_three_ways(tmp_path: Path, home: Path) -> None:
    files = below("train", class_folders("cat", "dog", count=20))
    counts = prepare("folder", files, tmp_path, home).report.counts
    assert (counts["train"], counts["validation"], counts["test"]) == ((14, 14), (3, 3), (3, 3))


@pytest.mark.parametrize("form", ["folder", "zip"])
@pytest.mark.parametrize("spelling", ["unlabelled", "Unlabeled"])
def test_unlabelled_images_are_in_transfer_alone(
    form: str, spelling: str, tmp_path: Path, home: Path
) -> None:
    files = class_folders("cat", "dog")
    files |= {f"{spelling}/{number}.png": png(9000 + number) for number in range(4)}
    prepared = prepare(form, files, tmp_path, home)
    splits = prepared.dataset.load(home)
    assert prepared.report.info.classes == ("cat", "dog")
    assert prepared.report.counts["unlabelled"] == (4,)
    assert splits.transfer is not None
    assert splits.transfer.labels[-4:].tolist() == [-1] * 4
    assert splits.transfer.labels[:-4].tolist() == splits.train.labels.tolist()
    assert len(splits.transfer.images) == len(splits.train) + 4
    assert min(splits.train.labels) == 0


def test_a_dataset_without_unlabelled_has_no_transfer(tmp_path: Path, home: Path) -> None:
    prepared = prepare("zip", class_folders("cat", "dog"), tmp_path, home)
    assert prepared.dataset.load(home).transfer is None


def test_folders_below_a_class_belong_to_it(tmp_path: Path, home: Path) -> None:
    files = {**class_folders("cat"), **below("dog", class_folders("small", "large", seed=50))}
    assert prepare("zip", files, tmp_path, home).report.info.classes == ("cat", "dog")


def test_classes_are_in_natural_order(tmp_path: Path, home: Path) -> None:
    files = class_folders("class 10", "class 9", "Class 1", "b", count=3)
    info = prepare("folder", files, tmp_path, home).report.info
    assert info.classes == ("b", "Class 1", "class 9", "class 10")


def test_hidden_files_are_left_out(tmp_path: Path, home: Path) -> None:
    hidden = {"__MACOSX/cat/._0.png": b"x", "cat/.DS_Store": b"x", "cat/.0.png": b"x"}
    files = {**class_folders("cat", "dog"), **hidden, "cat/Thumbs.db": b"x"}
    report = prepare("zip", files, tmp_path, home).report
    assert (report.fault_count, report.notes) == (0, ())


def test_pictures_outside_of_classes_are_noted(tmp_path: Path, home: Path) -> None:
    files = {**class_folders("cat", "dog"), "cover.png": png(5), "cat/notes.txt": b"x"}
    report = prepare("zip", files, tmp_path, home).report
    assert report.notes == (
        "1 picture was left out: outside of class folders.",
        "1 file was left out: no pictures (.txt).",
    )
    assert sum(map(sum, report.counts.values())) == 12


@pytest.mark.parametrize("name", ["pets.zip", "other.zip"])
def test_folder_and_zip_give_the_same_dataset(name: str, tmp_path: Path, home: Path) -> None:
    files = class_folders("cat", "dog", "10", "9")
    folder = run_import(write_folder(tmp_path / "pets", files), home)
    backwards = dict(reversed(files.items()))
    packed = run_import(write_zip(tmp_path / name, below("around", backwards)), home)
    assert folder.dataset.name == packed.dataset.name
    assert np.array_equal(images_of(folder), images_of(packed))


@pytest.mark.parametrize("change", ["pixel", "class name", "label", "size", "seed"])
def test_other_content_gives_another_name(change: str, tmp_path: Path, home: Path) -> None:
    files = class_folders("cat", "dog")
    first = run_import(write_folder(tmp_path / "first", files), home)
    if change == "pixel":
        files["cat/0.png"] = png(77)
    elif change == "class name":
        files = class_folders("cat", "dogs")
    elif change == "label":
        files["cat/0.png"], files["dog/0.png"] = files["dog/0.png"], files["cat/0.png"]
    options = {"size": {"width": 33}, "seed": {"seed": 1}}.get(change, {})
    second = run_import(write_folder(tmp_path / "second", files), home, **options)
    assert first.dataset.name != second.dataset.name


def test_names_of_windows_archives_are_understood(tmp_path: Path, home: Path) -> None:
    files = {path.replace("/", "\\"): png for path, png in class_folders("cat", "dog").items()}
    assert prepare("zip", files, tmp_path, home).report.info.classes == ("cat", "dog")


def test_links_in_a_folder_are_left_out(tmp_path: Path, home: Path) -> None:
    folder = write_folder(tmp_path / "pets", class_folders("cat", "dog"))
    outside = write_folder(tmp_path / "outside", {"secret.png": png(1)})
    (folder / "cat/link.png").symlink_to(outside / "secret.png")
    (folder / "outside").symlink_to(outside)
    report = run_import(folder, home).report
    assert report.info.classes == ("cat", "dog")
    assert sum(map(sum, report.counts.values())) == 12


def test_numbers_of_any_length_can_be_sorted() -> None:
    names = ["9" * 6000, "10", "009", "9", "1" * 6000]
    assert sorted(names, key=natural_key)[0] == "009"
    assert sorted(names, key=natural_key)[-1] == "9" * 6000


def test_splits_are_found_in_file_names() -> None:
    names = ["x_train.parquet", "Test-0.parquet", "emnist-letters-train-images", "latest.parquet"]
    assert [part_in_name(name) for name in names] == ["train", "test", "train", None]
