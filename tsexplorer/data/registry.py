"""Datasets by name, found by looking into ``tsexplorer/data/sets``.

A module there that defines ``DATASET`` is registered under its name; a name used twice is an
error when the registry is first asked.

Datasets that have been read, kept for the next stage that asks.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, defaultdict
from functools import cache
from pathlib import Path

from tsexplorer.data.base import Dataset, DatasetInfo, DownloadProgress, Split, Splits
from tsexplorer.errors import NotFoundError
from tsexplorer.plugins import discover


class SplitsCache:
    """Keeps the datasets used last; safe to ask from several threads.

    Threads that want the same dataset wait for one reading of it; readings of different datasets
    do not wait for each other. A failed reading is not kept.
    """

    def __init__(self, size: int) -> None:
        """An empty cache of at most ``size`` datasets (MNIST takes 55 MB)."""
        self._size = size
        self._kept: OrderedDict[Key, Splits] = OrderedDict()
        self._guard = threading.Lock()
        self._reading: defaultdict[Key, threading.Lock] = defaultdict(threading.Lock)

    def get(self, dataset: Dataset, folder: Path) -> Splits:
        """The splits of ``dataset``, from memory if they are there.

        Raises:
            UserError: the dataset has to be read and cannot be.
        """
        key = (dataset.name, folder.resolve())
        with self._guard:
            reading = self._reading[key]
        with reading:
            splits = self._find(key)
            if splits is None:
                splits = dataset.load(folder)
                self._keep(key, splits)
            return splits

    def _find(self, key: Key) -> Splits | None:
        with self._guard:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def _keep(self, key: Key, splits: Splits) -> None:
        with self._guard:
            self._kept[key] = splits
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)


__all__ = [
    "Dataset",
    "DatasetInfo",
    "DownloadProgress",
    "Split",
    "Splits",
    "dataset_names",
    "get_dataset",
    "load_splits",
]

SETS = "tsexplorer.data.sets"
_loaded = SplitsCache(size=2)


@cache
def _registry() -> dict[str, Dataset]:
    # An ABC is all that discover() needs for isinstance; it never calls it.
    return discover(SETS, "DATASET", Dataset)  # type: ignore[type-abstract]


def dataset_names() -> tuple[str, ...]:
    """Names of all datasets, the ones that are quickest to get first."""
    sets = sorted(
        _registry().values(), key=lambda one: (one.info.download_megabytes or 0, one.name)
    )
    return tuple(dataset.name for dataset in sets)


def get_dataset(name: str) -> Dataset:
    """The dataset called ``name``.

    Raises:
        NotFoundError: there is none.
    """
    try:
        return _registry()[name]
    except KeyError:
        known = ", ".join(dataset_names())
        raise NotFoundError(
            f"There is no dataset called {name!r}; choose one of {known}."
        ) from None


def load_splits(name: str, folder: Path) -> Splits:
    """The dataset in memory, read once and shared by the stages of this process.

    Args:
        name: a dataset's name.
        folder: the data folder.

    Raises:
        NotFoundError: there is no such dataset.
        UserError: its files are missing or damaged; says which and where.
    """
    return _loaded.get(get_dataset(name), folder)


Key = tuple[str, Path]
