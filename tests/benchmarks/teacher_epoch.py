"""The teacher's epoch: channels last, bf16, pooling first, fused Adam, against none of these."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from tests.benchmarks.base import (
    CPU,
    Benchmark,
    Finding,
    Outcome,
    Target,
    in_turns,
    speed_up,
    use_cores,
)
from tests.benchmarks.epochs import our_epoch, plain_epoch, task_of, with_weights_of
from tsexplorer.data.batches import Batches
from tsexplorer.data.registry import load_splits
from tsexplorer.settings import get_settings
from tsexplorer.training.device import uses_bf16

NET = "wu-cnn"
DATA = "mnist-5k"
# bf16 keeps 8 bits of a number: losses part by 0.4 % at most; those of two seeds do by 2 %.
TOLERANCE = 0.015


def run(pairs: int) -> Finding:
    """Measure on the digits that come with the app: how many there are does not matter here."""
    cores = use_cores()
    splits = load_splits(DATA, get_settings().data_folder)

    def ours(number: int) -> Outcome:
        return our_epoch(task_of(NET, splits, number))

    def plain(number: int) -> Outcome:
        task = task_of(NET, splits, number)
        return plain_epoch(with_weights_of(task, plain_wu_cnn()), _pairs_of(task.batches))

    bf16 = uses_bf16("auto", plain_wu_cnn(), CPU)
    in_turns(ours, plain, 1, tolerance=TOLERANCE)  # a first time, off the record
    return speed_up(
        in_turns(ours, plain, pairs, tolerance=TOLERANCE),
        "ours",
        "plain",
        data=f"{DATA}, {len(splits.train):,} images",
        threads=str(cores),
        precision="bf16" if bf16 else "fp32: this processor does not compute in bf16",
    )


def plain_wu_cnn() -> nn.Module:
    """``wu-cnn`` in the order in which one writes it: convolution, ReLU, pooling."""
    layers: list[nn.Module] = []
    for inputs, outputs in ((1, 32), (32, 64), (64, 64)):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 3 * 3, 10))


def _pairs_of(batches: Batches) -> Iterator[tuple[Tensor, Tensor]]:
    for batch in batches.epoch(1):
        yield batch.images, batch.labels


BENCHMARK = Benchmark(
    name="teacher-epoch",
    title="wu-cnn, batch 64: plain NCHW fp32 / our way, same tensors",
    unit="×",
    target=Target(1.8),
    count=5,
    run=run,
)
