"""A sweep in pieces that can be trained anywhere: what is asked for, what comes back, how to cut.

A chunk is a pure function's argument: it carries the weights of the nets that its students learn
from, so that any process that has the data can train it, and it can be pickled. Students of one
seed come first, since they look at the same batches and the first seed's map is then whole before
the second begins.
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
    Need,
    Verdict,
    in_words,
    largest_by_work,
    need,
    verdict,
)

if TYPE_CHECKING:  # planning comes without torch
    from torch import Tensor

Arrays = dict[str, NDArray[np.float32]]
LARGEST = 32
"""Students in a stack at most. Measured for 784-64-10: from 25 to 75 a student takes longer, not
shorter, since weights and Adam's state no longer lie in the cache; and less is lost with a worker.
"""
APART = 5
"""Students in a chunk that trains one after the other."""


@dataclass(frozen=True)
class Chunk:
    """Students that one worker trains, and whether together; ``sentence`` says why."""

    students: tuple[StageSpec, ...]
    stacked: bool
    sentence: str

    @property
    def key(self) -> str:
        """16 hex digits that stand for these students in this order, trained in this way."""
        content = json.dumps([self.stacked, *(student.hash for student in self.students)])
        return hashlib.sha256(content.encode()).hexdigest()[:16]


@dataclass(frozen=True, eq=False)
class ChunkRequest:
    """A chunk with all that its training needs but the data.

    Attributes:
        chunk: what to train.
        nets: stages that the students learn from or start from, with their weights, by hash.
        data: the data folder of the machine that trains.
        folder: for checkpoints; None keeps none.
        device: where to train.
        with_weights: whether the result carries the students' weights.
    """

    chunk: Chunk
    nets: Mapping[str, tuple[StageSpec, Arrays]]
    data: Path
    folder: Path | None = None
    device: str = "cpu"
    with_weights: bool = True


@dataclass(frozen=True, eq=False)
class StudentResult:
    """A student that is done.

    Attributes:
        spec: its stage.
        kept_epoch: the epoch whose weights were kept.
        epochs: its figures, epoch by epoch.
        validation: of the kept weights.
        test_accuracy: of the kept weights, read once. For the cell chosen on validation alone.
        weights: by name; None where they were not asked for.
    """

    spec: StageSpec
    kept_epoch: int
    epochs: tuple[StudentEpoch, ...]
    validation: Scores
    test_accuracy: float
    weights: Arrays | None = field(repr=False)


@dataclass(frozen=True)
class ChunkResult:
    """A chunk that is done.

    Attributes:
        key: the chunk's.
        students: in the chunk's order, but for those that were given up.
        seconds: spent on it, pauses left out, earlier sittings counted.
        machine: what it was trained on, in words.
    """

    key: str
    students: tuple[StudentResult, ...]
    seconds: float
    machine: str


def as_arrays(weights: Mapping[str, Tensor]) -> Arrays:
    """Weights as they travel."""
    return {name: value.detach().cpu().numpy().copy() for name, value in weights.items()}


def plan_chunks(
    students: Iterable[StageSpec], info: DatasetInfo, budget: int, workers: int = 1
) -> tuple[Chunk, ...]:
    """Cut a sweep into chunks.

    Args:
        students: all trainings of the sweep; seed by seed.
        info: the dataset's.
        budget: bytes that one chunk may take.
        workers: chunks that are trained at once; from two on they are cut for all to be busy.

    Raises:
        UserError: not even one student fits; or the net is impossible.
    """
    asked = list(students)
    families: dict[str, list[StageSpec]] = {}
    for student in asked:
        families.setdefault(_family(student), []).append(student)
    chunks = [
        chunk for family in families.values() for chunk in _cut(family, info, budget, workers)
    ]
    order = _seeds(asked)
    return tuple(sorted(chunks, key=lambda chunk: order.index(chunk.students[0].seed)))


def check_fits(chunk: Chunk, info: DatasetInfo, budget: int) -> None:
    """Refuse a chunk that takes more memory than there is.

    Raises:
        UserError: with the largest number of students that fits.
    """
    own = need(chunk.students[0], info, seeds=len(_seeds(chunk.students)))
    count = len(chunk.students) if chunk.stacked else 1
    if own.of(count) > budget:
        raise UserError(_too_many(own, count, budget))


def largest_that_fits(student: StageSpec, info: DatasetInfo, budget: int) -> int:
    """Students of this kind that may train together: bounded by memory and by work.

    Raises:
        UserError: not even one fits.
    """
    own = need(student, info, seeds=1)
    fitting = own.fitting(budget)
    if fitting < 1:
        raise UserError(_too_many(own, 1, budget))
    by_work = largest_by_work(student.model, student.train, len(info.classes))
    return min(fitting, by_work, LARGEST)


def _cut(family: Sequence[StageSpec], info: DatasetInfo, budget: int, workers: int) -> list[Chunk]:
    """Chunks of students that could all train together."""
    first = family[0]
    judged = verdict(first.model, first.train, len(info.classes), first.objective.name)
    largest = largest_that_fits(first, info, budget) if judged.stacks else APART
    if workers > 1:
        return [_chunk(part, judged) for part in _for_all(family, largest, workers)]
    parts: list[list[StageSpec]] = []
    for _, group in groupby(family, key=lambda student: student.seed):
        of_seed = list(group)
        if judged.stacks and parts and len(parts[-1]) + len(of_seed) <= largest:
            parts[-1] += of_seed  # small grids: several seeds share a stack
        else:
            parts += _evenly(of_seed, -(-len(of_seed) // largest))
    return [_chunk(part, judged) for part in parts]


def _chunk(students: Sequence[StageSpec], judged: Verdict) -> Chunk:
    # Neighbours of one rate share an optimiser.
    ordered = sorted(students, key=lambda student: student.train.learning_rate)
    return Chunk(tuple(ordered), judged.stacks, judged.sentence)


def _evenly(students: Sequence[StageSpec], count: int) -> list[list[StageSpec]]:
    """So many parts, of sizes that differ by one at most.

    >>> [len(part) for part in _evenly(range(7), 3)]
    [3, 2, 2]
    """
    size, rest = divmod(len(students), count)
    parts, start = [], 0
    for place in range(count):
        stop = start + size + (place < rest)
        parts.append(list(students[start:stop]))
        start = stop
    return parts


def _for_all(students: Sequence[StageSpec], largest: int, workers: int) -> list[list[StageSpec]]:
    """Parts of one size, as many for each worker: none waits at the end for another's last one.

    >>> [len(part) for part in _for_all(range(75), 32, 2)]
    [19, 19, 19, 18]
    >>> [len(part) for part in _for_all(range(3), 32, 8)]
    [1, 1, 1]
    """
    rounds = -(-len(students) // (largest * workers))
    return _evenly(students, min(rounds * workers, len(students)))


def _family(student: StageSpec) -> str:
    """The same for students that can share a stack: all but T, lambda, seed, rate, other nets."""
    objective = student.objective.model_copy(update={"temperature": 1.0, "lam": 1.0})
    train = student.train.model_copy(update={"learning_rate": 1.0})
    changes = {"objective": objective, "train": train, "seed": 0}
    alike = student.model_copy(update={**changes, "teachers": (), "start_from": None})
    return f"{alike.hash} {len(student.teachers)} {student.start_from is None}"


def _seeds(students: Iterable[StageSpec]) -> list[int]:
    return list(dict.fromkeys(student.seed for student in students))


def _too_many(own: Need, count: int, budget: int) -> str:
    fitting = own.fitting(budget)
    asked = f"{count:,} students of this net need" if count > 1 else "One student of this net needs"
    remedy = (
        f"at most {fitting:,} fit together"
        if fitting >= 1
        else "take a smaller net, batch or dataset"
    )
    return (
        f"{asked} about {in_words(own.of(count))}, more than the {in_words(budget)} that may be "
        f"used; {remedy}."
    )
