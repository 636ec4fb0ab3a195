"""Datasets that were imported from a visitor's own images.

An imported dataset is a folder ``<data folder>/imported/<name>``: pixels as raw bytes, one file a
split, which are mapped into memory; labels as ``.npy``; metadata as JSON. Its name is a digest of
the pixels, the labels and the class names, so that the hash of a stage depends on what it was
trained on. The title is the visitor's name for it and can change.

After :meth:`ImportedDatasets.delete` the metadata stay, so that experiments can still be shown.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tsexplorer.data.base import (
    Dataset,
    DatasetInfo,
    DownloadProgress,
    PixelStatistics,
    Split,
    Splits,
    array_shape,
)
from tsexplorer.errors import NotFoundError, UserError, shorten

if TYPE_CHECKING:
    from torch import Tensor

FOLDER = "imported"
PREFIX = "images-"
"""How the names of imported datasets begin."""
METADATA = "dataset.json"
VERSION = 1
PARTS: tuple[Literal["train", "validation", "test"], ...] = ("train", "validation", "test")
MAX_TITLE = 60


@dataclass(frozen=True)
class ImportedDataset(Dataset):
    """A dataset in a folder of its own.

    Attributes:
        info: metadata.
        path: its folder.
        statistics: mean and deviation of the training pixels / 255.
        created: time of the import, ISO 8601 in UTC.
        origin: what was imported, for display.
        deleted: whether the pixels were deleted.
    """

    info: DatasetInfo
    path: Path
    statistics: PixelStatistics
    created: str
    origin: str
    deleted: bool

    def is_available(self, folder: Path) -> bool:  # noqa: ARG002 - the path is known
        """Whether the files of all splits are there."""
        return not self.deleted and all(pixels_path(self.path, part).is_file() for part in PARTS)

    def load(self, folder: Path) -> Splits:
        """Map the images into memory.

        Raises:
            UserError: the images were deleted, or files are missing or damaged.
        """
        if not self.is_available(folder):
            raise UserError(self.describe_missing(folder))
        info = self.info
        try:
            transfer = self._read("train", info.train + info.unlabelled)
            validation = self._read("validation", info.validation)
            test = self._read("test", info.test)
        except (OSError, ValueError, EOFError) as error:
            raise UserError(self._damaged) from error
        train = Split(transfer.images[: info.train], transfer.labels[: info.train])
        return Splits(
            info,
            train,
            validation,
            test,
            self.statistics,
            transfer=transfer if info.unlabelled else None,
        )

    def describe_missing(self, folder: Path) -> str:  # noqa: ARG002
        """Whether the images were deleted, or files were lost."""
        if self.deleted:
            return (
                f"The images of “{self.info.title}” were deleted; import them again to train or "
                "evaluate on them."
            )
        return self._damaged

    @property
    def _damaged(self) -> str:
        return (
            f"Files of “{self.info.title}” in {self.path} are missing or damaged; delete the "
            "dataset and import the images again."
        )

    def download(
        self,
        folder: Path,
        *,
        progress: Callable[[DownloadProgress], None],  # noqa: ARG002
        cancelled: Callable[[], bool],  # noqa: ARG002
    ) -> None:
        """There is nothing to download.

        Raises:
            UserError: always.
        """
        raise UserError(self.describe_missing(folder))

    def _read(self, part: str, count: int) -> Split:
        import numpy as np
        import torch

        shape = (count, *array_shape(self.info.image_shape))
        images: Tensor
        if count:
            # Mode "c" maps the file; a change would stay in memory and not reach the file.
            mapped = np.memmap(pixels_path(self.path, part), np.uint8, mode="c", shape=shape)
            images = torch.from_numpy(mapped)
        else:
            images = torch.zeros(shape, dtype=torch.uint8)
        labels = np.load(labels_path(self.path, part), allow_pickle=False)
        if labels.shape != (count,):
            raise ValueError("labels and images differ in number")
        return Split(images, torch.from_numpy(labels.astype(np.int64)))


def pixels_path(path: Path, part: str) -> Path:
    """File with the pixels of a split: uint8, image after image."""
    return path / f"{part}.pixels"


def labels_path(path: Path, part: str) -> Path:
    """File with the labels of a split; -1 for an image without a label."""
    return path / f"{part}-labels.npy"


class ImportedDatasets:
    """The imported datasets of a data folder; all methods read the disk."""

    def __init__(self, data_folder: Path) -> None:
        self.folder = data_folder / FOLDER

    def all(self) -> tuple[ImportedDataset, ...]:
        """Datasets that are not deleted, by title."""
        # The folder of an unfinished import can have metadata, too.
        folders = [path for path in self.folder.glob(f"{PREFIX}*") if _is_name(path.name)]
        datasets = [read_metadata(path) for path in folders]
        present = [found for found in datasets if found is not None and not found.deleted]
        return tuple(sorted(present, key=lambda dataset: dataset.info.title.casefold()))

    def get(self, name: str) -> ImportedDataset | None:
        """A dataset, also a deleted one, by name; None if there is none."""
        return read_metadata(self.folder / name) if _is_name(name) else None

    def find(self, key: str) -> ImportedDataset:
        """A dataset by name or by title, in any case.

        Raises:
            NotFoundError: there is none.
        """
        for dataset in self.all():
            if key in (dataset.name, dataset.info.title):
                return dataset
        for dataset in self.all():
            if key.casefold() == dataset.info.title.casefold():
                return dataset
        raise NotFoundError(
            f"There is no imported dataset called {shorten(key)}; check the name, or import the "
            "images."
        )

    def check_title(self, title: str, but: str | None = None) -> str:
        """A title for a new dataset, without spaces around it.

        Args:
            title: as given.
            but: name of the dataset that may have this title.

        Raises:
            UserError: it is empty, too long or taken.
        """
        title = " ".join("".join(filter(str.isprintable, title)).split())
        if not title:
            raise UserError("Give the images a name, such as flowers.")
        if len(title) > MAX_TITLE:
            raise UserError(f"The name has {len(title)} characters; use at most {MAX_TITLE}.")
        taken = {dataset.info.title.casefold() for dataset in self.all() if dataset.name != but}
        if title.casefold() in taken | _built_in_names() or _is_name(title.casefold()):
            raise UserError(f"There are images called “{title}” already; use another name.")
        return title

    def rename(self, name: str, title: str) -> ImportedDataset:
        """Give a dataset another title.

        Raises:
            NotFoundError: there is no such dataset.
            UserError: the title is empty, too long or taken, or the disk is full.
        """
        dataset = self.find(name)
        title = self.check_title(title, but=dataset.name)
        renamed = replace(dataset, info=replace(dataset.info, title=title))
        write_metadata(renamed)
        return renamed

    def delete(self, name: str) -> None:
        """Delete the pixels of a dataset; the metadata stay.

        Raises:
            NotFoundError: there is no such dataset.
        """
        dataset = self.find(name)
        write_metadata(replace(dataset, deleted=True))
        for part in PARTS:
            pixels_path(dataset.path, part).unlink(missing_ok=True)
            labels_path(dataset.path, part).unlink(missing_ok=True)

    def remove_unfinished(self) -> None:
        """Remove what imports left behind whose process has ended."""
        for path in self.folder.glob(".import-*"):
            match = re.fullmatch(r"\.import-(\d+)-.*", path.name)
            if match and not is_running(int(match[1])):
                shutil.rmtree(path, ignore_errors=True)


def _is_name(text: str) -> bool:
    return re.fullmatch(rf"{PREFIX}[0-9a-f]{{12}}", text) is not None


def _built_in_names() -> set[str]:
    """Names and titles of the datasets that come with the app, in lower case."""
    from tsexplorer.data.registry import load_datasets  # it imports this module

    return {
        text.casefold()
        for dataset in load_datasets().values()
        for text in (dataset.name, dataset.info.title)
    }


def is_running(process_id: int) -> bool:
    """Whether a process of this machine is running."""
    try:
        os.kill(process_id, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def write_metadata(dataset: ImportedDataset) -> None:
    """Write the metadata of a dataset; the file is replaced at once or not at all.

    Raises:
        UserError: the file cannot be written.
    """
    info = dataset.info
    content = {
        "version": VERSION,
        "name": info.name,
        "title": info.title,
        "classes": info.classes,
        "image_shape": info.image_shape,
        "train": info.train,
        "validation": info.validation,
        "test": info.test,
        "fit": info.fit,
        "unlabelled": info.unlabelled,
        "train_counts": info.train_counts,
        "note": info.note,
        "mean": dataset.statistics.mean,
        "deviation": dataset.statistics.deviation,
        "created": dataset.created,
        "origin": dataset.origin,
        "deleted": dataset.deleted,
    }
    target = dataset.path / METADATA
    partial = target.with_suffix(".partial")
    try:
        partial.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
        partial.replace(target)
    except OSError as error:
        raise UserError(
            f"{target} cannot be written ({error.strerror}); free some space on the disk and try "
            "again."
        ) from error


def read_metadata(path: Path) -> ImportedDataset | None:
    """The dataset in a folder; None if its metadata are missing or damaged."""
    try:
        content = json.loads((path / METADATA).read_text(encoding="utf-8"))
        return _parse_metadata(content, path)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _parse_metadata(content: dict[str, Any], path: Path) -> ImportedDataset | None:
    if content["version"] != VERSION:
        return None
    channels, height, width = (int(value) for value in content["image_shape"])
    info = DatasetInfo(
        name=str(content["name"]),
        title=str(content["title"]),
        classes=tuple(map(str, content["classes"])),
        train=int(content["train"]),
        validation=int(content["validation"]),
        test=int(content["test"]),
        source=f"imported from {content['origin']}",
        image_shape=(channels, height, width),
        mapped=True,
        fit=content["fit"],
        unlabelled=int(content["unlabelled"]),
        train_counts=tuple(map(int, content["train_counts"])),
        note=str(content["note"]),
    )
    return ImportedDataset(
        info=info,
        path=path,
        statistics=PixelStatistics(
            tuple(map(float, content["mean"])), tuple(map(float, content["deviation"]))
        ),
        created=str(content["created"]),
        origin=str(content["origin"]),
        deleted=bool(content["deleted"]),
    )
