"""Datasets in IDX files that torchvision can download: MNIST and the datasets in its format."""

from __future__ import annotations

from string import ascii_uppercase

from tsexplorer.data.base import DatasetInfo
from tsexplorer.data.torchvision_idx import IdxDataset

DATASET = (
    IdxDataset(
        DatasetInfo(
            name="mnist",
            title="MNIST",
            classes=tuple("0123456789"),
            train=55_000,
            validation=5_000,
            test=10_000,
            handwriting=True,
            source="LeCun, Bottou, Bengio, Haffner: Gradient-Based Learning Applied to Document "
            "Recognition, Proceedings of the IEEE 86(11), 1998",
            download_megabytes=11.6,
            note="5,000 of the 60,000 training images are used for validation.",
        ),
        torchvision_class="MNIST",
    ),
    IdxDataset(
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
    ),
    IdxDataset(
        DatasetInfo(
            name="emnist-letters",
            title="EMNIST letters",
            classes=tuple(ascii_uppercase),
            train=114_400,
            validation=10_400,
            test=20_800,
            handwriting=True,
            source="Cohen, Afshar, Tapson, van Schaik: EMNIST: an extension of MNIST to "
            "handwritten letters, arXiv 1702.05373, 2017",
            download_megabytes=561.8,
            note="The files have transposed images and labels from 1; here the images are upright "
            "and labels start at 0. 10,400 of the 124,800 training images are used for validation.",
        ),
        torchvision_class="EMNIST",
        files=(
            "emnist-letters-train-images-idx3-ubyte",
            "emnist-letters-train-labels-idx1-ubyte",
            "emnist-letters-test-images-idx3-ubyte",
            "emnist-letters-test-labels-idx1-ubyte",
        ),
        bundle="gzip.zip",
        first_label=1,
        transposed=True,
    ),
    IdxDataset(
        DatasetInfo(
            name="kmnist",
            title="Kuzushiji-MNIST",
            classes=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
            train=55_000,
            validation=5_000,
            test=10_000,
            source="Clanuwat, Bober-Irizar, Kitamoto, Lamb, Yamamoto, Ha: Deep Learning for "
            "Classical Japanese Literature, arXiv 1812.01718, 2018",
            download_megabytes=21.2,
            note="5,000 of the 60,000 training images are used for validation.",
        ),
        torchvision_class="KMNIST",
    ),
    IdxDataset(
        DatasetInfo(
            name="qmnist",
            title="QMNIST",
            classes=tuple("0123456789"),
            train=55_000,
            validation=5_000,
            test=60_000,
            handwriting=True,
            source="Yadav, Bottou: Cold Case: The Lost MNIST Digits, NeurIPS 2019",
            download_megabytes=20.4,
            note="All 60,000 test images are used; the first 10,000 are those of MNIST. 5,000 of "
            "the 60,000 training images are used for validation.",
        ),
        torchvision_class="QMNIST",
        files=(
            "qmnist-train-images-idx3-ubyte",
            "qmnist-train-labels-idx2-int",
            "qmnist-test-images-idx3-ubyte",
            "qmnist-test-labels-idx2-int",
        ),
        label_columns=8,
    ),
)
