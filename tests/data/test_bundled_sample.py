"""The few images that ship for nets whose dataset is not here."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tsexplorer.data import bundled_sample
from tsexplorer.data.registry import load_splits


def test_mnists_sample_is_a_thousand_images_to_validate_and_to_test_on() -> None:
    found = bundled_sample.load_sample("mnist")
    assert found is not None
    assert (len(found.train), len(found.validation), len(found.test)) == (0, 1000, 1000)
    assert found.info.validation == 1000
    assert found.validation.images.dtype == torch.uint8
    assert set(found.test.labels.tolist()) == set(range(10))
    assert not torch.equal(found.validation.images, found.test.images)


def test_a_dataset_without_a_sample_has_none() -> None:
    assert bundled_sample.load_sample("fashion-mnist") is None


def test_what_is_written_is_the_beginning_of_the_splits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = load_splits("mnist-5k", tmp_path)
    monkeypatch.setattr(bundled_sample, "DEMO", tmp_path)
    monkeypatch.setattr(bundled_sample, "SIZE", 30)
    bundled_sample.write_sample(whole)
    read = bundled_sample.load_sample.__wrapped__("mnist-5k")
    assert read is not None
    for part in ("validation", "test"):
        few, many = getattr(read, part), getattr(whole, part)
        assert torch.equal(few.images, many.images[:30])
        assert torch.equal(few.labels, many.labels[:30])
    assert (read.mean, read.deviation) == (whole.mean, whole.deviation)
