"""Chunks of students: the unit of work that one process trains, its request and its result.

A :class:`ChunkRequest` carries the weights of all nets that its students learn from. It can be
pickled, and any process that has the dataset can train it. Chunks are ordered by seed, so that the
map of the first seed is complete before the second seed starts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tsexplorer.data.base import DatasetInfo
from tsexplorer.errors import UserError
from tsexplorer.specs import StageSpec
from tsexplorer.students.events import Scores, StudentEpoch
from tsexplorer.students.stacking_rule import (
    MemoryNeed,
    StackingDecision,
    decide_stacking,
    format_bytes,
    max_students_by_work,
    memory_needed,
)

if TYPE_CHECKING:  # planning must not import torch
    from torch import Tensor

Arrays = dict[str, NDArray[np.float32]]
"""Weights of a net by name."""
MAX_STACK_SIZE = 32
"""Students in a stack at most. Measured for 784-64-10: with 25 to 75 students the time per student
grows, since weights and optimiser state no longer fit into the cache. Small chunks also limit what
a lost worker costs."""
MAX_SEQUENTIAL = 5
"""Students in a chunk at most, where they train one after the other."""


@dataclass(frozen=True)
class Chunk:
    """Students that one process trains.

    Attributes:
        students: their stages.
        stacked: whether they train together in one stack.
        sentence: the reason for this.
    """

    students: tuple[StageSpec, ...]
    stacked: bool
    sentence: str

    @property
    def key(self) -> str:
        """Identifier of 16 hex digits: depends on the students, their order and ``stacked``."""
        content = json.dumps([self.stacked, *(student.hash for student in self.students)])
        return hashlib.sha256(content.encode()).hexdigest()[:16]


@dataclass(frozen=True, eq=False)
class ChunkRequest:
    """A chunk with everything that its training needs except the dataset.

    Attributes:
        chunk: the students to train.
        nets: stages that the students learn from or start from, with their weights, by hash.
        data_folder: folder of the datasets on the machine that trains.
        folder: for checkpoints; None writes none.
        device: device to train on.
    """

    chunk: Chunk
    nets: Mapping[str, tuple[StageSpec, Arrays]]
    data_folder: Path
    folder: Path | None = None
    device: str = "cpu"


@dataclass(frozen=True, eq=False)
class StudentResult:
    """A trained student.

    Attributes:
        spec: its stage.
        kept_epoch: the epoch whose weights are kept.
        epochs: metrics of each epoch.
        validation: metrics of the kept weights.
        test_accuracy: of the kept weights, share of 1; measured once. Not for selection.
        weights: the kept weights by name.
    """

    spec: StageSpec
    kept_epoch: int
    epochs: tuple[StudentEpoch, ...]
    validation: Scores
    test_accuracy: float
    weights: Arrays = field(repr=False)


@dataclass(frozen=True)
class ChunkResult:
    """A trained chunk.

    Attributes:
        key: of the chunk.
        students: in the order of the chunk, without those that were pruned.
        seconds: training time without pauses, including the time before a checkpoint.
        machine: description of the machine that trained.
    """

    key: str
    students: tuple[StudentResult, ...]
    seconds: float
    machine: str


def as_arrays(weights: Mapping[str, Tensor]) -> Arrays:
    """Copy weights to NumPy arrays, which can be pickled without torch."""
    return {name: value.detach().cpu().numpy().copy() for name, value in weights.items()}


def plan_chunks(
    students: Iterable[StageSpec], info: DatasetInfo, budget: int, workers: int = 1
) -> tuple[Chunk, ...]:
    """Divide students into chunks.

    Args:
        students: ordered by seed.
        info: of the dataset.
        budget: bytes of memory that one chunk may use.
        workers: number of chunks that train at once. With two or more, the number of chunks is a
            multiple of it, so that all workers are busy until the end.

    Raises:
        UserError: a single student does not fit into memory, or the net is impossible.
    """
    students = list(students)
    groups: dict[str, list[StageSpec]] = {}
    for student in students:
        groups.setdefault(_group_key(student), []).append(student)
    chunks = [chunk for group in groups.values() for chunk in _divide(group, info, budget, workers)]
    seeds = _distinct_seeds(students)
    return tuple(sorted(chunks, key=lambda chunk: seeds.index(chunk.students[0].seed)))


def check_fits(chunk: Chunk, info: DatasetInfo, budget: int) -> None:
    """Check that a chunk needs at most ``budget`` bytes of memory.

    Raises:
        UserError: it needs more; the sentence gives the number of students that fit.
    """
    need = memory_needed(chunk.students[0], info, seeds=len(_distinct_seeds(chunk.students)))
    count = len(chunk.students) if chunk.stacked else 1
    if need.total(count) > budget:
        raise UserError(_describe_lack_of_memory(need, count, budget))


def max_stack_size(student: StageSpec, info: DatasetInfo, budget: int) -> int:
    """Largest number of students like this one in one stack, by memory and by work.

    Raises:
        UserError: a single student does not fit into ``budget`` bytes.
    """
    need = memory_needed(student, info, seeds=1)
    by_memory = need.max_students(budget)
    if by_memory < 1:
        raise UserError(_describe_lack_of_memory(need, 1, budget))
    by_work = max_students_by_work(student.model, student.train, info.task)
    return min(by_memory, by_work, MAX_STACK_SIZE)


def _divide(
    group: Sequence[StageSpec], info: DatasetInfo, budget: int, workers: int
) -> list[Chunk]:
    """Divide students that can share a stack into chunks."""
    first = group[0]
    decision = decide_stacking(first.model, first.train, info.task, first.objective.name)
    largest = max_stack_size(first, info, budget) if decision.stacks else MAX_SEQUENTIAL
    if workers > 1:
        return [_make_chunk(part, decision) for part in _split_for_workers(group, largest, workers)]
    parts: list[list[StageSpec]] = []
    for _, students in groupby(group, key=lambda student: student.seed):
        of_seed = list(students)
        if decision.stacks and parts and len(parts[-1]) + len(of_seed) <= largest:
            parts[-1] += of_seed  # in small grids several seeds share a stack
        else:
            parts += _split_evenly(of_seed, -(-len(of_seed) // largest))
    return [_make_chunk(part, decision) for part in parts]


def _make_chunk(students: Sequence[StageSpec], decision: StackingDecision) -> Chunk:
    # Neighbours with the same learning rate share an optimiser.
    ordered = sorted(students, key=lambda student: student.train.learning_rate)
    return Chunk(tuple(ordered), decision.stacks, decision.sentence)


def _split_evenly(students: Sequence[StageSpec], count: int) -> list[list[StageSpec]]:
    """Split students into ``count`` parts whose sizes differ by one at most.

    >>> [len(part) for part in _split_evenly(range(7), 3)]
    [3, 2, 2]
    """
    size, larger_parts = divmod(len(students), count)
    parts, start = [], 0
    for index in range(count):
        stop = start + size + (index < larger_parts)
        parts.append(list(students[start:stop]))
        start = stop
    return parts


def _split_for_workers(
    students: Sequence[StageSpec], largest: int, workers: int
) -> list[list[StageSpec]]:
    """Split students into parts of equal size, the same number for each worker.

    >>> [len(part) for part in _split_for_workers(range(75), 32, 2)]
    [19, 19, 19, 18]
    >>> [len(part) for part in _split_for_workers(range(3), 32, 8)]
    [1, 1, 1]
    """
    rounds = -(-len(students) // (largest * workers))
    return _split_evenly(students, min(rounds * workers, len(students)))


def _group_key(student: StageSpec) -> str:
    """Key that is equal for students that can share a stack.

    They may differ in T, lambda, seed, learning rate, teachers and initial weights.
    """
    objective = student.objective.model_copy(update={"temperature": 1.0, "lam": 1.0})
    train = student.train.model_copy(update={"learning_rate": 1.0})
    changes = {"objective": objective, "train": train, "seed": 0}
    common = student.model_copy(update={**changes, "teachers": (), "start_from": None})
    return f"{common.hash} {len(student.teachers)} {student.start_from is None}"


def _distinct_seeds(students: Iterable[StageSpec]) -> list[int]:
    return list(dict.fromkeys(student.seed for student in students))


def _describe_lack_of_memory(need: MemoryNeed, count: int, budget: int) -> str:
    fitting = need.max_students(budget)
    subject = (
        f"{count:,} students of this net need" if count > 1 else "One student of this net needs"
    )
    remedy = (
        f"at most {fitting:,} fit together"
        if fitting >= 1
        else "take a smaller net, batch or dataset"
    )
    return (
        f"{subject} about {format_bytes(need.total(count))}, more than the {format_bytes(budget)} "
        f"that may be used; {remedy}."
    )
