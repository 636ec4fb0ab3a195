"""Small datasets in the formats of CIFAR, SVHN and USPS, for the tests."""

from __future__ import annotations

import bz2
import hashlib
import io
import pickle
import struct
import tarfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.io import savemat

from tsexplorer.data.base import array_shape
from tsexplorer.data.download import Remote, RemoteFile
from tsexplorer.data.registry import get_dataset
from tsexplorer.data.torchvision_archives import ArchiveDataset, ArchiveSource

LEARNING, VALIDATION, TEST = 40, 10, 20
"""Numbers of images: in the training files, of these for validation, and in the test file."""
NO_SERVER = "http://127.0.0.1:9"


class Python2Pickler(pickle._Pickler):
    """Writes texts and bytes as Python 2 does; CIFAR's files are from there."""

    dispatch = pickle._Pickler.dispatch.copy()

    def save_bytes(self, content: bytes) -> None:
        self.write(pickle.BINSTRING + struct.pack("<i", len(content)) + content)

    def save_text(self, text: str) -> None:
        self.save_bytes(text.encode())

    def save_flag(self, flag: bool) -> None:
        self.save(int(flag))

    dispatch[bytes], dispatch[str], dispatch[bool] = save_bytes, save_text, save_flag


def python2_pickle(content: object) -> bytes:
    """The pickle that Python 2 and the NumPy of its time write."""
    file = io.BytesIO()
    Python2Pickler(file, protocol=2).dump(content)
    return file.getvalue().replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")


def cifar_bytes(images: NDArray[np.uint8], labels: NDArray[np.int64], key: str) -> bytes:
    rows = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    names = [f"{number}.png" for number in range(len(images))]
    return python2_pickle({"data": rows, key: labels.tolist(), "filenames": names})


def svhn_bytes(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> bytes:
    file = io.BytesIO()
    digits = np.where(labels == 0, 10, labels).astype(np.uint8)
    content = {"X": images.transpose(1, 2, 3, 0), "y": digits[:, None]}
    savemat(file, content, do_compression=True)
    return file.getvalue()


def usps_bytes(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> bytes:
    lines = []
    for image, label in zip(images.reshape(len(images), -1), labels, strict=True):
        pixels = (f"{number}:{level / 127.5 - 1:.6g}" for number, level in enumerate(image, 1))
        lines.append(f"{label + 1} {' '.join(pixels)} \n")
    return bz2.compress("".join(lines).encode())


@dataclass
class SmallArchive:
    """A dataset of few images in the format of its authors.

    Attributes:
        dataset: the dataset, with the numbers of images of the small files.
        images: 40 training images, and after them 20 test images.
        labels: their labels from 0.
        files: content of each unpacked file by name.
    """

    dataset: ArchiveDataset
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    files: dict[str, bytes]

    def downloads(self) -> dict[str, bytes]:
        """Content of the files on a mirror; an archive also has a file that is not needed."""
        if self.dataset.archive is None:
            return self.files
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w:gz") as archive:
            folder = self.dataset.test_files[0].split("/")[0]
            for name, content in {f"{folder}/readme.html": b"<html>", **self.files}.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        return {self.dataset.archive: file.getvalue()}

    def write(self, folder: Path, contents: dict[str, bytes] | None = None) -> Path:
        """Write the unpacked files, or other files, into a folder."""
        for name, content in (self.files if contents is None else contents).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        return folder

    def at(self, address: str = NO_SERVER) -> ArchiveDataset:
        """The dataset with the checksums of the small files, and a mirror."""
        downloads = tuple(RemoteFile(name, md5(data)) for name, data in self.downloads().items())
        files = {name: md5(data) for name, data in self.files.items()}
        source = ArchiveSource(Remote((address,), downloads), files)
        return replace(self.dataset, source=source)

    def with_file(self, name: str, content: bytes) -> ArchiveDataset:
        """The dataset with another content of a file, whose checksum is taken as right."""
        self.files[name] = content
        return self.at()


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def make_small_archive(name: str) -> SmallArchive:
    dataset = get_dataset(name)
    assert isinstance(dataset, ArchiveDataset)
    info = replace(dataset.info, train=LEARNING - VALIDATION, validation=VALIDATION, test=TEST)
    images = np.random.default_rng(3).integers(
        0, 256, (LEARNING + TEST, *array_shape(info.image_shape)), dtype=np.uint8
    )
    images[0, 0, 0], images[0, 1, 1] = 0, 255
    labels = np.arange(LEARNING + TEST) % len(info.classes)
    to_bytes: Any = {
        "cifar-10": lambda *arrays: cifar_bytes(*arrays, "labels"),
        "cifar-100": lambda *arrays: cifar_bytes(*arrays, "fine_labels"),
        "svhn": svhn_bytes,
        "usps": usps_bytes,
    }[name]
    size = LEARNING // len(dataset.train_files)
    starts = {file: number * size for number, file in enumerate(dataset.train_files)}
    files = {
        file: to_bytes(images[start : start + size], labels[start : start + size])
        for file, start in starts.items()
    }
    files[dataset.test_files[0]] = to_bytes(images[LEARNING:], labels[LEARNING:])
    return SmallArchive(replace(dataset, info=info), images, labels, files)
