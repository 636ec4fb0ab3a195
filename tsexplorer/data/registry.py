"""Datasets by name, found by looking into ``tsexplorer/data/sets``.

A module there that defines ``DATASET`` is registered under its name; a name used twice is an
error when the registry is first asked.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tsexplorer.data.base import Dataset, DatasetInfo, DownloadProgress, Split, Splits
from tsexplorer.data.cache import SplitsCache
from tsexplorer.errors import NotFoundError
from tsexplorer.plugins import discover

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
