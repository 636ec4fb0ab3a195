"""Imported datasets: loading, titles, renaming, deleting, what unfinished imports leave."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.importing.import_examples import class_folders, png, refusal, run_import, write_zip
from tsexplorer.data.imported import ImportedDataset, ImportedDatasets, pixels_path
from tsexplorer.data.registry import (
    add_data_folder,
    dataset_names,
    find_dataset,
    get_dataset,
    load_splits,
    remove_data_folder,
)
from tsexplorer.errors import NotFoundError, UserError


def kept(home: Path, title: str = "pets", seed: int = 0) -> ImportedDataset:
    files = class_folders("cat", "dog", seed=seed)
    files |= {f"unlabelled/{number}.png": png(seed + 5000 + number) for number in range(3)}
    home.parent.mkdir(parents=True, exist_ok=True)
    return run_import(write_zip(home.parent / f"{seed}.zip", files), home).keep(title)


@pytest.fixture(autouse=True)
def forgotten(home: Path, tmp_path: Path) -> Iterator[None]:
    """Let the process forget the data folders at the end."""
    yield
    for folder in (home, tmp_path / "other" / "data"):
        remove_data_folder(folder)


@pytest.fixture
def datasets(home: Path) -> ImportedDatasets:
    return ImportedDatasets(home)


def test_a_kept_dataset_is_loaded_by_name(home: Path) -> None:
    dataset = kept(home)
    add_data_folder(home)
    assert dataset.name in dataset_names()
    assert get_dataset(dataset.name) == dataset
    splits = load_splits(dataset.name, home)
    assert splits.info == dataset.info
    assert [len(split) for split in (splits.train, splits.validation, splits.test)] == [8, 2, 2]
    assert splits.train.images.shape == (8, 32, 32, 3)
    assert splits.transfer is not None
    assert splits.transfer.labels[8:].tolist() == [-1, -1, -1]
    assert splits.transfer.images.data_ptr() == splits.train.images.data_ptr()


def test_images_are_mapped_from_the_disk(home: Path) -> None:
    dataset = kept(home)
    splits = dataset.load(home)
    path = pixels_path(dataset.path, "train")
    if Path("/proc/self/maps").exists():
        assert str(path) in Path("/proc/self/maps").read_text()
    stored = path.read_bytes()
    assert splits.train.images.numpy().tobytes() == stored[: splits.train.images.numel()]
    splits.train.images[0] = 0  # a change stays in memory
    assert path.read_bytes() == stored


def test_a_dataset_is_found_by_its_title(home: Path) -> None:
    dataset = kept(home, "My Pets")
    add_data_folder(home)
    for key in ("My Pets", "my pets", dataset.name):
        assert find_dataset(key) == dataset
    assert find_dataset("mnist").name == "mnist"


def test_an_unknown_name_is_an_error(home: Path, datasets: ImportedDatasets) -> None:
    with pytest.raises(NotFoundError):
        get_dataset("images-000000000000")
    assert datasets.get("../../etc") is None
    assert datasets.get("images-000000000000") is None
    assert "'ghosts'" in refusal(lambda: datasets.find("ghosts"))
    refusal(lambda: datasets.find("x" * 500))


def test_the_same_images_are_refused_under_another_title(home: Path) -> None:
    kept(home, "pets")
    with pytest.raises(UserError):
        kept(home, "animals")
    assert [dataset.info.title for dataset in ImportedDatasets(home).all()] == ["pets"]


@pytest.mark.parametrize("title", ["pets", "PETS", "  Pets\n", "mnist", "MNIST"])
def test_a_title_in_use_is_refused(title: str, home: Path, datasets: ImportedDatasets) -> None:
    kept(home, "Pets")
    assert "already; use another name" in refusal(lambda: datasets.check_title(title))


def test_a_title_must_not_look_like_a_name(datasets: ImportedDatasets) -> None:
    refusal(lambda: datasets.check_title("images-0123456789ab"))


@pytest.mark.parametrize("title", ["", "  ", "\n\t", "\u200b"])
def test_an_empty_title_is_refused(title: str, datasets: ImportedDatasets) -> None:
    assert refusal(lambda: datasets.check_title(title)).startswith("Give the images a name")


def test_a_long_title_is_refused(datasets: ImportedDatasets) -> None:
    assert datasets.check_title("x" * 60) == "x" * 60
    assert "61 characters; use at most 60" in refusal(lambda: datasets.check_title("x" * 61))


@pytest.mark.parametrize("title", ["<b>bold</b>", "🌹 roses", "a/../b", "$x$ # 1", "犬"])
def test_titles_can_have_any_characters(title: str, home: Path) -> None:
    assert kept(home, f" {title} ").info.title == title
    assert [dataset.info.title for dataset in ImportedDatasets(home).all()] == [title]


def test_datasets_are_listed_by_title(home: Path, datasets: ImportedDatasets) -> None:
    for seed, title in ((100, "b"), (200, "C"), (300, "a")):
        kept(home, title, seed)
    assert [dataset.info.title for dataset in datasets.all()] == ["a", "b", "C"]


def test_a_new_title_keeps_the_name(home: Path, datasets: ImportedDatasets) -> None:
    dataset = kept(home, "pets")
    renamed = datasets.rename("pets", " house pets ")
    assert (renamed.name, renamed.info.title) == (dataset.name, "house pets")
    assert datasets.get(dataset.name) == renamed
    assert datasets.rename(dataset.name, "House Pets").info.title == "House Pets"


def test_a_new_title_must_be_free(home: Path, datasets: ImportedDatasets) -> None:
    kept(home, "pets")
    kept(home, "birds", 700)
    refusal(lambda: datasets.rename("birds", "PETS"))
    refusal(lambda: datasets.rename("pets", ""))
    refusal(lambda: datasets.rename("fish", "sharks"))


def test_metadata_of_deleted_images_stay(home: Path, datasets: ImportedDatasets) -> None:
    dataset = kept(home, "pets")
    datasets.delete("Pets")
    add_data_folder(home)
    found = get_dataset(dataset.name)
    assert found.info == dataset.info
    assert not found.is_available(home)
    assert [path.name for path in dataset.path.iterdir()] == ["dataset.json"]
    for load in (lambda: found.load(home), lambda: load_splits(dataset.name, home)):
        assert refusal(load).startswith("The images of “pets” were deleted; import them again")
    assert datasets.all() == ()
    assert dataset.name not in dataset_names()
    refusal(lambda: datasets.find("pets"))


def test_deleted_images_can_be_imported_again(home: Path, datasets: ImportedDatasets) -> None:
    first = kept(home, "pets")
    datasets.delete("pets")
    again = kept(home, "animals")
    assert again.name == first.name
    assert again.is_available(home)
    assert [dataset.info.title for dataset in datasets.all()] == ["animals"]


@pytest.mark.parametrize("change", ["missing", "cut", "labels", "empty labels"])
def test_damaged_files_are_named(change: str, home: Path, datasets: ImportedDatasets) -> None:
    dataset = kept(home, "pets")
    pixels, labels = dataset.path / "train.pixels", dataset.path / "train-labels.npy"
    if change == "missing":
        pixels.unlink()
    elif change == "cut":
        pixels.write_bytes(pixels.read_bytes()[:-1])
    elif change == "labels":
        np.save(labels, np.zeros(3, np.int32))
    else:
        labels.write_bytes(b"")
    text = refusal(lambda: dataset.load(home))
    assert "are missing or damaged; delete the dataset and import the images again" in text


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"version": 99}', "\udcff"])
def test_damaged_metadata_are_passed_over(
    content: str, home: Path, datasets: ImportedDatasets
) -> None:
    dataset = kept(home, "pets")
    path = dataset.path / "dataset.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    assert datasets.all() == ()
    assert datasets.get(dataset.name) is None
    assert kept(home, "pets").is_available(home)  # the import replaces it


def test_there_is_no_download(home: Path) -> None:
    dataset = kept(home)
    text = refusal(lambda: dataset.download(home, progress=print, cancelled=lambda: False))
    assert "import the images again" in text


def test_what_ended_imports_left_is_removed(home: Path, datasets: ImportedDatasets) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    names = {
        f".import-{ended.pid}-0": False,
        ".import-99999999999999999999-0": False,
        f".import-{os.getpid()}-0": True,
        ".import-other": True,
        "images-0123456789ab": True,
    }
    for name in names:
        (datasets.folder / name).mkdir(parents=True)
        (datasets.folder / name / "all").write_bytes(b"x")
    datasets.remove_unfinished()
    assert {name: (datasets.folder / name).exists() for name in names} == names


def test_a_present_dataset_precedes_a_deleted_one(home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "data"
    dataset = kept(home, "pets", 900)
    kept(other, "pets", 900)
    ImportedDatasets(home).delete("pets")
    for folder in (home, other):
        add_data_folder(folder)
    assert get_dataset(dataset.name).is_available(other)
