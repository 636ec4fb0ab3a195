"""Small students, in chunks and alone, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch

from tests.training.training_examples import (
    DENSE,
    EventRecorder,
    TrainedStages,
    make_stage,
    small_splits,
    train_stage,
)
from tsexplorer.data.base import ImageTask, Splits
from tsexplorer.models import build
from tsexplorer.specs import ModelSpec, NetConfig, ObjectiveSpec, StageSpec
from tsexplorer.students.chunks import Chunk, ChunkRequest, ChunkResult, as_arrays
from tsexplorer.students.run_chunk import run_chunk
from tsexplorer.training import events
from tsexplorer.training.control import Control

SIGMOID = ModelSpec(
    name="custom", net=NetConfig(dense=(14, 9), activation="sigmoid", initialisation="glorot")
)
TEACHER = make_stage(
    ModelSpec(name="custom", net=NetConfig(conv=(3,), dense=(16,))), seed=11, precision="fp32"
)
SETTINGS = ((1.0, 0.3), (4.0, 0.0), (4.0, 0.7), (20.0, 0.5), (1.0, 1.0))
"""T and lambda of some students."""


def library() -> TrainedStages:
    """An untrained teacher with large weights: its predictions are confident and mostly wrong."""
    return _library(torch.get_default_dtype())


@cache
def _library(_dtype: torch.dtype) -> TrainedStages:
    stages = TrainedStages()
    weights = build(TEACHER.model, ImageTask(10), seed=5).state_dict()
    for value in weights.values():
        value.mul_(3)
    stages.add(TEACHER, weights)
    return stages


def make_student(
    temperature: float = 4.0,
    lam: float = 0.5,
    *,
    model: ModelSpec = DENSE,
    name: str = "hinton",
    **changes: Any,
) -> StageSpec:
    """A stage that learns from the teacher; ``changes`` are fields of the stage or its training."""
    objective = ObjectiveSpec(name=name, temperature=temperature, lam=lam)
    return make_stage(model, objective=objective, teachers=(TEACHER.hash,), **changes)


def make_students(**changes: Any) -> tuple[StageSpec, ...]:
    """One student for each T and lambda of ``SETTINGS``, with the same seed and learning rate."""
    return tuple(make_student(temperature, lam, **changes) for temperature, lam in SETTINGS)


STOPPING = tuple(
    make_student(temperature, lam, learning_rate=rate, epochs=6, early_stopping=1, seed=seed)
    for temperature, lam, rate, seed in (
        (1, 0.9, 2e-3, 3),
        (4, 0.2, 0.5, 3),
        (4, 1, 2e-3, 3),
        (4, 0.2, 0.7, 9),
    )
)
"""The students with a high learning rate stop early, the others train all epochs."""


def make_request(
    students: Sequence[StageSpec], folder: Path | None = None, *, stacked: bool = True
) -> ChunkRequest:
    nets = {key: (spec, as_arrays(weights)) for key, (spec, weights) in library().stages.items()}
    chunk = Chunk(tuple(students), stacked, "They do.")
    return ChunkRequest(chunk, nets, Path("unused"), folder)


def train_chunk(
    students: Sequence[StageSpec],
    folder: Path | None = None,
    *,
    stacked: bool = True,
    listener: events.Listener | None = None,
    control: Control | None = None,
    splits: Splits | None = None,
) -> ChunkResult:
    request = make_request(students, folder, stacked=stacked)
    return run_chunk(
        request, listener or EventRecorder(), control or Control(), splits or small_splits()
    )


def weights_of(result: ChunkResult) -> list[dict[str, torch.Tensor]]:
    """The weights of each student."""
    return [
        {name: torch.from_numpy(array) for name, array in student.weights.items()}
        for student in result.students
    ]


def train_alone(
    spec: StageSpec, folder: Path, splits: Splits | None = None
) -> tuple[dict[str, torch.Tensor], EventRecorder]:
    """Weights and events of the same student, trained as a stage of an experiment."""
    listener = EventRecorder()
    weights = train_stage(
        spec, folder / spec.hash, stages=library(), splits=splits, listener=listener
    )
    return weights, listener
