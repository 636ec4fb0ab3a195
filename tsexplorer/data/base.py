"""What a dataset is: what is known of it without reading it, and what reading it gives.

Nothing here imports torch; tensors are used through their own methods alone.
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
    """What can be said about a dataset before any of it is read.

    Attributes:
        name: identifier in specs.
        title: name as people write it.
        classes: label k stands for ``classes[k]``.
        train: images to learn from.
        validation: images to choose on.
        test: images that are looked at once, at the end.
        source: where the data comes from.
        download_megabytes: size of the transfer in MB (10⁶ bytes); None if nothing is fetched.
        note: what was done to the data so that it fits here; empty if nothing.
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
    """How far a download is.

    Attributes:
        file: name of the file on its way.
        done_bytes: bytes of it that have arrived; back to 0 when another mirror is tried.
        total_bytes: its size; None if the server does not say.
        number: which of the files it is, from 1.
        count: files in all.
    """

    file: str
    done_bytes: int
    total_bytes: int | None
    number: int
    count: int


@dataclass(frozen=True, eq=False)
class Split:
    """Images and their labels. Splits are shared between stages: never write into them.

    Attributes:
        images: uint8 N×28×28, 0 is background.
        labels: int64 N, 0...classes - 1.
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device | str) -> Split:
        """The same split on ``device``; itself if it is there already."""
        images, labels = self.images.to(device), self.labels.to(device)
        if images is self.images and labels is self.labels:
            return self
        return Split(images, labels)


@dataclass(frozen=True, eq=False)
class Splits:
    """A dataset in memory.

    Attributes:
        info: what it is.
        train: images to learn from.
        validation: images to choose on.
        test: images for the final figure.
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
    def measured(cls, info: DatasetInfo, train: Split, validation: Split, test: Split) -> Self:
        """Splits with the mean and deviation of ``train``."""
        return cls(info, train, validation, test, *pixel_statistics(train.images))


def pixel_statistics(images: Tensor) -> tuple[float, float]:
    """Mean and population standard deviation of uint8 images / 255.

    Computed from the 256 pixel counts, so that they are exact to rounding and depend neither on
    the order of the images nor on the number of threads.
    """
    counts = images.flatten().bincount(minlength=256).tolist()
    total = sum(counts)
    mean = sum(level * count for level, count in enumerate(counts)) / total
    variance = sum((level - mean) ** 2 * count for level, count in enumerate(counts)) / total
    return mean / 255, math.sqrt(variance) / 255


class Dataset(ABC):
    """A dataset that can be looked for, fetched and read."""

    info: DatasetInfo

    @property
    def name(self) -> str:
        """The name it is registered under."""
        return self.info.name

    @abstractmethod
    def available(self, folder: Path) -> bool:
        """Whether the files are in the data folder; looks at names only, without torch."""

    @abstractmethod
    def load(self, folder: Path) -> Splits:
        """Read the dataset into memory.

        Raises:
            UserError: files are missing or damaged; says which and where.
        """

    @abstractmethod
    def download(
        self,
        folder: Path,
        *,
        progress: Callable[[DownloadProgress], None],
        cancelled: Callable[[], bool],
    ) -> None:
        """Fetch what is missing into the data folder.

        Args:
            folder: the data folder; made if it is not there.
            progress: called after each chunk, in the calling thread.
            cancelled: asked about ten times a second; true stops the download.

        Raises:
            UserError: it cannot be fetched or written; says which files to put where.
            Cancelled: ``cancelled`` said so; no partial file is left.
        """
