"""Datasets by name, and their images, which stay in memory for the next stage.

Each module in ``tsexplorer/data/sets`` that defines ``DATASET`` is registered under the dataset's
name. Two datasets of the same name are an error at the first use of the registry.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path

from cachetools import LRUCache, cached

from tsexplorer.data.base import Dataset, DatasetInfo, DownloadProgress, Split, Splits
from tsexplorer.errors import NotFoundError
from tsexplorer.plugins import discover

__all__ = [
    "Dataset",
    "DatasetInfo",
    "DownloadProgress",
    "Split",
    "Splits",
    "cached_reader",
    "dataset_names",
    "get_dataset",
    "load_datasets",
    "load_splits",
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


def dataset_names() -> tuple[str, ...]:
    """Names of all datasets, smallest download first."""
    datasets = sorted(
        load_datasets().values(),
        key=lambda dataset: (dataset.info.download_megabytes or 0, dataset.name),
    )
    return tuple(dataset.name for dataset in datasets)


def get_dataset(name: str) -> Dataset:
    """The dataset called ``name``.

    Raises:
        NotFoundError: there is no such dataset.
    """
    try:
        return load_datasets()[name]
    except KeyError:
        names = ", ".join(dataset_names())
        raise NotFoundError(
            f"There is no dataset called {name!r}; choose one of {names}."
        ) from None


def load_splits(name: str, folder: Path) -> Splits:
    """Read a dataset into memory; the stages of a process share the result.

    Args:
        name: name of a dataset.
        folder: the data folder.

    Raises:
        NotFoundError: there is no such dataset.
        UserError: files are missing or damaged; the text gives their names and folder.
    """
    return _read_cached(get_dataset(name), folder)
