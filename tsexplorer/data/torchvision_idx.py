"""Datasets in torchvision's own folders: files that are already there need no network.

``<data folder>/<class>/raw`` holds four IDX files, plain or gzipped, or a zip with all of them.
torchvision says where they come from and reads them. Its reading functions are used rather than
its classes: a class prefers pickles in ``processed/`` where an old version left some.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tsexplorer.data.base import SIDE, Dataset, DatasetInfo, DownloadProgress, Split, Splits
from tsexplorer.data.download import Remote, RemoteFile, TransferError, fetch, find, has_md5, unpack
from tsexplorer.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

VALIDATION_SEED = 2015
UNREADABLE = (AssertionError, OSError, RuntimeError, TypeError, ValueError, KeyError)


@dataclass(frozen=True)
class IdxDataset(Dataset):
    """Images and labels in four IDX files.

    Attributes:
        info: train and validation add up to the images of the training files.
        torchvision_class: class in ``torchvision.datasets``; also the folder's name.
        files: plain names of training images, training labels, test images, test labels.
        bundle: zip file that holds ``gzip/<file>.gz`` for each of them, if there is one.
        first_label: what the first class is called in the files.
        transposed: whether rows and columns are swapped in the files.
        remote: where to fetch from; None asks torchvision.
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
        """Where the files lie below the data folder."""
        return folder / self.torchvision_class / "raw"

    def available(self, folder: Path) -> bool:
        """Whether each file is there, plain or packed."""
        return all(find(self.raw(folder), name, self.bundle) for name in self.files)

    def load(self, folder: Path) -> Splits:
        """Read the files and carve the validation split off the training images.

        Raises:
            UserError: a file is missing, damaged or cannot be unpacked.
        """
        raw = self.raw(folder)
        if not self.available(folder):
            raise UserError(
                f"{self.info.title} is not there; download it, or {self._by_hand(raw)}."
            )
        self._unpack(raw, cancelled=lambda: False)
        learning = self._read(raw, self.files[:2], self.info.train + self.info.validation)
        test = self._read(raw, self.files[2:], self.info.test)
        train, validation = carved(learning, self.info.validation)
        return Splits.measured(self.info, train, validation, test)

    def download(
        self,
        folder: Path,
        *,
        progress: Callable[[DownloadProgress], None],
        cancelled: Callable[[], bool],
    ) -> None:
        """Fetch and unpack what is missing; see :meth:`Dataset.download`."""
        raw = self.raw(folder)
        if all((raw / name).is_file() for name in self.files):
            return
        remote = self.remote or published(self.torchvision_class)
        for number, file in enumerate(remote.files, start=1):

            def report(
                done: int, total: int | None, name: str = file.name, number: int = number
            ) -> None:
                progress(DownloadProgress(name, done, total, number, len(remote.files)))

            self._obtain(raw, file, remote.mirrors, report, cancelled)

    def _obtain(
        self,
        raw: Path,
        file: RemoteFile,
        mirrors: tuple[str, ...],
        report: Callable[[int, int | None], None],
        cancelled: Callable[[], bool],
    ) -> None:
        """One remote file and the plain files in it; what was fetched does not stay packed."""
        plain = self.files if file.name == self.bundle else (file.name.removesuffix(".gz"),)
        if all((raw / name).is_file() for name in plain):
            return
        packed = raw / file.name
        try:
            raw.mkdir(parents=True, exist_ok=True)
            fetched = not has_md5(packed, file.md5)
            if fetched:
                fetch(file, mirrors, packed, report, cancelled)
        except TransferError as error:
            raise UserError(self._failed(raw, str(error))) from error
        except OSError as error:
            raise UserError(self._failed(raw, error.strerror or str(error))) from error
        self._unpack(raw, cancelled, plain)
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
                f"{self.info.title} could not be unpacked ({reason}); {self._by_hand(raw)}."
            ) from error

    def _read(self, raw: Path, names: tuple[str, ...], count: int) -> Split:
        """Images and labels of two files, upright and counted from 0."""
        from torchvision.datasets.mnist import read_image_file, read_label_file

        try:
            images = read_image_file(str(raw / names[0]))
            labels = read_label_file(str(raw / names[1])) - self.first_label
        except UNREADABLE as error:
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

    def _failed(self, raw: Path, reason: str) -> str:
        return f"{self.info.title} could not be downloaded ({reason}); {self._by_hand(raw)}."

    def _by_hand(self, raw: Path) -> str:
        forms = "plain or as .gz" + (f", or {self.bundle} with all of them" if self.bundle else "")
        return f"put {', '.join(self.files)} ({forms}) into {raw.resolve()}"


def carved(split: Split, validation: int) -> tuple[Split, Split]:
    """Training and validation images, the same ones for ever and whatever an experiment's seed.

    Both keep the order of the file.
    """
    import numpy as np
    import torch

    # RandomState's stream is frozen (NEP 19); newer generators may change between releases.
    order = torch.from_numpy(np.random.RandomState(VALIDATION_SEED).permutation(len(split)))
    held, kept = order[:validation].sort().values, order[validation:].sort().values
    return _part(split, kept), _part(split, held)


def _part(split: Split, index: Tensor) -> Split:
    return Split(split.images[index], split.labels[index])


def published(torchvision_class: str) -> Remote:
    """Where torchvision fetches a dataset, and the checksums it demands."""
    import torchvision.datasets

    kind = getattr(torchvision.datasets, torchvision_class)
    if "url" in vars(kind):
        mirror, name = kind.url.rsplit("/", 1)
        return Remote((mirror,), (RemoteFile(name, kind.md5),))
    return Remote(tuple(kind.mirrors), tuple(RemoteFile(*entry) for entry in kind.resources))
