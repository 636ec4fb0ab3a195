"""Toy nets, few images and a listener that remembers, for the tests of training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from tsexplorer.data.base import Split, Splits
from tsexplorer.data.registry import load_splits
from tsexplorer.errors import Cancelled
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
DROPPING = ModelSpec(name="custom", net=NetConfig(dense=(12, 8), dropout=0.4, input_dropout=0.1))
CLOSE = {"fp32": {"rtol": 0.0, "atol": 1e-9}, "bf16": {"rtol": 0.0, "atol": 2e-2}}
"""How far equal logits may differ under the fixture ``precision``; bf16 keeps 8 bits."""
SOFT = ObjectiveSpec(name="hinton", temperature=3.0, lam=0.3)

Kind = TypeVar("Kind", bound=events.Event)


@cache
def few(train: int = 90, validation: int = 40, test: int = 30) -> Splits:
    """The first images of mnist-5k; 90 and batches of 20 leave a short last batch."""
    whole = load_splits("mnist-5k", Path("unused"))
    return replace(
        whole,
        train=_first(whole.train, train),
        validation=_first(whole.validation, validation),
        test=_first(whole.test, test),
    )


def _first(split: Split, count: int) -> Split:
    return Split(split.images[:count], split.labels[:count])


def stage(model: ModelSpec = DENSE, **changes: Any) -> StageSpec:
    """A stage of 2 epochs in fp32 and batches of 20; other changes are of its training."""
    own = {name: changes.pop(name) for name in StageSpec.model_fields if name in changes}
    usual = {"epochs": 2, "batch_size": 20, "learning_rate": 0.01, "precision": "fp32"}
    return StageSpec(
        **{
            "data": DataSpec(),
            "model": model,
            "objective": LABELS,
            "train": TrainSpec(**(usual | changes)),
            "seed": 3,
            **own,
        }
    )


@dataclass
class Library:
    """Stages that are done."""

    known: dict[str, tuple[StageSpec, dict[str, Tensor]]] = field(default_factory=dict)

    def __call__(self, key: str) -> tuple[StageSpec, dict[str, Tensor]]:
        return self.known[key]

    def add(self, spec: StageSpec, weights: dict[str, Tensor]) -> str:
        self.known[spec.hash] = (spec, weights)
        return spec.hash


@dataclass
class Heard:
    """A listener that keeps what it hears, and may do something about it."""

    act: Callable[[events.Event], None] = lambda _: None
    all: list[events.Event] = field(default_factory=list)

    def __call__(self, event: events.Event) -> None:
        self.all.append(event)
        self.act(event)

    def of(self, kind: type[Kind]) -> list[Kind]:
        return [event for event in self.all if isinstance(event, kind)]


def made(spec: StageSpec, library: Library | None = None, splits: Splits | None = None) -> Task:
    return prepare(spec, splits or few(), CPU, library or Library())


def run(
    spec: StageSpec,
    folder: Path,
    *,
    library: Library | None = None,
    splits: Splits | None = None,
    listener: events.Listener | None = None,
    control: Control | None = None,
) -> dict[str, Tensor]:
    """Train a stage to its end; its weights as they lie on the disk."""
    task = made(spec, library, splits)
    train(task, folder, listener or Heard(), control or Control())
    return checkpoints.read(folder / checkpoints.WEIGHTS)[0]


def run_until(epoch: int, spec: StageSpec, folder: Path, library: Library | None = None) -> None:
    """Train a stage and cancel it as soon as an epoch's checkpoint is written."""
    control = Control()

    def act(event: events.Event) -> None:
        if isinstance(event, events.CheckpointWritten) and event.epoch == epoch:
            control.cancel()

    try:
        train(made(spec, library), folder, act, control)
    except Cancelled:
        return
    raise AssertionError(f"the stage was over before epoch {epoch} could be cancelled")


def taught(
    folder: Path, model: ModelSpec = CONV, *, precision: Precision = "fp32", **changes: Any
) -> tuple[Library, StageSpec]:
    """A library with a trained teacher, and the stage of a student that learns from it.

    Args:
        folder: for the teacher's files.
        model: the teacher's.
        precision: the teacher's.
        changes: the student's, as for :func:`stage`.
    """
    teacher = stage(model, precision=precision)
    library = Library()
    key = library.add(teacher, run(teacher, folder / "teacher"))
    return library, stage(teachers=(key,), objective=SOFT, **changes)


def assert_same(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    """Bit by bit."""
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), f"{name} differs"


def differ(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return any(not torch.equal(tensor, other[name]) for name, tensor in one.items())
