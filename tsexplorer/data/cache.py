"""Datasets that have been read, kept for the next stage that asks."""

from __future__ import annotations

import threading
from collections import OrderedDict, defaultdict
from pathlib import Path

from tsexplorer.data.base import Dataset, Splits

Key = tuple[str, Path]


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
