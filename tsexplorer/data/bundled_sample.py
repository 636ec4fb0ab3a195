"""Sample images of a dataset that is not downloaded, to evaluate the nets trained on it.

``assets/demo/mnist-images.npz`` holds the first images of MNIST's validation and test splits, split
as in :mod:`tsexplorer.data.torchvision_idx`. :mod:`tsexplorer.services.demo` writes it together
with the demo nets.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from tsexplorer.assets import DEMO
from tsexplorer.data.base import PixelStatistics, Split, Splits
from tsexplorer.data.registry import get_dataset

SIZE = 1000
"""Number of images in each split of a sample."""


def sample_path(name: str) -> Path:
    """Path of the sample of a dataset; few datasets have one."""
    return DEMO / f"{name}-images.npz"


@cache
def load_sample(name: str) -> Splits | None:
    """Read the sample of a dataset: no training images, some for validation and test.

    Returns:
        None if the dataset has no sample.
    """
    import numpy as np
    import torch

    path = sample_path(name)
    if not path.exists():
        return None
    with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:

        def read_split(part: str) -> Split:
            images, labels = file[f"{part}_images"], file[f"{part}_labels"]
            return Split(torch.from_numpy(images), torch.from_numpy(labels).long())

        validation, test = read_split("validation"), read_split("test")
        statistics = PixelStatistics((float(file["mean"]),), (float(file["deviation"]),))
    info = replace(get_dataset(name).info, train=0, validation=len(validation), test=len(test))
    return Splits(info, _first_images(validation, 0), validation, test, statistics)


def write_sample(splits: Splits) -> None:
    """Write the sample of a dataset from its splits."""
    import numpy as np

    (mean,), (deviation,) = splits.statistics  # a sample is of grey images
    arrays: dict[str, Any] = {"mean": mean, "deviation": deviation}
    for part in ("validation", "test"):
        split = _first_images(getattr(splits, part), SIZE)
        arrays[f"{part}_images"] = split.images.numpy()
        arrays[f"{part}_labels"] = split.labels.numpy().astype(np.uint8)
    np.savez_compressed(sample_path(splits.info.name), **arrays)


def _first_images(split: Split, size: int) -> Split:
    return Split(split.images[:size], split.labels[:size])
