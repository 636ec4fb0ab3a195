"""CIFAR, SVHN and USPS in torchvision's folders: each file is read in the format of its authors.

A file is read only if it has the checksum that torchvision lists. CIFAR's files are pickles; they
are read by :class:`ArrayUnpickler`, which runs no code of the file.
"""

from __future__ import annotations

import bz2
import pickle
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from tsexplorer.data.base import DatasetInfo, Split, array_shape
from tsexplorer.data.download import Remote, damaged_file, has_md5, unpack_tar
from tsexplorer.data.torchvision_folder import TorchvisionDataset
from tsexplorer.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

READING_ERRORS = (
    *(OSError, EOFError, RuntimeError, TypeError, ValueError, LookupError, AttributeError),
    *(MemoryError, OverflowError, pickle.UnpicklingError, zlib.error),
)


class Arrays(NamedTuple):
    """The content of a file.

    Attributes:
        images: uint8 N×H×W or N×H×W×3.
        labels: int64 N, from 0.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class ArchiveSource:
    """Where a dataset comes from, and how its files are recognised.

    Attributes:
        remote: where to download.
        md5: MD5 checksum of each unpacked file, by its name in :class:`ArchiveDataset`.
    """

    remote: Remote
    md5: dict[str, str]


@dataclass(frozen=True)
class ArchiveDataset(TorchvisionDataset):
    """A dataset whose files each have images and their labels.

    Attributes:
        info: metadata; training and validation images are those of the training files.
        torchvision_class: class in ``torchvision.datasets``.
        train_files: names of the training files, unpacked and relative to the data folder.
        test_files: names of the test files.
        read: reads a file.
        archive: ``.tar.gz`` file that contains all of them; None: they are downloaded as they are.
        source: where to download, and checksums; None for those of torchvision.
    """

    info: DatasetInfo
    torchvision_class: str
    train_files: tuple[str, ...]
    test_files: tuple[str, ...]
    read: Callable[[Path], Arrays]
    archive: str | None = None
    source: ArchiveSource | None = None

    def raw(self, folder: Path) -> Path:
        """Folder of the files: the data folder itself, as in torchvision."""
        return folder

    def is_available(self, folder: Path) -> bool:
        """Whether all files are there, or the archive that contains them."""
        if self.archive is not None and (folder / self.archive).is_file():
            return True
        return all((folder / name).is_file() for name in self._all_files())

    def _source(self) -> ArchiveSource:
        return self.source or torchvision_archive(self.torchvision_class)

    def _remote(self) -> Remote:
        return self._source().remote

    def _all_files(self) -> tuple[str, ...]:
        return self.train_files + self.test_files

    def _files_in(self, download: str) -> tuple[str, ...]:
        return self._all_files() if download == self.archive else (download,)

    def _are_complete(self, raw: Path, names: tuple[str, ...]) -> bool:
        """Whether the files are there and have the right checksum."""
        md5 = self._source().md5
        try:
            return all(has_md5(raw / name, md5[name]) for name in names)
        except OSError:
            return False

    def _unpack_files(
        self, raw: Path, names: tuple[str, ...], cancelled: Callable[[], bool]
    ) -> None:
        if self.archive is None or not (raw / self.archive).is_file():
            return
        missing = tuple(name for name in names if not self._are_complete(raw, (name,)))
        if not missing:
            return
        if not has_md5(raw / self.archive, self._remote().files[0].md5):
            raise damaged_file(raw / self.archive)
        unpack_tar(raw / self.archive, missing, raw, cancelled)

    def _read_files(self, raw: Path) -> tuple[Split, Split]:
        learning = self._read_all(raw, self.train_files, self.info.train + self.info.validation)
        return learning, self._read_all(raw, self.test_files, self.info.test)

    def _read_all(self, raw: Path, names: tuple[str, ...], count: int) -> Split:
        """Read files one after the other into one split of ``count`` images."""
        import numpy as np
        import torch

        parts = [self._read_file(raw, name) for name in names]
        images = np.concatenate([part.images for part in parts])
        labels = np.concatenate([part.labels for part in parts])
        if len(images) != count:
            raise UserError(
                f"{self.info.title} has {count:,} images in {', '.join(names)}, but those in "
                f"{raw} have {len(images):,}; delete them and download them again."
            )
        return Split(torch.from_numpy(images), torch.from_numpy(labels))

    def _read_file(self, raw: Path, name: str) -> Arrays:
        path, classes = raw / name, len(self.info.classes)
        try:
            intact = has_md5(path, self._source().md5[name])
            content = self.read(path) if intact else None
        except READING_ERRORS as error:
            raise damaged_file(path) from error
        if (
            content is None
            or content.images.dtype != "uint8"
            or content.images.shape[1:] != array_shape(self.info.image_shape)
            or content.labels.shape != content.images.shape[:1]
            or not ((content.labels >= 0) & (content.labels < classes)).all()
        ):
            raise damaged_file(path)
        return content

    def _describe_manual(self, raw: Path) -> str:
        files = ", ".join(self._all_files())
        if self.archive is not None:
            files = f"{self.archive}, or its files {files},"
        return f"put {files} into {raw.resolve()}"


def torchvision_archive(torchvision_class: str) -> ArchiveSource:
    """Addresses and checksums of CIFAR10, CIFAR100, SVHN or USPS in torchvision."""
    import torchvision.datasets

    dataset = getattr(torchvision.datasets, torchvision_class)
    if hasattr(dataset, "split_list"):
        entries = [dataset.split_list[split] for split in ("train", "test")]
        remote = Remote.from_addresses(*((address, md5) for address, _, md5 in entries))
        return ArchiveSource(remote, {name: md5 for _, name, md5 in entries})
    md5 = {
        f"{dataset.base_folder}/{name}": md5 for name, md5 in dataset.train_list + dataset.test_list
    }
    return ArchiveSource(Remote.from_addresses((dataset.url, dataset.tgz_md5)), md5)


class ArrayUnpickler(pickle.Unpickler):
    """Reads a pickle of byte arrays, texts, numbers and lists that Python 2 wrote.

    A pickle can name any function of any module, and an ordinary unpickler calls it. This one
    knows only the three names of a NumPy array. For two of them it has functions of its own.
    """

    def __init__(self, file: IO[bytes], path: Path) -> None:
        super().__init__(file, encoding="latin1")
        self.path = path

    def find_class(self, module: str, name: str) -> Any:
        """What the file names.

        Raises:
            UserError: it is not a part of a NumPy array.
        """
        import numpy as np

        parts = {
            ("numpy.core.multiarray", "_reconstruct"): _empty_array,
            ("numpy", "ndarray"): np.ndarray,
            ("numpy", "dtype"): _byte_type,
        }
        if (module, name) not in parts:
            raise UserError(
                f"{self.path} was not read, since it asks to run {module}.{name} and may be "
                "harmful; delete it and download it again."
            )
        return parts[module, name]


def _empty_array(kind: type, shape: tuple[int, ...], code: str) -> NDArray[np.uint8]:  # noqa: ARG001
    """An array that the pickle then gives its shape and content."""
    import numpy as np

    return np.empty(0, np.uint8)


def _byte_type(code: str, align: int, copy: int) -> np.dtype[np.uint8]:  # noqa: ARG001
    """Data type of an array of bytes.

    Raises:
        ValueError: ``code`` is another data type.
    """
    import numpy as np

    if code != "u1":
        raise ValueError(f"the array has the data type {code}, not bytes")
    return np.dtype(np.uint8, copy=True)


def read_cifar(path: Path) -> Arrays:
    """Read a file of CIFAR-10 or CIFAR-100: rows of 1024 red, 1024 green and 1024 blue pixels.

    Raises:
        UserError: it asks to run code.
    """
    import numpy as np

    with path.open("rb") as file:
        content = ArrayUnpickler(file, path).load()
    labels = content["labels"] if "labels" in content else content["fine_labels"]
    planes = content["data"].reshape(-1, 3, 32, 32)
    return Arrays(np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), np.array(labels, np.int64))


def read_svhn(path: Path) -> Arrays:
    """Read a MATLAB file of SVHN: images H×W×3×N, and labels 1...10, where 10 is the digit 0.

    Raises:
        ValueError: it is not a MATLAB file.
    """
    import numpy as np
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        content = loadmat(path, variable_names=("X", "y"))
    except MatReadError as error:
        raise ValueError(str(error)) from error
    labels = content["y"].reshape(-1).astype(np.int64)
    images = np.ascontiguousarray(content["X"].transpose(3, 0, 1, 2))
    return Arrays(images, np.where(labels == 10, 0, labels))


def read_usps(path: Path) -> Arrays:
    """Read a file of USPS: lines of a label 1...10 and 256 entries ``number:pixel``.

    Pixels -1...1 become 0...255, rounded down as in torchvision.
    """
    import numpy as np

    with bz2.open(path) as file:
        words = file.read().replace(b":", b" ").split()
    table = np.array(words, np.float32).reshape(-1, 1 + 2 * 256)
    pixels = (table[:, 2::2] + 1) / 2 * 255
    if not ((pixels >= 0) & (pixels <= 255)).all():
        raise ValueError("a pixel is outside -1...1")
    return Arrays(pixels.astype(np.uint8).reshape(-1, 16, 16), table[:, 0].astype(np.int64) - 1)
