"""Sample images of datasets that are not downloaded."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tsexplorer.data import bundled_sample
from tsexplorer.data.registry import load_splits


def test_mnist_has_1000_validation_and_1000_test_images() -> None:
    sample = bundled_sample.load_sample("mnist")
    assert sample is not None
    assert (len(sample.train), len(sample.validation), len(sample.test)) == (0, 1000, 1000)
    assert sample.info.validation == 1000
    assert sample.validation.images.dtype == torch.uint8
    assert set(sample.test.labels.tolist()) == set(range(10))
    assert not torch.equal(sample.validation.images, sample.test.images)


def test_other_datasets_have_no_sample() -> None:
    assert bundled_sample.load_sample("fashion-mnist") is None


def test_a_sample_has_the_first_images_of_each_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    splits = load_splits("mnist-5k", tmp_path)
    monkeypatch.setattr(bundled_sample, "DEMO", tmp_path)
    monkeypatch.setattr(bundled_sample, "SIZE", 30)
    bundled_sample.write_sample(splits)
    sample = bundled_sample.load_sample.__wrapped__("mnist-5k")
    assert sample is not None
    for part in ("validation", "test"):
        sampled, whole = getattr(sample, part), getattr(splits, part)
        assert torch.equal(sampled.images, whole.images[:30])
        assert torch.equal(sampled.labels, whole.labels[:30])
    assert sample.statistics == splits.statistics
