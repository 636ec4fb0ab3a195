"""Toy nets, few images, and functions that train them, for tests of training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from tsexplorer.data.base import ImageTask, Split, Splits
from tsexplorer.data.registry import load_splits
from tsexplorer.errors import Cancelled
from tsexplorer.models import build
from tsexplorer.specs import (
    LABELS,
    DataSpec,
    ModelSpec,
    NetConfig,
    ObjectiveSpec,
    Precision,
    StageSpec,
    TrainSpec,
)
from tsexplorer.training import checkpoints, events
from tsexplorer.training.control import Control
from tsexplorer.training.loop import train
from tsexplorer.training.task import Task, prepare

CPU = torch.device("cpu")
DENSE = ModelSpec(name="custom", net=NetConfig(dense=(12,)))
CONV = ModelSpec(name="custom", net=NetConfig(conv=(4, 6), dense=(8,), batch_norm=True))
DROPOUT = ModelSpec(name="custom", net=NetConfig(dense=(12, 8), dropout=0.4, input_dropout=0.1))
SOFT_TARGETS = ObjectiveSpec(name="hinton", temperature=3.0, lam=0.3)
TOLERANCE = {"fp32": {"rtol": 0.0, "atol": 1e-9}, "bf16": {"rtol": 0.0, "atol": 2e-2}}
"""Largest difference of equal logits under the fixture ``precision``; bf16 has 8 bits."""

EventType = TypeVar("EventType", bound=events.Event)


@cache
def small_splits(train: int = 90, validation: int = 40, test: int = 30) -> Splits:
    """The first images of mnist-5k; with 90 images and batches of 20 the last batch is short."""
    splits = load_splits("mnist-5k", Path("unused"))
    return replace(
        splits,
        train=_first_images(splits.train, train),
        validation=_first_images(splits.validation, validation),
        test=_first_images(splits.test, test),
    )


def _first_images(split: Split, count: int) -> Split:
    return Split(split.images[:count], split.labels[:count])


def make_stage(model: ModelSpec = DENSE, **changes: Any) -> StageSpec:
    """A stage of 2 epochs in fp32 with batches of 20.

    Args:
        model: the net.
        changes: fields of the stage; all others are fields of its training settings.
    """
    fields = {name: changes.pop(name) for name in StageSpec.model_fields if name in changes}
    settings = {"epochs": 2, "batch_size": 20, "learning_rate": 0.01, "precision": "fp32"}
    return StageSpec(
        **{
            "data": DataSpec(),
            "model": model,
            "objective": LABELS,
            "train": TrainSpec(**(settings | changes)),
            "seed": 3,
            **fields,
        }
    )


@dataclass
class TrainedStages:
    """Finished stages by hash; a ``StageLoader``."""

    stages: dict[str, tuple[StageSpec, dict[str, Tensor]]] = field(default_factory=dict)

    def __call__(self, key: str) -> tuple[StageSpec, dict[str, Tensor]]:
        return self.stages[key]

    def add(self, spec: StageSpec, weights: dict[str, Tensor]) -> str:
        """Add a stage; returns its hash."""
        self.stages[spec.hash] = (spec, weights)
        return spec.hash


@dataclass
class EventRecorder:
    """A listener that records all events, and calls a function with each."""

    act: Callable[[events.Event], None] = lambda _: None
    all: list[events.Event] = field(default_factory=list)

    def __call__(self, event: events.Event) -> None:
        self.all.append(event)
        self.act(event)

    def of(self, event_type: type[EventType]) -> list[EventType]:
        """The events of one type, in order."""
        return [event for event in self.all if isinstance(event, event_type)]


def make_task(
    spec: StageSpec, stages: TrainedStages | None = None, splits: Splits | None = None
) -> Task:
    return prepare(spec, splits or small_splits(), CPU, stages or TrainedStages())


def train_stage(
    spec: StageSpec,
    folder: Path,
    *,
    stages: TrainedStages | None = None,
    splits: Splits | None = None,
    listener: events.Listener | None = None,
    control: Control | None = None,
) -> dict[str, Tensor]:
    """Train a stage to its end; returns the weights that it wrote."""
    task = make_task(spec, stages, splits)
    train(task, folder, listener or EventRecorder(), control or Control())
    return checkpoints.read(folder / checkpoints.WEIGHTS)[0]


def train_until(
    epoch: int, spec: StageSpec, folder: Path, stages: TrainedStages | None = None
) -> None:
    """Train a stage and cancel it as soon as the checkpoint of an epoch is written."""
    control = Control()

    def cancel_after(event: events.Event) -> None:
        if isinstance(event, events.CheckpointWritten) and event.epoch == epoch:
            control.cancel()

    try:
        train(make_task(spec, stages), folder, cancel_after, control)
    except Cancelled:
        return
    raise AssertionError(f"the stage ended before epoch {epoch} could be cancelled")


def stage_with_teacher(
    folder: Path, model: ModelSpec = CONV, *, precision: Precision = "fp32", **changes: Any
) -> tuple[TrainedStages, StageSpec]:
    """Train a teacher; returns it and the stage of a student that learns from it.

    Args:
        folder: for the teacher's files.
        model: net of the teacher.
        precision: precision of the teacher.
        changes: fields of the student's stage, as for :func:`make_stage`.
    """
    teacher = make_stage(model, precision=precision)
    stages = TrainedStages()
    key = stages.add(teacher, train_stage(teacher, folder / "teacher"))
    return stages, make_stage(teachers=(key,), objective=SOFT_TARGETS, **changes)


def untrained_teacher(model: ModelSpec, **changes: Any) -> tuple[TrainedStages, StageSpec]:
    """An untrained teacher, and the stage of a student that learns from it."""
    stages = TrainedStages()
    key = stages.add(make_stage(model), build(model, ImageTask(10), 0).state_dict())
    return stages, make_stage(teachers=(key,), objective=SOFT_TARGETS, **changes)


def assert_equal_weights(weights: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """Check that all weights are bit-identical."""
    assert weights.keys() == expected.keys()
    for name, tensor in weights.items():
        assert torch.equal(tensor, expected[name]), f"{name} differs"


def weights_differ(weights: dict[str, Tensor], others: dict[str, Tensor]) -> bool:
    return any(not torch.equal(tensor, others[name]) for name, tensor in weights.items())
