"""Datasets as uint8 tensors, and the batches a net is trained on.

Names, counts and classes come without torch; see :mod:`tsexplorer.data.registry`. Batches live
in :mod:`tsexplorer.data.batches`.
"""

from __future__ import annotations

from tsexplorer.data.base import Dataset, DatasetInfo, DownloadProgress, Split, Splits
from tsexplorer.data.registry import dataset_names, get_dataset, load_splits

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
