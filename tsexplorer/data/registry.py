"""Datasets by name, and their images, which stay in memory for the next stage.

Each module in ``tsexplorer/data/sets`` that defines ``DATASET`` is registered under the dataset's
name. Two datasets of the same name are an error at the first use of the registry.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

from cachetools import LRUCache, cached

from tsexplorer.data.base import Dataset, DatasetInfo, DownloadProgress, Split, Splits
from tsexplorer.data.imported import ImportedDataset, ImportedDatasets
from tsexplorer.errors import NotFoundError, shorten
from tsexplorer.plugins import discover

__all__ = [
    "Dataset",
    "DatasetInfo",
    "DownloadProgress",
    "Split",
    "Splits",
    "add_data_folder",
    "cached_reader",
    "dataset_names",
    "find_dataset",
    "get_dataset",
    "load_datasets",
    "load_splits",
    "remove_data_folder",
]

SETS = "tsexplorer.data.sets"
"""Package with the modules of the datasets."""
DATASETS_IN_MEMORY = 2
"""Number of datasets that stay in memory; MNIST takes 55 MB."""


def cached_reader(size: int) -> Callable[[Dataset, Path], Splits]:
    """Make a function that reads a dataset from a folder and keeps the ``size`` last used ones.

    Threads that need the same dataset at the same time share one reading. Different datasets are
    read at the same time. After a failure the next call reads again.
    """

    @cached(LRUCache(size), key=_cache_key, condition=threading.Condition())
    def read(dataset: Dataset, folder: Path) -> Splits:
        return dataset.load(folder)

    return read


def _cache_key(dataset: Dataset, folder: Path) -> tuple[str, Path]:
    return dataset.name, folder.resolve()


_read_cached = cached_reader(DATASETS_IN_MEMORY)


@cache
def load_datasets() -> dict[str, Dataset]:
    """All datasets by name."""
    # discover() only needs the class for isinstance, so an abstract class is fine.
    return discover(SETS, "DATASET", Dataset)  # type: ignore[type-abstract]


_data_folders: list[Path] = []


def add_data_folder(folder: Path) -> None:
    """Make the imported datasets of a data folder known to this process.

    Their names are digests of their content, so datasets of several folders cannot be confused.
    """
    folder = folder.resolve()
    if folder not in _data_folders:
        _data_folders.append(folder)


def remove_data_folder(folder: Path) -> None:
    """Undo :func:`add_data_folder`."""
    folder = folder.resolve()
    if folder in _data_folders:
        _data_folders.remove(folder)


def dataset_names() -> tuple[str, ...]:
    """Names of all datasets, smallest download first, then the imported ones by title."""
    datasets = sorted(
        load_datasets().values(),
        key=lambda dataset: (dataset.info.download_megabytes or 0, dataset.name),
    )
    imported = [dataset for folder in _data_folders for dataset in ImportedDatasets(folder).all()]
    return tuple(dict.fromkeys(dataset.name for dataset in [*datasets, *imported]))


def get_dataset(name: str) -> Dataset:
    """The dataset called ``name``.

    Raises:
        NotFoundError: there is no such dataset.
    """
    dataset = load_datasets().get(name) or _imported(name)
    if dataset is None:
        raise NotFoundError(
            f"There is no dataset called {shorten(name)}; choose one of "
            f"{', '.join(dataset_names())}."
        )
    return dataset


def find_dataset(key: str) -> Dataset:
    """A dataset by its name, or an imported one by its title.

    Raises:
        NotFoundError: there is none.
    """
    for folder in _data_folders:
        with suppress(NotFoundError):
            return ImportedDatasets(folder).find(key)
    return get_dataset(key)


def _imported(name: str) -> ImportedDataset | None:
    """An imported dataset, also a deleted one; one that is there takes precedence."""
    datasets = [
        dataset
        for folder in _data_folders
        if (dataset := ImportedDatasets(folder).get(name)) is not None
    ]
    return min(datasets, key=lambda dataset: dataset.deleted, default=None)


def load_splits(name: str, folder: Path) -> Splits:
    """Read a dataset into memory; the stages of a process share the result.

    Args:
        name: name of a dataset.
        folder: the data folder.

    Raises:
        NotFoundError: there is no such dataset.
        UserError: files are missing or damaged; the text gives their names and folder.
    """
    imported = ImportedDatasets(folder).get(name)
    if imported is not None and not imported.is_available(folder):
        return imported.load(folder)  # raises, also where the images are still in memory
    return _read_cached(imported or get_dataset(name), folder)
