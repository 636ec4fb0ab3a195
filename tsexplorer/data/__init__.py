"""Datasets as uint8 tensors, their download, and the batches for training and evaluation.

Names, classes and numbers of images are available without torch.
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
