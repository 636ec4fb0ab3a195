"""Base class of datasets, their metadata, and their images in memory.

This module does not import torch; it only calls methods of the tensors it gets.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import torch
    from torch import Tensor

SIDE = 28
"""Height and width of every image, in pixels."""


@dataclass(frozen=True)
class DatasetInfo:
    """Metadata of a dataset, available without reading its files.

    Attributes:
        name: identifier in specs.
        title: name for display.
        classes: name of the class of each label.
        train: number of training images.
        validation: number of validation images, for selection.
        test: number of test images, for the final evaluation.
        source: publication that describes the data.
        download_megabytes: size of the download in MB (10⁶ bytes); None without a download.
        note: how this version differs from the published data; empty if it does not.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    train: int
    validation: int
    test: int
    source: str
    download_megabytes: float | None = None
    note: str = ""


@dataclass(frozen=True)
class DownloadProgress:
    """Progress of a download.

    Attributes:
        file: name of the current file.
        done_bytes: bytes of it received so far; starts again at 0 with another mirror.
        total_bytes: its size; None if the server does not send it.
        number: number of the file, from 1.
        count: number of all files.
    """

    file: str
    done_bytes: int
    total_bytes: int | None
    number: int
    count: int


@dataclass(frozen=True, eq=False)
class Split:
    """Images and their labels. Stages share splits: do not modify the tensors.

    Attributes:
        images: uint8 N×28×28, 0 is background.
        labels: int64 N, 0...classes - 1.
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device | str) -> Split:
        """The split on ``device``; the same object if it is there already."""
        images, labels = self.images.to(device), self.labels.to(device)
        if images is self.images and labels is self.labels:
            return self
        return Split(images, labels)


@dataclass(frozen=True, eq=False)
class Splits:
    """A dataset in memory.

    Attributes:
        info: its metadata.
        train: training images.
        validation: validation images, for selection.
        test: test images, for the final evaluation.
        mean: mean of the training pixels / 255.
        deviation: their standard deviation (population).
    """

    info: DatasetInfo
    train: Split
    validation: Split
    test: Split
    mean: float
    deviation: float

    @classmethod
    def with_statistics(
        cls, info: DatasetInfo, train: Split, validation: Split, test: Split
    ) -> Self:
        """Splits with the mean and deviation of ``train``."""
        return cls(info, train, validation, test, *pixel_statistics(train.images))


def pixel_statistics(images: Tensor) -> tuple[float, float]:
    """Mean and population standard deviation of uint8 images / 255.

    They are computed from the counts of the 256 pixel values. So they are exact up to rounding,
    and independent of the order of the images and of the number of threads.
    """
    counts = images.flatten().bincount(minlength=256).tolist()
    total = sum(counts)
    mean = sum(level * count for level, count in enumerate(counts)) / total
    variance = sum((level - mean) ** 2 * count for level, count in enumerate(counts)) / total
    return mean / 255, math.sqrt(variance) / 255


class Dataset(ABC):
    """A dataset that can be found in the data folder, downloaded and read."""

    info: DatasetInfo

    @property
    def name(self) -> str:
        """Name in the registry."""
        return self.info.name

    @abstractmethod
    def is_available(self, folder: Path) -> bool:
        """Whether the files are in the data folder; checks names only, without torch."""

    @abstractmethod
    def load(self, folder: Path) -> Splits:
        """Read the dataset into memory.

        Raises:
            UserError: files are missing or damaged; the text gives their names and folder.
        """

    @abstractmethod
    def download(
        self,
        folder: Path,
        *,
        progress: Callable[[DownloadProgress], None],
        cancelled: Callable[[], bool],
    ) -> None:
        """Download the missing files into the data folder.

        Args:
            folder: the data folder; created if it does not exist.
            progress: called after each chunk, in the calling thread.
            cancelled: called about ten times a second; true stops the download.

        Raises:
            UserError: download or writing failed; the text says which files to put where.
            Cancelled: ``cancelled`` was true; no partial file is left.
        """
