"""Own images: the speed of an import, and of training from images that are mapped from the disk."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from PIL import Image

from tests.benchmarks.base import (
    CPU,
    Benchmark,
    BenchmarkResult,
    Pair,
    Target,
    TimedRun,
    make_ratio,
    run_alternately,
    set_threads,
)
from tests.benchmarks.machinery import empty_home
from tsexplorer.data.base import Split, Splits
from tsexplorer.data.imported import ImportedDataset, ImportedDatasets
from tsexplorer.importing.build import prepare_import
from tsexplorer.importing.open_source import open_source
from tsexplorer.importing.preparation import ImportOptions
from tsexplorer.specs import DataSpec, ModelSpec, StageSpec, TrainSpec
from tsexplorer.training.task import prepare

FILES, CLASSES, SIDE = 10_000, 10, 200
EPOCH_IMAGES = 4_000
TOLERANCE = 1e-6


def import_speed(rounds: int) -> BenchmarkResult:
    """Files per second of an import, with those of a plain Pillow loop as a detail."""
    with empty_home() as home:
        folder = home / "pictures"
        _write_pictures(folder, FILES)
        speeds, plain = [], []
        for number in range(rounds):
            began = perf_counter()
            datasets = ImportedDatasets(home / f"data-{number}")
            prepare_import(open_source(folder, "pictures"), ImportOptions(), datasets).discard()
            speeds.append(FILES / (perf_counter() - began))
            plain.append(FILES / _plain_loop(folder))
    loop = f"{sum(plain) / len(plain):,.0f} files/s"
    return BenchmarkResult.typical(speeds, files=f"{FILES:,} JPEG {SIDE}×{SIDE}", pillow_loop=loop)


def _write_pictures(folder: Path, count: int) -> None:
    random = np.random.default_rng(0)
    for number in range(count):
        coarse = random.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        image = Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        content = io.BytesIO()
        image.save(content, "JPEG")
        path = folder / f"class {number % CLASSES}" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.getvalue())


def _plain_loop(folder: Path) -> float:
    """Seconds of opening, converting and resizing each picture with Pillow, one by one."""
    began = perf_counter()
    for path in folder.rglob("*.jpg"):
        with Image.open(path) as image:
            np.asarray(image.convert("RGB").resize((32, 32)))
    return perf_counter() - began


def mapped_training(pairs: int) -> BenchmarkResult:
    """Time of an epoch with images in memory over that with images mapped from the disk."""
    cores = set_threads()
    with empty_home() as home:
        dataset = _noise_dataset(home)
        mapped = dataset.load(home)
        in_memory = replace(mapped, train=_copy(mapped.train))
        _epoch(mapped, 0)  # not counted: the first pass reads the files

        def run(splits: Splits) -> list[Pair]:
            return run_alternately(
                lambda number: _epoch(splits, number),
                lambda number: _epoch(in_memory, number),
                pairs,
                tolerance=TOLERANCE,
            )

        return make_ratio(run(mapped), "mapped", "in memory", threads=str(cores))


def _noise_dataset(home: Path) -> ImportedDataset:
    random = np.random.default_rng(0)
    path = home / "noise.npz"
    images = random.integers(0, 256, (EPOCH_IMAGES + 2_000, 64, 64, 3), dtype=np.uint8)
    np.savez(path, images=images, labels=np.arange(len(images)) % CLASSES)
    options = ImportOptions(height=64, width=64)
    source = open_source(path, path.name)
    return prepare_import(source, options, ImportedDatasets(home / "data")).keep("noise")


def _copy(split: Split) -> Split:
    return Split(split.images.clone(), split.labels)


def _epoch(splits: Splits, number: int) -> TimedRun:
    """Gather and scale all batches of an epoch, and take a step of a small net for each."""
    spec = StageSpec(
        data=DataSpec(name=splits.info.name),
        model=ModelSpec(name="mlp-64"),
        train=TrainSpec(epochs=1, batch_size=64),
        seed=number,
    )
    task = prepare(spec, splits, CPU, lambda _key: (spec, {}))
    optimiser = torch.optim.Adam(task.net.parameters(), lr=1e-3)
    steps, loss = 0, torch.zeros(())
    began = perf_counter()
    for batch in task.batches.epoch(1):
        terms, _ = task.compute_terms(task.net, batch, 1)
        optimiser.zero_grad()
        terms.total.backward()
        optimiser.step()
        steps, loss = steps + 1, terms.total.detach()
    return TimedRun(perf_counter() - began, steps, len(splits.train), float(loss))


BENCHMARK = (
    Benchmark(
        name="import-speed",
        title="files per second of an import into 32×32 pixels",
        unit="/s",
        target=Target(400),
        count=2,
        run=import_speed,
    ),
    Benchmark(
        name="mapped-training",
        title="epoch from memory / epoch from mapped files",
        unit="×",
        target=Target(0.9),
        count=5,
        run=mapped_training,
    ),
)
