"""An epoch of the student: tensors in memory compared with a DataLoader of pictures."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import MNIST, VisionDataset

from tests.benchmarks.base import (
    Benchmark,
    BenchmarkResult,
    Target,
    TimedRun,
    make_ratio,
    run_alternately,
    set_threads,
)
from tests.benchmarks.epochs import BATCH, copy_weights, make_task, train_epochs, train_plain_epoch
from tsexplorer.data.registry import Splits, get_dataset, load_splits
from tsexplorer.settings import get_settings

SMALL, FULL = "mnist-5k", "mnist"
TOLERANCE = 1e-3


class Pictures(MNIST):  # type: ignore[misc]  # torchvision has no types
    """torchvision's MNIST, which makes a PIL image of each sample, on a loaded split."""

    def __init__(self, splits: Splits) -> None:
        to_input = transforms.Compose(
            [
                transforms.ToTensor(),
                transforms.Normalize(*splits.statistics),
            ]
        )
        # Without MNIST's constructor, which reads files that mnist-5k does not have.
        VisionDataset.__init__(self, transform=to_input)
        self.data, self.targets = splits.train.images, splits.train.labels


def run(pairs: int) -> BenchmarkResult:
    """Measure on all of MNIST if it is there, else on ``mnist-5k``."""
    cores = set_threads()
    folder = get_settings().data_folder
    name = FULL if get_dataset(FULL).is_available(folder) else SMALL
    _pairs(load_splits(SMALL, folder), 1)  # a warm-up
    splits = load_splits(name, folder)
    return make_ratio(
        _pairs(splits, pairs),
        "ours",
        "DataLoader",
        data=f"{name}, {len(splits.train):,} images",
        threads=str(cores),
    )


def _pairs(splits: Splits, pairs: int) -> list[tuple[TimedRun, TimedRun]]:
    pictures = Pictures(splits)

    def ours(number: int) -> TimedRun:
        return train_epochs(make_task("mlp-64", splits, number))

    def with_data_loader(number: int) -> TimedRun:
        task = make_task("mlp-64", splits, number)
        net = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10))
        order = torch.cat([batch.indices for batch in task.batches.epoch(1)]).tolist()
        loader: DataLoader[tuple[Tensor, Tensor]] = DataLoader(
            pictures, BATCH, sampler=order, num_workers=0
        )
        return train_plain_epoch(copy_weights(task, net), loader)

    return run_alternately(ours, with_data_loader, pairs, tolerance=TOLERANCE)


BENCHMARK = Benchmark(
    name="student-epoch",
    title="784-64-10, batch 64: DataLoader + ToTensor + Normalize / our loop",
    unit="×",
    target=Target(10),
    count=3,
    run=run,
)
