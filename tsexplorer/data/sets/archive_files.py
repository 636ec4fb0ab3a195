"""Datasets that torchvision can download in other formats than IDX: CIFAR, SVHN and USPS."""

from __future__ import annotations

from tsexplorer.data.base import DatasetInfo
from tsexplorer.data.torchvision_archives import (
    ArchiveDataset,
    read_cifar,
    read_svhn,
    read_usps,
)

CIFAR_10_CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
CIFAR_100_CLASSES = (
    *("apple", "aquarium fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle"),
    *("bottle", "bowl", "boy", "bridge", "bus", "butterfly", "camel", "can", "castle"),
    *("caterpillar", "cattle", "chair", "chimpanzee", "clock", "cloud", "cockroach", "couch"),
    *("crab", "crocodile", "cup", "dinosaur", "dolphin", "elephant", "flatfish", "forest", "fox"),
    *("girl", "hamster", "house", "kangaroo", "keyboard", "lamp", "lawn mower", "leopard", "lion"),
    *("lizard", "lobster", "man", "maple tree", "motorcycle", "mountain", "mouse", "mushroom"),
    *("oak tree", "orange", "orchid", "otter", "palm tree", "pear", "pickup truck", "pine tree"),
    *("plain", "plate", "poppy", "porcupine", "possum", "rabbit", "raccoon", "ray", "road"),
    *("rocket", "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail", "snake"),
    *("spider", "squirrel", "streetcar", "sunflower", "sweet pepper", "table", "tank", "telephone"),
    *("television", "tiger", "tractor", "train", "trout", "tulip", "turtle", "wardrobe", "whale"),
    *("willow tree", "wolf", "woman", "worm"),
)
CIFAR_SOURCE = (
    "Krizhevsky: Learning Multiple Layers of Features from Tiny Images, technical report, "
    "University of Toronto, 2009"
)

DATASET = (
    ArchiveDataset(
        DatasetInfo(
            name="cifar-10",
            title="CIFAR-10",
            classes=CIFAR_10_CLASSES,
            train=45_000,
            validation=5_000,
            test=10_000,
            source=CIFAR_SOURCE,
            image_shape=(3, 32, 32),
            download_megabytes=170.5,
            note="5,000 of the 50,000 training images are used for validation.",
        ),
        torchvision_class="CIFAR10",
        train_files=tuple(f"cifar-10-batches-py/data_batch_{number}" for number in range(1, 6)),
        test_files=("cifar-10-batches-py/test_batch",),
        read=read_cifar,
        archive="cifar-10-python.tar.gz",
    ),
    ArchiveDataset(
        DatasetInfo(
            name="cifar-100",
            title="CIFAR-100",
            classes=CIFAR_100_CLASSES,
            train=45_000,
            validation=5_000,
            test=10_000,
            source=CIFAR_SOURCE,
            image_shape=(3, 32, 32),
            download_megabytes=169.0,
            note="The labels are the 100 fine classes. 5,000 of the 50,000 training images are "
            "used for validation.",
        ),
        torchvision_class="CIFAR100",
        train_files=("cifar-100-python/train",),
        test_files=("cifar-100-python/test",),
        read=read_cifar,
        archive="cifar-100-python.tar.gz",
    ),
    ArchiveDataset(
        DatasetInfo(
            name="svhn",
            title="SVHN",
            classes=tuple("0123456789"),
            train=68_257,
            validation=5_000,
            test=26_032,
            source="Netzer, Wang, Coates, Bissacco, Wu, Ng: Reading Digits in Natural Images with "
            "Unsupervised Feature Learning, NIPS Workshop on Deep Learning and Unsupervised "
            "Feature Learning, 2011",
            image_shape=(3, 32, 32),
            download_megabytes=246.3,
            note="Cropped digits. 5,000 of the 73,257 training images are used for validation; "
            "the 531,131 extra images are not used.",
        ),
        torchvision_class="SVHN",
        train_files=("train_32x32.mat",),
        test_files=("test_32x32.mat",),
        read=read_svhn,
    ),
    ArchiveDataset(
        DatasetInfo(
            name="usps",
            title="USPS",
            classes=tuple("0123456789"),
            train=6_562,
            validation=729,
            test=2_007,
            source="Hull: A Database for Handwritten Text Recognition Research, IEEE Transactions "
            "on Pattern Analysis and Machine Intelligence 16(5), 1994",
            image_shape=(1, 16, 16),
            handwriting=True,
            download_megabytes=8.4,
            note="729 of the 7,291 training images are used for validation.",
        ),
        torchvision_class="USPS",
        train_files=("usps.bz2",),
        test_files=("usps.t.bz2",),
        read=read_usps,
    ),
)
