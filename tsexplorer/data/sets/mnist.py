"""MNIST: 70,000 handwritten digits."""

from __future__ import annotations

from tsexplorer.data.base import DatasetInfo
from tsexplorer.data.torchvision_idx import IdxDataset

DATASET = IdxDataset(
    DatasetInfo(
        name="mnist",
        title="MNIST",
        classes=tuple("0123456789"),
        train=55_000,
        validation=5_000,
        test=10_000,
        source="LeCun, Bottou, Bengio, Haffner: Gradient-Based Learning Applied to Document "
        "Recognition, Proceedings of the IEEE 86(11), 1998",
        download_megabytes=11.6,
        note="5,000 of the 60,000 training images are used for validation.",
    ),
    torchvision_class="MNIST",
)
