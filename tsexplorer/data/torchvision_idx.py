"""Datasets in torchvision's folders; files that are already there are not downloaded.

``<data folder>/<class>/raw`` holds four IDX files, plain or gzipped, or one zip file with all of
them. The addresses, the checksums and the functions that read IDX files come from torchvision. Its
dataset classes are not used, since they prefer pickles that an old version left in ``processed/``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tsexplorer.data.base import SIDE, Dataset, DatasetInfo, DownloadProgress, Split, Splits
from tsexplorer.data.download import (
    Remote,
    RemoteFile,
    TransferError,
    fetch,
    find_file,
    has_md5,
    unpack,
)
from tsexplorer.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

VALIDATION_SEED = 2015
READING_ERRORS = (AssertionError, OSError, RuntimeError, TypeError, ValueError, KeyError)


@dataclass(frozen=True)
class IdxDataset(Dataset):
    """A dataset whose images and labels are in four IDX files.

    Attributes:
        info: metadata; training and validation images are those of the training files.
        torchvision_class: class in ``torchvision.datasets``, and name of the folder.
        files: names of training images, training labels, test images and test labels, unpacked.
        bundle: zip file that contains ``gzip/<file>.gz`` for each of them, if there is one.
        first_label: label of the first class in the files.
        transposed: whether the images in the files are transposed.
        remote: where to download; None for torchvision's addresses.
    """

    info: DatasetInfo
    torchvision_class: str
    files: tuple[str, str, str, str] = (
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    )
    bundle: str | None = None
    first_label: int = 0
    transposed: bool = False
    remote: Remote | None = None

    def raw(self, folder: Path) -> Path:
        """Folder of the files, inside the data folder."""
        return folder / self.torchvision_class / "raw"

    def is_available(self, folder: Path) -> bool:
        """Whether all files are there, plain or packed."""
        return all(find_file(self.raw(folder), name, self.bundle) for name in self.files)

    def load(self, folder: Path) -> Splits:
        """Read the files and split the training images into training and validation.

        Raises:
            UserError: a file is missing or damaged, or cannot be unpacked.
        """
        raw = self.raw(folder)
        if not self.is_available(folder):
            raise UserError(
                f"{self.info.title} is not in the data folder; download it, or "
                f"{self._describe_manual(raw)}."
            )
        self._unpack(raw, cancelled=lambda: False)
        learning = self._read(raw, self.files[:2], self.info.train + self.info.validation)
        test = self._read(raw, self.files[2:], self.info.test)
        train, validation = split_off_validation(learning, self.info.validation)
        return Splits.with_statistics(self.info, train, validation, test)

    def download(
        self,
        folder: Path,
        *,
        progress: Callable[[DownloadProgress], None],
        cancelled: Callable[[], bool],
    ) -> None:
        """Download and unpack the missing files; see :meth:`Dataset.download`."""
        raw = self.raw(folder)
        if all((raw / name).is_file() for name in self.files):
            return
        remote = self.remote or torchvision_source(self.torchvision_class)
        for number, file in enumerate(remote.files, start=1):

            def report(
                done: int, total: int | None, name: str = file.name, number: int = number
            ) -> None:
                progress(DownloadProgress(name, done, total, number, len(remote.files)))

            self._download_file(raw, file, remote.mirrors, report, cancelled)

    def _download_file(
        self,
        raw: Path,
        file: RemoteFile,
        mirrors: tuple[str, ...],
        report: Callable[[int, int | None], None],
        cancelled: Callable[[], bool],
    ) -> None:
        """Download one file and unpack it; a downloaded packed file is removed afterwards."""
        unpacked = self.files if file.name == self.bundle else (file.name.removesuffix(".gz"),)
        if all((raw / name).is_file() for name in unpacked):
            return
        packed = raw / file.name
        try:
            raw.mkdir(parents=True, exist_ok=True)
            fetched = not has_md5(packed, file.md5)
            if fetched:
                fetch(file, mirrors, packed, report, cancelled)
        except TransferError as error:
            raise UserError(self._describe_failure(raw, str(error))) from error
        except OSError as error:
            raise UserError(self._describe_failure(raw, error.strerror or str(error))) from error
        self._unpack(raw, cancelled, unpacked)
        if fetched:
            packed.unlink(missing_ok=True)

    def _unpack(
        self, raw: Path, cancelled: Callable[[], bool], names: tuple[str, ...] | None = None
    ) -> None:
        try:
            for name in names or self.files:
                unpack(raw, name, self.bundle, cancelled)
        except OSError as error:
            reason = error.strerror or str(error)
            raise UserError(
                f"{self.info.title} could not be unpacked ({reason}); {self._describe_manual(raw)}."
            ) from error

    def _read(self, raw: Path, names: tuple[str, ...], count: int) -> Split:
        """Read images and labels; images become upright, labels start at 0."""
        from torchvision.datasets.mnist import read_image_file, read_label_file

        try:
            images = read_image_file(str(raw / names[0]))
            labels = read_label_file(str(raw / names[1])) - self.first_label
        except READING_ERRORS as error:
            raise self._damaged(raw, names) from error
        classes = len(self.info.classes)
        if images.shape[1:] == (SIDE, SIDE) and len(images) == len(labels) != count:
            raise UserError(
                f"{names[0]} in {raw} holds {len(images):,} images, and {self.info.title} has "
                f"{count:,}: it is another dataset; move it away and download this one."
            )
        if images.shape != (count, SIDE, SIDE) or labels.shape != (count,):
            raise self._damaged(raw, names)
        if not bool(((labels >= 0) & (labels < classes)).all()):
            raise self._damaged(raw, names)
        return Split(images.transpose(1, 2).contiguous() if self.transposed else images, labels)

    def _damaged(self, raw: Path, names: tuple[str, ...]) -> UserError:
        return UserError(
            f"{' or '.join(names)} in {raw} is damaged; delete both and download them again."
        )

    def _describe_failure(self, raw: Path, reason: str) -> str:
        return (
            f"{self.info.title} could not be downloaded ({reason}); {self._describe_manual(raw)}."
        )

    def _describe_manual(self, raw: Path) -> str:
        """How to provide the files without a download."""
        forms = "plain or as .gz" + (f", or {self.bundle} with all of them" if self.bundle else "")
        return f"put {', '.join(self.files)} ({forms}) into {raw.resolve()}"


def split_off_validation(split: Split, size: int) -> tuple[Split, Split]:
    """Split into training and validation images, always in the same way.

    The seed of an experiment has no influence. Both parts keep the order of the file.

    Args:
        split: all images of the training files.
        size: number of validation images.
    """
    import numpy as np
    import torch

    # RandomState gives the same numbers in all versions of numpy (NEP 19); Generator does not.
    order = torch.from_numpy(np.random.RandomState(VALIDATION_SEED).permutation(len(split)))
    validation, train = order[:size].sort().values, order[size:].sort().values
    return _select(split, train), _select(split, validation)


def _select(split: Split, indices: Tensor) -> Split:
    return Split(split.images[indices], split.labels[indices])


def torchvision_source(torchvision_class: str) -> Remote:
    """Addresses and checksums of a dataset in torchvision."""
    import torchvision.datasets

    dataset = getattr(torchvision.datasets, torchvision_class)
    if "url" in vars(dataset):
        mirror, name = dataset.url.rsplit("/", 1)
        return Remote((mirror,), (RemoteFile(name, dataset.md5),))
    return Remote(tuple(dataset.mirrors), tuple(RemoteFile(*entry) for entry in dataset.resources))
