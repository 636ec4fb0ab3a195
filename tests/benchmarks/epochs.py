"""Epochs, in our loop and in the loop that everybody writes, timed in the same way.

Both learn from the same images in the same order, begin with the same weights and take the same
steps. Reading the data, building the nets, validation and checkpoints are outside the clock.
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

from tests.benchmarks.base import CPU, Outcome
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
    """Passes batches on; keeps the time from the first request to the end of the last step.

    Of several epochs it keeps the sum.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.steps = 0
        self.samples = 0

    def over(self, batches: Iterable[Item], labels: int) -> Iterator[Item]:
        """The same batches; ``labels`` is where in a batch the labels stand."""
        began = time.perf_counter()
        for batch in batches:
            yield batch
            self.steps += 1
            self.samples += len(batch[labels])  # type: ignore[index]
        self.seconds += time.perf_counter() - began


class ClockedBatches:
    """A task's batches under a clock."""

    def __init__(self, batches: Batches) -> None:
        self.clock: Clock[TrainingBatch] = Clock()
        self._batches = batches

    @property
    def padded(self) -> Tensor:
        """Images for a teacher's answers, computed before the clock runs."""
        return self._batches.padded

    def epoch(self, number: int) -> Iterator[TrainingBatch]:
        """The batches of an epoch."""
        return self.clock.over(self._batches.epoch(number), TrainingBatch._fields.index("labels"))


def task_of(
    model: str,
    splits: Splits,
    seed: int,
    *,
    epochs: int = 1,
    objective: ObjectiveSpec = LABELS,
    teachers: Teachers = NO_TEACHERS,
) -> Task:
    """A stage ready to train, under the teachers given, by the hashes of their stages."""
    spec = StageSpec(
        data=DataSpec(name=splits.info.name, scaling="standard"),
        model=ModelSpec(name=model),
        objective=objective,
        teachers=tuple(teachers),
        train=TrainSpec(epochs=epochs, batch_size=BATCH, learning_rate=LEARNING_RATE),
        seed=seed,
    )
    return prepare(spec, splits, CPU, teachers.__getitem__)


def our_epoch(task: Task) -> Outcome:
    """The task's epochs in the app's own loop, with its events and its look at the control."""
    clocked = ClockedBatches(task.batches)
    task.batches = cast(Batches, clocked)
    losses: list[float] = []

    def listen(event: Event) -> None:
        if isinstance(event, EpochEnded):
            losses.append(event.train_loss)

    with tempfile.TemporaryDirectory() as folder:
        train(task, Path(folder), listen, Control())
    clock = clocked.clock
    return Outcome(clock.seconds, clock.steps, clock.samples, losses[-1])


def plain_epoch(net: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> Outcome:
    """The epoch as tutorials write it."""
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
    return Outcome(clock.seconds, clock.steps, clock.samples, total / clock.samples)


@torch.no_grad()
def with_weights_of(task: Task, net: nn.Module) -> nn.Module:
    """``net``, a plain spelling of the task's own, with the same numbers in it."""
    for own, given in zip(net.parameters(), task.net.parameters(), strict=True):
        own.copy_(given)
    return net
