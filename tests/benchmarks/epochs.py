"""Epochs in the app's loop and in a plain loop, timed in the same way.

Both have the same images in the same order, the same initial weights and the same steps. Reading
the data, building the nets, validation and checkpoints are not timed.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Generic, TypeVar, cast

import torch
from torch import Tensor, nn

from tests.benchmarks.base import CPU, TimedRun
from tsexplorer.data.batches import Batches, TrainingBatch
from tsexplorer.data.registry import Splits
from tsexplorer.specs import LABELS, DataSpec, ModelSpec, ObjectiveSpec, StageSpec, TrainSpec
from tsexplorer.training.control import Control
from tsexplorer.training.events import EpochEnded, Event
from tsexplorer.training.loop import train
from tsexplorer.training.task import Task, prepare

LEARNING_RATE = 1e-3
BATCH = 64
Teachers = Mapping[str, tuple[StageSpec, dict[str, Tensor]]]
NO_TEACHERS: Teachers = MappingProxyType({})
Item = TypeVar("Item")


class Clock(Generic[Item]):
    """Measures the time from the first request for a batch to the end of the last step.

    The times of several epochs are added up.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.steps = 0
        self.samples = 0

    def over(self, batches: Iterable[Item], labels: int) -> Iterator[Item]:
        """Yield the same batches; ``labels`` is the index of the labels in a batch."""
        began = time.perf_counter()
        for batch in batches:
            yield batch
            self.steps += 1
            self.samples += len(batch[labels])  # type: ignore[index]
        self.seconds += time.perf_counter() - began


class ClockedBatches:
    """Batches of a task, timed by a clock."""

    def __init__(self, batches: Batches) -> None:
        self.clock: Clock[TrainingBatch] = Clock()
        self._batches = batches

    @property
    def padded(self) -> Tensor:
        """Images for the teacher's logits, which are computed before the clock starts."""
        return self._batches.padded

    def epoch(self, number: int) -> Iterator[TrainingBatch]:
        """The batches of an epoch."""
        return self.clock.over(self._batches.epoch(number), TrainingBatch._fields.index("labels"))


def make_task(
    model: str,
    splits: Splits,
    seed: int,
    *,
    epochs: int = 1,
    objective: ObjectiveSpec = LABELS,
    teachers: Teachers = NO_TEACHERS,
) -> Task:
    """A task of a stage with the given teachers, by the hashes of their stages."""
    spec = StageSpec(
        data=DataSpec(name=splits.info.name, scaling="standard"),
        model=ModelSpec(name=model),
        objective=objective,
        teachers=tuple(teachers),
        train=TrainSpec(epochs=epochs, batch_size=BATCH, learning_rate=LEARNING_RATE),
        seed=seed,
    )
    return prepare(spec, splits, CPU, teachers.__getitem__)


def train_epochs(task: Task) -> TimedRun:
    """Train the task's epochs in the app's loop, with its events and control."""
    clocked = ClockedBatches(task.batches)
    task.batches = cast(Batches, clocked)
    losses: list[float] = []

    def listen(event: Event) -> None:
        if isinstance(event, EpochEnded):
            losses.append(event.train_loss)

    with tempfile.TemporaryDirectory() as folder:
        train(task, Path(folder), listen, Control())
    clock = clocked.clock
    return TimedRun(clock.seconds, clock.steps, clock.samples, losses[-1])


def train_plain_epoch(net: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> TimedRun:
    """Train an epoch as tutorials do."""
    optimiser = torch.optim.Adam(net.parameters(), LEARNING_RATE)
    criterion = nn.CrossEntropyLoss()
    clock: Clock[tuple[Tensor, Tensor]] = Clock()
    total = 0.0
    net.train()
    for images, labels in clock.over(batches, 1):
        optimiser.zero_grad()
        loss = criterion(net(images), labels)
        loss.backward()
        optimiser.step()
        total += loss.item() * len(labels)
    return TimedRun(clock.seconds, clock.steps, clock.samples, total / clock.samples)


@torch.no_grad()
def copy_weights(task: Task, net: nn.Module) -> nn.Module:
    """Copy the weights of the task's net into a plain net of the same shapes."""
    for weight, source in zip(net.parameters(), task.net.parameters(), strict=True):
        weight.copy_(source)
    return net
