"""Datasets in four IDX files, plain or gzipped, or in one zip file with all of them.

They are in ``<data folder>/<class>/raw``, torchvision's folder. The functions that read IDX files
come from torchvision, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tsexplorer.data.base import DatasetInfo, Split, array_shape
from tsexplorer.data.download import Remote, RemoteFile, find_file, unpack
from tsexplorer.data.torchvision_folder import TorchvisionDataset
from tsexplorer.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

READING_ERRORS = (AssertionError, OSError, RuntimeError, TypeError, ValueError, KeyError)


@dataclass(frozen=True)
class IdxDataset(TorchvisionDataset):
    """A dataset whose images and labels are in four IDX files.

    Attributes:
        info: metadata; training and validation images are those of the training files.
        torchvision_class: class in ``torchvision.datasets``, and name of the folder.
        files: names of training images, training labels, test images and test labels, unpacked.
        bundle: zip file that contains ``gzip/<file>.gz`` for each of them, if there is one.
        first_label: label of the first class in the files.
        label_columns: number of integers that the label files have for each image; the first is
            its class. None: they have one byte for each image.
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
    label_columns: int | None = None
    transposed: bool = False
    remote: Remote | None = None

    def raw(self, folder: Path) -> Path:
        """Folder of the files, inside the data folder."""
        return folder / self.torchvision_class / "raw"

    def is_available(self, folder: Path) -> bool:
        """Whether all files are there, plain or packed."""
        return all(find_file(self.raw(folder), name, self.bundle) for name in self.files)

    def _remote(self) -> Remote:
        return self.remote or torchvision_source(self.torchvision_class)

    def _all_files(self) -> tuple[str, ...]:
        return self.files

    def _files_in(self, download: str) -> tuple[str, ...]:
        return self.files if download == self.bundle else (download.removesuffix(".gz"),)

    def _unpack_files(
        self, raw: Path, names: tuple[str, ...], cancelled: Callable[[], bool]
    ) -> None:
        for name in names:
            unpack(raw, name, self.bundle, cancelled)

    def _read_files(self, raw: Path) -> tuple[Split, Split]:
        learning = self._read(raw, self.files[:2], self.info.train + self.info.validation)
        return learning, self._read(raw, self.files[2:], self.info.test)

    def _read(self, raw: Path, names: tuple[str, ...], count: int) -> Split:
        """Read images and labels; images become upright, labels start at 0."""
        from torchvision.datasets.mnist import read_image_file

        try:
            images = read_image_file(str(raw / names[0]))
            labels = self._read_labels(raw / names[1]) - self.first_label
        except READING_ERRORS as error:
            raise self._damaged(raw, names) from error
        classes, shape = len(self.info.classes), array_shape(self.info.image_shape)
        if images.shape[1:] == shape and len(images) == len(labels) != count:
            raise UserError(
                f"{names[0]} in {raw} holds {len(images):,} images, and {self.info.title} has "
                f"{count:,}: it is another dataset; move it away and download this one."
            )
        if images.shape != (count, *shape) or labels.shape != (count,):
            raise self._damaged(raw, names)
        if not bool(((labels >= 0) & (labels < classes)).all()):
            raise self._damaged(raw, names)
        return Split(images.transpose(1, 2).contiguous() if self.transposed else images, labels)

    def _read_labels(self, path: Path) -> Tensor:
        """Class of each image, int64 N, as it is in the file.

        Raises:
            ValueError: the file has another number of columns; other errors if it is damaged.
        """
        from torchvision.datasets.mnist import read_label_file, read_sn3_pascalvincent_tensor

        if self.label_columns is None:
            labels: Tensor = read_label_file(str(path))
            return labels
        table: Tensor = read_sn3_pascalvincent_tensor(str(path))
        if table.dim() != 2 or table.shape[1] != self.label_columns or table.is_floating_point():
            raise ValueError(f"{path.name} does not have {self.label_columns} columns of integers")
        return table[:, 0].long()

    def _damaged(self, raw: Path, names: tuple[str, ...]) -> UserError:
        return UserError(
            f"{' or '.join(names)} in {raw} is damaged; delete both and download them again."
        )

    def _describe_manual(self, raw: Path) -> str:
        forms = "plain or as .gz" + (f", or {self.bundle} with all of them" if self.bundle else "")
        return f"put {', '.join(self.files)} ({forms}) into {raw.resolve()}"


def torchvision_source(torchvision_class: str) -> Remote:
    """Addresses and checksums of a dataset of IDX files in torchvision."""
    import torchvision.datasets

    dataset = getattr(torchvision.datasets, torchvision_class)
    if "url" in vars(dataset):
        return Remote.from_addresses((dataset.url, dataset.md5))
    if isinstance(dataset.resources, dict):
        return Remote.from_addresses(*dataset.resources["train"], *dataset.resources["test"])
    return Remote(tuple(dataset.mirrors), tuple(RemoteFile(*entry) for entry in dataset.resources))
