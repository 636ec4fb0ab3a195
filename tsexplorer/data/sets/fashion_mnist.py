"""Fashion-MNIST: 70,000 images of clothes, harder to classify than MNIST."""

from __future__ import annotations

from tsexplorer.data.base import DatasetInfo
from tsexplorer.data.torchvision_idx import IdxDataset

DATASET = IdxDataset(
    DatasetInfo(
        name="fashion-mnist",
        title="Fashion-MNIST",
        classes=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        train=55_000,
        validation=5_000,
        test=10_000,
        source="Xiao, Rasul, Vollgraf: Fashion-MNIST, arXiv 1708.07747, 2017",
        download_megabytes=30.9,
        note="5,000 of the 60,000 training images are used for validation.",
    ),
    torchvision_class="FashionMNIST",
)
