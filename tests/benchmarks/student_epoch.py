"""The student's epoch: tensors in memory against a picture at a time."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import MNIST, VisionDataset

from tests.benchmarks.base import Benchmark, Finding, Outcome, Target, in_turns, speed_up, use_cores
from tests.benchmarks.epochs import BATCH, our_epoch, plain_epoch, task_of, with_weights_of
from tsexplorer.data.registry import Splits, get_dataset, load_splits
from tsexplorer.settings import get_settings

SMALL, FULL = "mnist-5k", "mnist"
TOLERANCE = 1e-3


class Pictures(MNIST):  # type: ignore[misc]  # torchvision has no types
    """torchvision's MNIST, which makes a PIL image of each sample, over a split that is here."""

    def __init__(self, splits: Splits) -> None:
        to_input = transforms.Compose(
            [
                transforms.ToTensor(),
                transforms.Normalize((splits.mean,), (splits.deviation,)),
            ]
        )
        # Past MNIST's own constructor, which reads files; mnist-5k is in none.
        VisionDataset.__init__(self, transform=to_input)
        self.data, self.targets = splits.train.images, splits.train.labels


def run(pairs: int) -> Finding:
    """Measure on all of MNIST where it is, else on the digits that come with the app."""
    cores = use_cores()
    folder = get_settings().data_folder
    name = FULL if get_dataset(FULL).is_available(folder) else SMALL
    _pairs(load_splits(SMALL, folder), 1)  # a first time, off the record
    splits = load_splits(name, folder)
    return speed_up(
        _pairs(splits, pairs),
        "ours",
        "DataLoader",
        data=f"{name}, {len(splits.train):,} images",
        threads=str(cores),
    )


def _pairs(splits: Splits, pairs: int) -> list[tuple[Outcome, Outcome]]:
    pictures = Pictures(splits)

    def ours(number: int) -> Outcome:
        return our_epoch(task_of("mlp-64", splits, number))

    def usual(number: int) -> Outcome:
        task = task_of("mlp-64", splits, number)
        net = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10))
        order = torch.cat([batch.indices for batch in task.batches.epoch(1)]).tolist()
        loader: DataLoader[tuple[Tensor, Tensor]] = DataLoader(
            pictures, BATCH, sampler=order, num_workers=0
        )
        return plain_epoch(with_weights_of(task, net), loader)

    return in_turns(ours, usual, pairs, tolerance=TOLERANCE)


BENCHMARK = Benchmark(
    name="student-epoch",
    title="784-64-10, batch 64: DataLoader + ToTensor + Normalize / our loop",
    unit="×",
    target=Target(10),
    count=3,
    run=run,
)
