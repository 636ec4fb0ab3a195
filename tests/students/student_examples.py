"""Small students, one at a time and together, for the tests of sweeps."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch

from tests.training.training_examples import DENSE, Heard, Library, few, run, stage
from tsexplorer.data.base import Splits
from tsexplorer.models import build
from tsexplorer.specs import ModelSpec, NetConfig, ObjectiveSpec, StageSpec
from tsexplorer.students.chunks import Chunk, ChunkRequest, ChunkResult, as_arrays
from tsexplorer.students.run_chunk import run_chunk
from tsexplorer.training import events
from tsexplorer.training.control import Control

SIGMOID = ModelSpec(
    name="custom", net=NetConfig(dense=(14, 9), activation="sigmoid", initialisation="glorot")
)
TEACHER = stage(ModelSpec(name="custom", net=NetConfig(conv=(3,), dense=(16,))), seed=11)
SETTINGS = ((1.0, 0.3), (4.0, 0.0), (4.0, 0.7), (20.0, 0.5), (1.0, 1.0))
"""T and lambda of some students."""


@cache
def library() -> Library:
    """A teacher that has learnt nothing, and so is sure of nothing and wrong in its own way."""
    known = Library()
    weights = build(TEACHER.model, 10, seed=5).state_dict()
    for value in weights.values():
        value.mul_(3)
    known.add(TEACHER, weights)
    return known


def student(
    temperature: float = 4.0,
    lam: float = 0.5,
    *,
    model: ModelSpec = DENSE,
    name: str = "hinton",
    **changes: Any,
) -> StageSpec:
    """A stage that learns from the teacher; what is not of the stage is of its training."""
    objective = ObjectiveSpec(name=name, temperature=temperature, lam=lam)
    return stage(model, objective=objective, teachers=(TEACHER.hash,), **changes)


def several(**changes: Any) -> tuple[StageSpec, ...]:
    """One student a setting, with the same seed and rate."""
    return tuple(student(temperature, lam, **changes) for temperature, lam in SETTINGS)


def request(
    students: Sequence[StageSpec], folder: Path | None = None, *, stacked: bool = True
) -> ChunkRequest:
    nets = {key: (spec, as_arrays(own)) for key, (spec, own) in library().known.items()}
    chunk = Chunk(tuple(students), stacked, "They do.")
    return ChunkRequest(chunk, nets, Path("unused"), folder)


def together(
    students: Sequence[StageSpec],
    folder: Path | None = None,
    *,
    stacked: bool = True,
    listener: events.Listener | None = None,
    control: Control | None = None,
    splits: Splits | None = None,
) -> ChunkResult:
    asked = request(students, folder, stacked=stacked)
    return run_chunk(asked, listener or Heard(), control or Control(), splits or few())


def weights_of(result: ChunkResult) -> list[dict[str, torch.Tensor]]:
    """The weights of each student."""
    found = []
    for one in result.students:
        assert one.weights is not None
        found.append({name: torch.from_numpy(array) for name, array in one.weights.items()})
    return found


def alone(
    spec: StageSpec, folder: Path, splits: Splits | None = None
) -> tuple[dict[str, torch.Tensor], Heard]:
    """The same student trained as an experiment trains it, and what was said of it."""
    heard = Heard()
    weights = run(spec, folder / spec.hash, library=library(), splits=splits, listener=heard)
    return weights, heard
