"""An epoch of the teacher with channels last, bf16, early pooling and fused Adam, and without."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from tests.benchmarks.base import (
    CPU,
    Benchmark,
    BenchmarkResult,
    Target,
    TimedRun,
    make_ratio,
    run_alternately,
    set_threads,
)
from tests.benchmarks.epochs import copy_weights, make_task, train_epochs, train_plain_epoch
from tsexplorer.data.batches import Batches
from tsexplorer.data.registry import load_splits
from tsexplorer.settings import get_settings
from tsexplorer.training.device import uses_bf16

NET = "wu-cnn"
DATA = "mnist-5k"
# bf16 has 8 significant bits: losses differ by up to 0.4 %, and those of two seeds by 2 %.
TOLERANCE = 0.015


def run(pairs: int) -> BenchmarkResult:
    """Measure on ``mnist-5k``; the number of images does not matter here."""
    cores = set_threads()
    splits = load_splits(DATA, get_settings().data_folder)

    def ours(number: int) -> TimedRun:
        return train_epochs(make_task(NET, splits, number))

    def plain(number: int) -> TimedRun:
        task = make_task(NET, splits, number)
        return train_plain_epoch(copy_weights(task, plain_wu_cnn()), _pairs_of(task.batches))

    bf16 = uses_bf16("auto", plain_wu_cnn(), CPU)
    run_alternately(ours, plain, 1, tolerance=TOLERANCE)  # a warm-up
    return make_ratio(
        run_alternately(ours, plain, pairs, tolerance=TOLERANCE),
        "ours",
        "plain",
        data=f"{DATA}, {len(splits.train):,} images",
        threads=str(cores),
        precision="bf16" if bf16 else "fp32: this processor has no bf16",
    )


def plain_wu_cnn() -> nn.Module:
    """``wu-cnn`` in the usual order: convolution, ReLU, pooling."""
    layers: list[nn.Module] = []
    for inputs, outputs in ((1, 32), (32, 64), (64, 64)):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 3 * 3, 10))


def _pairs_of(batches: Batches) -> Iterator[tuple[Tensor, Tensor]]:
    for batch in batches.epoch(1):
        yield batch.images, batch.labels


BENCHMARK = Benchmark(
    name="teacher-epoch",
    title="wu-cnn, batch 64: plain NCHW fp32 / our loop, same tensors",
    unit="×",
    target=Target(1.8),
    count=5,
    run=run,
)
