"""The split by seed, equal images, and what the report says."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.importing.import_examples import (
    Files,
    below,
    class_folders,
    images_of,
    labels_of,
    png,
    refused_import,
    run_import,
    write_folder,
    write_zip,
)
from tsexplorer.data.imported import ImportedDatasets
from tsexplorer.importing.build import prepare_import
from tsexplorer.importing.open_source import open_source
from tsexplorer.importing.preparation import ImportOptions, ImportProgress

PARTS = ("train", "validation", "test")


def in_splits(train: int = 5, validation: int = 2, test: int = 2) -> Files:
    files: Files = {}
    for number, (part, count) in enumerate(
        {"train": train, "val": validation, "test": test}.items()
    ):
        files |= below(part, class_folders("cat", "dog", count=count, seed=100 * number))
    return files


def test_every_class_has_its_share_in_every_split(tmp_path: Path, home: Path) -> None:
    files = {**class_folders("a", count=40), **class_folders("b", count=100, seed=5000)}
    counts = run_import(
        write_zip(tmp_path / "x.zip", files), home, validation_share=0.1, test_share=0.25
    ).report.counts
    assert counts["validation"] == (4, 10)
    assert counts["test"] == (10, 25)
    assert counts["train"] == (26, 65)


def test_the_smallest_class_is_in_every_split(tmp_path: Path, home: Path) -> None:
    path = write_zip(tmp_path / "x.zip", class_folders("a", "b", count=3))
    counts = run_import(path, home, validation_share=0.3, test_share=0.5).report.counts
    assert [counts[part] for part in PARTS] == [(1, 1)] * 3


def test_no_share_takes_the_last_training_image(tmp_path: Path, home: Path) -> None:
    path = write_zip(tmp_path / "x.zip", class_folders("a", "b", count=4))
    counts = run_import(path, home, validation_share=0.4, test_share=0.4).report.counts
    assert counts["train"] == (1, 1)


def test_shares_must_leave_images_for_training() -> None:
    with pytest.raises(ValueError, match="leave more for training"):
        ImportOptions(validation_share=0.5, test_share=0.4)


def test_the_seed_decides_the_split(tmp_path: Path, home: Path) -> None:
    path = write_zip(tmp_path / "x.zip", class_folders("a", "b", count=20))
    first, again = run_import(path, home, seed=1), run_import(path, home, seed=1)
    other = run_import(path, home, seed=2)
    for part in PARTS:
        assert np.array_equal(images_of(first, part), images_of(again, part))
    assert not np.array_equal(images_of(first, "test"), images_of(other, "test"))


def test_every_image_is_in_one_split(tmp_path: Path, home: Path) -> None:
    path = write_zip(tmp_path / "x.zip", class_folders("a", "b", count=20))
    prepared = run_import(path, home)
    images = [image.tobytes() for part in PARTS for image in images_of(prepared, part)]
    assert len(images) == len(set(images)) == 40


def test_images_have_the_label_of_their_folder(tmp_path: Path, home: Path) -> None:
    files = class_folders("a", "b", count=9)
    prepared = run_import(write_zip(tmp_path / "x.zip", files), home, height=20, width=24)
    expected = {
        np.array(Image.open(io.BytesIO(content))).tobytes(): "ab".index(path[0])
        for path, content in files.items()
    }
    for part in PARTS:
        found = [expected[image.tobytes()] for image in images_of(prepared, part)]
        assert found == labels_of(prepared, part)


def test_mean_and_deviation_are_those_of_numpy(tmp_path: Path, home: Path) -> None:
    files = class_folders("a", "b", count=9) | {f"unlabelled/{n}.png": png(n) for n in (800, 801)}
    path = write_zip(tmp_path / "x.zip", files)
    prepared = run_import(path, home)
    train = images_of(prepared) / 255
    assert prepared.report.mean == pytest.approx(train.mean((0, 1, 2)), abs=1e-12)
    assert prepared.report.deviation == pytest.approx(train.std((0, 1, 2)), abs=1e-12)
    assert prepared.dataset.load(home).statistics.mean == prepared.report.mean
    grey = run_import(path, home, colour=False)
    assert grey.report.mean == pytest.approx([images_of(grey).mean() / 255], abs=1e-12)


def test_samples_are_training_images_of_each_class(tmp_path: Path, home: Path) -> None:
    prepared = run_import(write_zip(tmp_path / "x.zip", class_folders("a", "b", count=15)), home)
    labels, images = np.array(labels_of(prepared, "train")), images_of(prepared)
    assert len(prepared.report.samples) == 2
    for label, samples in enumerate(prepared.report.samples):
        assert np.array_equal(samples, images[labels == label][:8])
        assert samples.shape == (8, 32, 32, 3)


def test_small_classes_are_named(tmp_path: Path, home: Path) -> None:
    files = {**class_folders("a", count=40), **class_folders("b", count=6, seed=5000)}
    report = run_import(write_zip(tmp_path / "x.zip", files), home).report
    assert report.few == (("b", 4),)
    assert report.info.train_counts == (28, 4)


def test_duplicates_in_a_split_are_counted_and_stay(tmp_path: Path, home: Path) -> None:
    files = in_splits() | {"train/cat/copy.png": png(0), "train/cat/copy 2.png": png(0)}
    report = run_import(write_zip(tmp_path / "x.zip", files), home).report
    assert (report.duplicates, report.leaks, report.contradictions) == (2, 0, 0)
    assert report.counts["train"] == (7, 5)


def test_equal_images_with_two_labels_are_counted(tmp_path: Path, home: Path) -> None:
    files = in_splits() | {"train/dog/copy.png": png(0)}
    report = run_import(write_zip(tmp_path / "x.zip", files), home).report
    assert (report.duplicates, report.contradictions) == (1, 1)


@pytest.mark.parametrize(
    ("copy", "original", "expected"),
    [
        ("train", "test", ((5, 5), (2, 2), (2, 2))),
        ("train", "val", ((5, 5), (2, 2), (2, 2))),
        ("val", "test", ((5, 5), (2, 2), (2, 2))),
        ("test", "train", ((4, 5), (2, 2), (3, 2))),
        ("val", "train", ((4, 5), (3, 2), (2, 2))),
        ("test", "val", ((5, 5), (1, 2), (3, 2))),
    ],
)
def test_leaks_leave_the_split_that_is_trained_on(
    copy: str,
    original: str,
    expected: tuple[tuple[int, int], ...],
    tmp_path: Path,
    home: Path,
) -> None:
    files = in_splits()
    files[f"{copy}/cat/copy.png"] = files[f"{original}/cat/0.png"]
    prepared = run_import(write_zip(tmp_path / "x.zip", files), home)
    assert prepared.report.leaks == 1
    assert tuple(prepared.report.counts[part] for part in PARTS) == expected  # type: ignore[index]
    images = [image.tobytes() for part in PARTS for image in images_of(prepared, part)]
    assert len(images) == len(set(images))


def test_unlabelled_copies_of_test_images_are_removed(tmp_path: Path, home: Path) -> None:
    files = in_splits() | {"unlabelled/1.png": png(200), "unlabelled/2.png": png(7777)}
    report = run_import(write_zip(tmp_path / "x.zip", files), home).report
    assert (report.leaks, report.counts["unlabelled"]) == (1, (1,))


def test_a_class_lost_to_leaks_is_named(tmp_path: Path, home: Path) -> None:
    files = in_splits()
    files = {path: content for path, content in files.items() if not path.startswith("train/cat")}
    files["train/cat/0.png"] = files["test/cat/0.png"]
    text = refused_import(write_zip(tmp_path / "x.zip", files), home)
    assert text.startswith("The class “cat” has no training image")


def test_an_empty_split_is_named(tmp_path: Path, home: Path) -> None:
    files = in_splits(validation=0) | {"val/cat/0.png": b"broken"}
    text = refused_import(write_zip(tmp_path / "x.zip", files), home)
    assert text.startswith("No image is left for validation")


def test_progress_ends_with_all_images(tmp_path: Path, home: Path) -> None:
    path = write_folder(tmp_path / "x", class_folders("a", "b", count=100))
    seen: list[ImportProgress] = []
    source = open_source(path, "x")
    prepare_import(source, ImportOptions(), ImportedDatasets(home), seen.append)
    assert (seen[-1].done, seen[-1].total, seen[-1].seconds_left) == (200, 200, 0)
