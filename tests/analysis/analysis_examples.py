"""Untrained nets on disk and random images, for tests of inference."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tsexplorer.analysis.inference import TrainedNet
from tsexplorer.data.base import DatasetInfo, ImageTask, Split, Splits
from tsexplorer.models import build
from tsexplorer.specs import (
    DataSpec,
    ModelSpec,
    NetConfig,
    Precision,
    Scaling,
    StageSpec,
    TrainSpec,
)
from tsexplorer.training import checkpoints

CLASSES = 3
LINEAR = ModelSpec(name="custom", net=NetConfig())
DENSE = ModelSpec(name="custom", net=NetConfig(dense=(5,), dropout=0.5))
CONV = ModelSpec(name="custom", net=NetConfig(conv=(4,), dense=(6,), batch_norm=True, dropout=0.4))


def random_split(size: int, seed: int) -> Split:
    """Return random images with random labels."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (size, 28, 28), dtype=np.uint8)
    return Split(torch.from_numpy(images), torch.from_numpy(random.integers(0, CLASSES, size)))


def random_dataset(train: int = 40, validation: int = 12, test: int = 9) -> Splits:
    """Return a dataset of random images, with these numbers of images in its splits."""
    info = DatasetInfo("toy", "Toy", ("a", "b", "c"), train, validation, test, source="tests")
    return Splits.with_statistics(
        info, random_split(train, 1), random_split(validation, 2), random_split(test, 3)
    )


def toy_stage(
    model: ModelSpec = DENSE,
    scaling: Scaling = "unit",
    seed: int = 0,
    precision: Precision = "fp32",
) -> StageSpec:
    """Return a stage of 2 epochs on the random dataset."""
    train = TrainSpec(epochs=2, batch_size=20, precision=precision)
    return StageSpec(
        data=DataSpec(name="toy", scaling=scaling), model=model, train=train, seed=seed
    )


def initial_weights(stage: StageSpec, seed: int = 0) -> dict[str, Tensor]:
    """Return initial weights, with random running statistics of batch norm."""
    weights = build(stage.model, ImageTask(CLASSES), seed).state_dict()
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in weights.items():
        if name.endswith(("running_mean", "running_var")):
            weights[name] = torch.rand(tensor.shape, generator=generator) + 0.5
    return weights


def saved_net(folder: Path, stage: StageSpec | None = None, seed: int = 0) -> TrainedNet:
    """Write a net with initial weights to a folder."""
    stage = stage or toy_stage()
    checkpoints.write(folder / checkpoints.WEIGHTS, initial_weights(stage, seed), {})
    return TrainedNet(stage, folder / checkpoints.WEIGHTS, folder)


@dataclass
class Computations:
    """Number of times that outputs of a net were computed."""

    count: int = 0
