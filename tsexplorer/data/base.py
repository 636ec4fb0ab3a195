"""Base class of datasets, their metadata, and their images in memory.

This module does not import torch; it only calls methods of the tensors it gets.
"""

from __future__ import annotations

import hashlib
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, Self

from tsexplorer.specs import Scaling

if TYPE_CHECKING:
    import torch
    from torch import Tensor

ImageShape = tuple[int, int, int]
"""Channels (1: grey, 3: red, green and blue), height and width of an image."""
Fit = Literal["crop", "pad", "stretch"]
"""What happens where a picture and the images of a dataset have other proportions."""
IMBALANCE = 1.5
"""Ratio of the largest to the smallest class from which a class-balanced accuracy is shown."""


class ImageTask(NamedTuple):
    """What the first and the last layer of a net must fit.

    Attributes:
        classes: C, number of logits.
        image_shape: channels, height and width of an image.
    """

    classes: int
    image_shape: ImageShape = (1, 28, 28)


def array_shape(image_shape: ImageShape) -> tuple[int, ...]:
    """Shape of a stored image: H×W in grey, H×W×3 in colour, as Pillow and NumPy have it."""
    channels, height, width = image_shape
    return (height, width) if channels == 1 else (height, width, channels)


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
        image_shape: channels, height and width of an image.
        handwriting: whether the images are of handwriting, light strokes on a dark ground.
        mapped: whether the images stay on the disk and are mapped into memory.
        fit: how pictures of other proportions are brought to the shape of the images.
        unlabelled: number of further training images without a label.
        train_counts: number of training images of each class; empty if it is not known.
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
    image_shape: ImageShape = (1, 28, 28)
    handwriting: bool = False
    mapped: bool = False
    fit: Fit = "crop"
    unlabelled: int = 0
    train_counts: tuple[int, ...] = ()
    download_megabytes: float | None = None
    note: str = ""

    @property
    def task(self) -> ImageTask:
        """What a net for this dataset must fit."""
        return ImageTask(len(self.classes), self.image_shape)

    @property
    def imbalanced(self) -> bool:
        """Whether the largest class has more than 1.5 times the images of the smallest."""
        return bool(self.train_counts) and max(self.train_counts) > IMBALANCE * min(
            self.train_counts
        )


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


NO_LABEL = -1
"""Label of an image whose class is not known."""
STATISTICS_BYTES = 64_000_000


@dataclass(frozen=True, eq=False)
class Split:
    """Images and their labels. Stages share splits: do not modify the tensors.

    Attributes:
        images: uint8 N×H×W in grey (0 is background for handwriting) or N×H×W×3 in colour. They
            can be in a file that is mapped into memory.
        labels: int64 N, 0...classes - 1; :data:`NO_LABEL` for an image without a label.
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


class PixelStatistics(NamedTuple):
    """Mean and population standard deviation of pixels / 255, one value a channel."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]


@dataclass(frozen=True)
class Normalisation:
    """Converts pixels to net input: the same in training, evaluation, prediction and export.

    Attributes:
        scaling: ``unit`` divides by 255; ``standard`` then subtracts the mean and divides by the
            deviation; ``raw`` keeps 0...255.
        statistics: mean and deviation of the training pixels / 255, for ``standard``.
    """

    scaling: Scaling
    statistics: PixelStatistics

    def __call__(self, images: Tensor) -> Tensor:
        """Convert pixels to net input.

        Args:
            images: uint8 N×H×W or N×H×W×3.

        Returns:
            N×C×H×W in torch's default type, float32; colour images are in channels-last memory.
        """
        import torch

        pixels = images.to(torch.get_default_dtype())
        if self.scaling != "raw":
            pixels = pixels.div_(255)
        mean, deviation = self.statistics
        if self.scaling == "standard" and len(mean) == 1:
            pixels = pixels.sub_(mean[0]).div_(deviation[0])
        elif self.scaling == "standard":
            pixels = pixels.sub_(pixels.new_tensor(mean)).div_(pixels.new_tensor(deviation))
        return pixels.unsqueeze(1) if pixels.dim() == 3 else pixels.permute(0, 3, 1, 2)


@dataclass(frozen=True, eq=False)
class Splits:
    """A dataset in memory.

    Attributes:
        info: its metadata.
        train: training images.
        validation: validation images, for selection.
        test: test images, for the final evaluation.
        statistics: mean and deviation of the training pixels / 255.
        transfer: the training images and, after them, images without a label, on which a student
            can learn from its teacher alone; None: there are no such images.
    """

    info: DatasetInfo
    train: Split
    validation: Split
    test: Split
    statistics: PixelStatistics
    transfer: Split | None = None

    @classmethod
    def with_statistics(
        cls, info: DatasetInfo, train: Split, validation: Split, test: Split
    ) -> Self:
        """Splits with the mean and deviation of ``train``."""
        return cls(info, train, validation, test, pixel_statistics(train.images))

    def normalisation(self, scaling: Scaling) -> Normalisation:
        """Converts the pixels of this dataset to net input."""
        return Normalisation(scaling, self.statistics)


def derived_seed(*parts: int | str) -> int:
    """A seed that is a function of ``parts``, the same in every process and on every machine.

    Generators with consecutive or equal seeds are not independent of each other. Seeds made from a
    digest of (seed, epoch, purpose) are. An int and its decimal string give different seeds, and so
    do ``("ab", "c")`` and ``("a", "bc")``.

    Args:
        parts: for example the seed of the stage, the epoch and the purpose.

    Returns:
        0...2⁶³ - 1, valid for every generator (torch's CPU generator uses the lowest 32 bits).

    >>> derived_seed(0, 3, "order") == derived_seed(0, 3, "order")
    True
    >>> derived_seed(0, 3, "order") == derived_seed(0, 3, "jitter")
    False
    """
    digest = hashlib.sha256(json.dumps(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def pixel_statistics(images: Tensor) -> PixelStatistics:
    """Mean and population standard deviation of uint8 images / 255, for each channel.

    They are computed from the counts of the 256 pixel values. So they are exact up to rounding,
    and independent of the order of the images and of the number of threads.

    Args:
        images: uint8 N×H×W or N×H×W×3; they are read in parts of about 64 MB.
    """
    import torch

    channels = images.shape[3] if images.dim() == 4 else 1
    counts_K256 = [[0] * 256 for _ in range(channels)]
    rows = max(1, STATISTICS_BYTES // max(images[:1].numel(), 1))
    for part in torch.split(images, rows):
        for channel in range(channels):
            pixels = part if images.dim() == 3 else part[..., channel]
            counts = pixels.flatten().bincount(minlength=256).tolist()
            for level, count in enumerate(counts):
                counts_K256[channel][level] += count
    figures = [_mean_and_deviation(counts) for counts in counts_K256]
    return PixelStatistics(
        tuple(mean for mean, _ in figures), tuple(deviation for _, deviation in figures)
    )


def _mean_and_deviation(counts: list[int]) -> tuple[float, float]:
    """Mean and deviation of levels / 255, from the number of pixels of each level."""
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

    def describe_missing(self, folder: Path) -> str:
        """The sentence that says what to do where the files are missing."""
        return (
            f"The images of {self.name} are not in {folder}; download them on the Train page, or "
            "put the files there."
        )

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
