"""Datasets in IDX files in torchvision's folders: each form of the files, and damaged files."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from tsexplorer.data.base import Split
from tsexplorer.data.registry import dataset_names, get_dataset
from tsexplorer.data.torchvision_folder import split_off_validation
from tsexplorer.data.torchvision_idx import IdxDataset, torchvision_source
from tsexplorer.errors import UserError

# Read at import: in a test all settings have their defaults.
REAL_DATA = Path(os.environ.get("TSEXPLORER_DATA", "nowhere"))
DOWNLOADED = [name for name in dataset_names() if isinstance(get_dataset(name), IdxDataset)]


@pytest.mark.parametrize("form", ["plain", "gz"])
def test_plain_and_gzipped_files_are_read(mnist, tmp_path, form):
    mnist.write(tmp_path, form)
    assert mnist.dataset.is_available(tmp_path)
    splits = mnist.dataset.load(tmp_path)
    assert [len(s) for s in (splits.train, splits.validation, splits.test)] == [30, 10, 20]
    assert np.array_equal(splits.test.images.numpy(), mnist.test_images)
    assert splits.test.labels.tolist() == mnist.test_labels.tolist()
    assert splits.test.labels.dtype == torch.int64


def test_training_and_validation_share_the_training_file(mnist, tmp_path):
    mnist.write(tmp_path)
    splits = mnist.dataset.load(tmp_path)
    expected = {
        image.tobytes(): label for image, label in zip(mnist.images, mnist.labels, strict=True)
    }
    labels = {}
    for split in (splits.train, splits.validation):
        for image, label in zip(split.images.numpy(), split.labels.tolist(), strict=True):
            labels[image.tobytes()] = label
    assert labels == expected


def test_validation_images_are_always_the_same():
    numbered = Split(torch.zeros(60_000, 1, 1), torch.arange(60_000))
    train, validation = split_off_validation(numbered, 5_000)
    assert validation.labels[:5].tolist() == [9, 33, 40, 53, 57]
    assert len(train) == 55_000
    assert not set(train.labels.tolist()) & set(validation.labels.tolist())


def test_torchvision_reads_the_unpacked_files(mnist, tmp_path):
    from torchvision.datasets import MNIST

    mnist.write(tmp_path, "gz")
    mnist.dataset.load(tmp_path)
    dataset = MNIST(tmp_path, train=True)
    assert np.array_equal(dataset.data.numpy(), mnist.images)
    assert dataset.targets.tolist() == mnist.labels.tolist()


def test_labels_of_qmnist_are_the_first_of_8_columns(qmnist, tmp_path):
    from torchvision.datasets import QMNIST

    raw = qmnist.write(tmp_path, "gz")
    splits = qmnist.dataset.load(tmp_path)
    assert splits.test.labels.tolist() == qmnist.test_labels[:, 0].tolist()
    assert splits.test.labels.dtype == torch.int64
    assert np.array_equal(splits.test.images.numpy(), qmnist.test_images)
    assert raw == Path(QMNIST(tmp_path, train=True).raw_folder)


@pytest.mark.parametrize("damage", ["bytes", "columns", "cut", "empty"])
def test_the_error_for_damaged_labels_of_qmnist(qmnist, tmp_path, damage):
    raw = qmnist.write(tmp_path)
    path = raw / "qmnist-train-labels-idx2-int"
    content = path.read_bytes()
    damaged = {
        "bytes": bytes([0, 0, 8]) + content[3:],
        "columns": content[:4] + (64).to_bytes(4, "big") + (5).to_bytes(4, "big") + content[12:],
        "cut": content[:-4],
        "empty": b"",
    }
    path.write_bytes(damaged[damage])
    with pytest.raises(UserError, match=r"qmnist-train-labels-idx2-int in .* is damaged"):
        qmnist.dataset.load(tmp_path)


@pytest.mark.parametrize("form", ["plain", "gz", "zip"])
def test_letters_are_upright_with_labels_from_0(letters, tmp_path, form):
    upright = np.zeros((28, 28), np.uint8)
    upright[4:24, 6:9] = 255  # the vertical stroke of an L
    upright[21:24, 6:20] = 255  # its horizontal stroke
    letters.test_images[0], letters.test_labels[0] = upright.T, 12
    letters.write(tmp_path, form)
    assert letters.dataset.is_available(tmp_path)
    splits = letters.dataset.load(tmp_path)
    assert np.array_equal(splits.test.images[0].numpy(), upright)
    assert splits.test.images.is_contiguous()
    assert splits.info.classes[splits.test.labels[0]] == "L"
    assert splits.train.labels.min() == 0
    assert splits.train.labels.max() == 25


def test_the_error_for_missing_files_has_names_and_folder(mnist, tmp_path):
    raw = mnist.write(tmp_path)
    (raw / "t10k-labels-idx1-ubyte").unlink()
    assert not mnist.dataset.is_available(tmp_path)
    with pytest.raises(UserError) as caught:
        mnist.dataset.load(tmp_path)
    sentence = str(caught.value)
    assert all(name in sentence for name in mnist.dataset.files)
    assert str(raw) in sentence
    assert "\n" not in sentence


def test_a_missing_folder_is_an_error(letters, tmp_path):
    assert not letters.dataset.is_available(tmp_path / "missing")
    with pytest.raises(UserError, match=r"or gzip\.zip with all of them\) into .*EMNIST"):
        letters.dataset.load(tmp_path / "missing")


@pytest.mark.parametrize("file", [0, 1, 2, 3])
@pytest.mark.parametrize("damage", ["empty", "text", "cut", "fewer", "rank", "kind"])
def test_the_error_for_a_damaged_plain_file_has_its_name(mnist, tmp_path, file, damage):
    raw = mnist.write(tmp_path)
    path = raw / mnist.dataset.files[file]
    content = path.read_bytes()
    fewer = content[:4] + (7).to_bytes(4, "big") + content[8:]
    damaged = {
        "empty": b"",
        "text": b"<html>404</html>",
        "cut": content[:-5],
        "fewer": fewer,
        "rank": bytes([0, 0, 8, 9]) + content[4:],
        "kind": bytes([0, 0, 13]) + content[3:],
    }
    path.write_bytes(damaged[damage])
    with pytest.raises(UserError, match=f"{path.name}.* is damaged; delete both"):
        mnist.dataset.load(tmp_path)


def test_labels_outside_the_classes_count_as_damage(letters, tmp_path):
    letters.labels[5] = 27
    letters.write(tmp_path)
    with pytest.raises(UserError, match=r"train-labels.* is damaged"):
        letters.dataset.load(tmp_path)


@pytest.mark.parametrize("form", ["gz", "zip"])
@pytest.mark.parametrize("damage", ["text", "cut", "flipped"])
def test_a_damaged_packed_file_leaves_no_partial_file(letters, tmp_path, form, damage):
    raw = letters.write(tmp_path, form)
    packed = raw / ("gzip.zip" if form == "zip" else "emnist-letters-train-images-idx3-ubyte.gz")
    content = packed.read_bytes()
    middle = len(content) // 3
    flipped = content[:middle] + bytes(255 - byte for byte in content[middle : middle + 99])
    damaged = {
        "text": b"<html>404</html>",
        "cut": content[:-2000],
        "flipped": flipped + content[middle + 99 :],
    }
    packed.write_bytes(damaged[damage])
    with pytest.raises(UserError, match=f"{packed.name} is damaged; delete it"):
        letters.dataset.load(tmp_path)
    assert not list(raw.glob(".*"))


def test_the_error_for_failed_unpacking_has_the_reason(mnist, tmp_path, monkeypatch):
    mnist.write(tmp_path, "gz")

    def read_only(target: Path) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tsexplorer.data.download.open_atomic", read_only)
    with pytest.raises(UserError, match=r"could not be unpacked \(Read-only file system\); put"):
        mnist.dataset.load(tmp_path)


@pytest.mark.parametrize("name", DOWNLOADED)
def test_addresses_and_checksums_come_from_torchvision(name):
    dataset = get_dataset(name)
    assert isinstance(dataset, IdxDataset)
    remote = torchvision_source(dataset.torchvision_class)
    expected = [dataset.bundle] if dataset.bundle else [f"{file}.gz" for file in dataset.files]
    assert [file.name for file in remote.files] == expected
    assert all(len(file.md5) == 32 for file in remote.files)
    assert all(mirror.startswith("http") for mirror in remote.mirrors)


@pytest.mark.slow
@pytest.mark.parametrize("name", DOWNLOADED)
def test_the_real_files_match_the_metadata(name):
    dataset = get_dataset(name)
    if not dataset.is_available(REAL_DATA):
        pytest.skip(f"{name} is not in TSEXPLORER_DATA")
    splits = dataset.load(REAL_DATA)
    for split in (splits.train, splits.validation, splits.test):
        assert split.labels.unique().tolist() == list(range(len(splits.info.classes)))
    if name == "mnist":
        assert splits.statistics.mean == pytest.approx((0.1307,), abs=5e-4)
        assert splits.statistics.deviation == pytest.approx((0.3081,), abs=5e-4)
