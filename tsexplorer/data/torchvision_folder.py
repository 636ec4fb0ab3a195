"""Base class of the datasets in torchvision's folders: find, download, unpack, read and split.

Files that are already there are used without a download. The addresses and checksums come from
torchvision. Its dataset classes are not used: they unpickle files freely, and the classes for IDX
files prefer pickles that an old version left in ``processed/``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tsexplorer.data.base import Dataset, DownloadProgress, Split, Splits
from tsexplorer.data.download import Remote, RemoteFile, TransferError, fetch, has_md5
from tsexplorer.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

VALIDATION_SEED = 2015


class TorchvisionDataset(Dataset):
    """A dataset in torchvision's folder; training and validation images share the training files.

    A subclass says which files there are, how to unpack them and how to read them.
    """

    @abstractmethod
    def raw(self, folder: Path) -> Path:
        """Folder of the downloaded files; it is the data folder or inside it."""

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
        self._unpack(raw, self._all_files(), cancelled=lambda: False)
        learning, test = self._read_files(raw)
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
        if self._are_complete(raw, self._all_files()):
            return
        remote = self._remote()
        for number, file in enumerate(remote.files, start=1):

            def report(
                done: int, total: int | None, name: str = file.name, number: int = number
            ) -> None:
                progress(DownloadProgress(name, done, total, number, len(remote.files)))

            self._download_file(raw, file, remote.mirrors, report, cancelled)

    @abstractmethod
    def _remote(self) -> Remote:
        """Where to download."""

    @abstractmethod
    def _all_files(self) -> tuple[str, ...]:
        """Names of the unpacked files, relative to :meth:`raw`."""

    @abstractmethod
    def _files_in(self, download: str) -> tuple[str, ...]:
        """Names of the unpacked files that come from a downloaded file."""

    @abstractmethod
    def _unpack_files(
        self, raw: Path, names: tuple[str, ...], cancelled: Callable[[], bool]
    ) -> None:
        """Unpack those of the files of which there is only a packed form.

        Raises:
            UserError: the packed file is damaged.
            Cancelled: ``cancelled`` was true; no partial file is left.
            OSError: an unpacked file could not be written.
        """

    @abstractmethod
    def _read_files(self, raw: Path) -> tuple[Split, Split]:
        """Images and labels of the training files and of the test files.

        Raises:
            UserError: a file is damaged.
        """

    @abstractmethod
    def _describe_manual(self, raw: Path) -> str:
        """How to provide the files without a download; a clause that starts with "put"."""

    def _are_complete(self, raw: Path, names: tuple[str, ...]) -> bool:
        """Whether unpacked files are there, so that they need no download."""
        return all((raw / name).is_file() for name in names)

    def _download_file(
        self,
        raw: Path,
        file: RemoteFile,
        mirrors: tuple[str, ...],
        report: Callable[[int, int | None], None],
        cancelled: Callable[[], bool],
    ) -> None:
        """Download one file and unpack it; a downloaded packed file is removed afterwards."""
        unpacked = self._files_in(file.name)
        target = raw / file.name
        try:
            if self._are_complete(raw, unpacked):
                return
            raw.mkdir(parents=True, exist_ok=True)
            fetched = not has_md5(target, file.md5)
            if fetched:
                fetch(file, mirrors, target, report, cancelled)
        except TransferError as error:
            raise UserError(self._describe_failure(raw, str(error))) from error
        except OSError as error:
            raise UserError(self._describe_failure(raw, error.strerror or str(error))) from error
        self._unpack(raw, unpacked, cancelled)
        if fetched and file.name not in unpacked:
            target.unlink(missing_ok=True)

    def _unpack(self, raw: Path, names: tuple[str, ...], cancelled: Callable[[], bool]) -> None:
        try:
            self._unpack_files(raw, names, cancelled)
        except OSError as error:
            reason = error.strerror or str(error)
            raise UserError(
                f"{self.info.title} could not be unpacked ({reason}); {self._describe_manual(raw)}."
            ) from error

    def _describe_failure(self, raw: Path, reason: str) -> str:
        return (
            f"{self.info.title} could not be downloaded ({reason}); {self._describe_manual(raw)}."
        )


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
